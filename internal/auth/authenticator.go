package auth

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"deliverygraph/upstream"
)

// Authenticator identifies callers.
type Authenticator interface {
	// Authenticate returns the caller that a credential belongs to; the zero Credential means that none was sent.
	// Errors are an [upstream.Error] with a message for the caller: [upstream.Unauthenticated] says what to send, and
	// [upstream.Unavailable] that the caller cannot be identified at present. It is safe for concurrent use.
	Authenticate(ctx context.Context, c Credential) (Caller, error)
}

// Open is the Authenticator that requires no credential: every caller is [Anyone].
type Open struct{}

// Authenticate returns Anyone.
func (Open) Authenticate(context.Context, Credential) (Caller, error) { return Anyone(), nil }

// KeysOrTokens is the Authenticator of a gateway that accepts both API keys and tokens.
type KeysOrTokens struct{ Keys, Tokens Authenticator }

// Authenticate passes credentials in the form of a JSON Web Token to Tokens, and all others to Keys.
func (k KeysOrTokens) Authenticate(ctx context.Context, cred Credential) (Caller, error) {
	switch {
	case cred.Secret == "":
		return Caller{},
			Refuse("this API requires authentication: send your API key or token as Authorization: Bearer …, " +
				"or the key as Authorization: apikey=… or X-API-Key: …")
	case cred.Bearer && strings.Count(cred.Secret, ".") == 2:
		return k.Tokens.Authenticate(ctx, cred)
	}
	return k.Keys.Authenticate(ctx, cred)
}

var anyone = identity{Caller: Anyone()}

// Identify returns the context of a request's caller, identified by its headers and, if it requests a WebSocket, by the
// payload of connection_init: browsers cannot set headers for WebSockets.
func Identify(ctx context.Context, a Authenticator, h http.Header, payload map[string]any) (context.Context, error) {
	if _, open := a.(Open); open { // it ignores credentials, which may be meant for others
		return context.WithValue(ctx, contextKey{}, &anyone), nil
	}
	cred, err := CredentialOf(h, payload)
	if err != nil {
		return nil, err
	}
	c, err := a.Authenticate(ctx, cred)
	if err != nil {
		return nil, err
	}
	return context.WithValue(ctx, contextKey{}, &identity{c, a, cred}), nil
}

// Check returns an error unless the caller of ctx is still allowed and has the same rights as when it was identified:
// while a stream is open, keys may be withdrawn or changed, and tokens expire. If that cannot be determined at present,
// the caller may stay.
func Check(ctx context.Context) error {
	i, _ := ctx.Value(contextKey{}).(*identity)
	if i == nil || i.by == nil {
		return nil
	}
	now, err := i.by.Authenticate(ctx, i.credential)
	switch {
	case upstream.CodeOf(err) == upstream.Unauthenticated:
		return err
	case err != nil:
		return nil
	case now.Name != i.Name || now.View() != i.View() || now.Limits != i.Limits:
		return Refuse("the permissions of this API key or token have changed: connect again")
	}
	return nil
}

// Challenge is the WWW-Authenticate header of a refusal.
const Challenge = `Bearer realm="DeliveryGraph"`

func refuse(code upstream.Code, format string, args ...any) error {
	return &upstream.Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// PassThrough is the Authenticator of a gateway whose upstream authenticates callers: a caller's upstream calls use the
// caller's own API key, and return what that key may read.
type PassThrough struct {
	mu       sync.Mutex
	accepted map[string]bool // by [Caller.Realm]
}

// mostAccepted is how many accepted keys are remembered.
const mostAccepted = 100_000

// accept remembers that the upstream has accepted a key.
func (p *PassThrough) accept(realm string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.accepted == nil || len(p.accepted) >= mostAccepted {
		p.accepted = map[string]bool{}
	}
	p.accepted[realm] = true
}

func (p *PassThrough) accepts(realm string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.accepted[realm]
}

// Authenticate returns the caller with the key. The upstream decides whether the key is valid when it is called.
func (p *PassThrough) Authenticate(_ context.Context, cred Credential) (Caller, error) {
	if cred.Secret == "" {
		return Caller{},
			Refuse("this API requires authentication: send the API key that you have for the metrics API as " +
				"Authorization: apikey=KEY, Authorization: Bearer KEY or X-API-Key: KEY")
	}
	sum := sha256.Sum256([]byte(cred.Secret))
	c := Anyone()
	c.Name = "key:" + hex.EncodeToString(sum[:8])
	c.UpstreamKey, c.passThrough = Secret(cred.Secret), p
	return c, nil
}
