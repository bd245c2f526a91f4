package auth

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"deliverygraph/upstream"
)

// Authenticator tells who a caller is.
type Authenticator interface {
	// Authenticate gives the caller whose credential it is; the zero Credential is of
	// one who sent none. Errors are an [upstream.Error] whose message is for the caller:
	// [upstream.Unauthenticated] says what to send, [upstream.Unavailable] that it
	// cannot be known at present. It is safe for concurrent use.
	Authenticate(ctx context.Context, c Credential) (Caller, error)
}

// Open is the Authenticator that asks nobody: whoever it is, is [Anyone].
type Open struct{}

// Authenticate gives Anyone.
func (Open) Authenticate(context.Context, Credential) (Caller, error) { return Anyone(), nil }

// KeysOrTokens is the Authenticator of a gateway that takes both API keys and tokens.
type KeysOrTokens struct{ Keys, Tokens Authenticator }

// Authenticate asks Tokens for what has the form of a JSON Web Token, and Keys for
// everything else.
func (k KeysOrTokens) Authenticate(ctx context.Context, cred Credential) (Caller, error) {
	switch {
	case cred.Secret == "":
		return Caller{},
			Refuse("this API asks who you are: send your API key or token as Authorization: Bearer …, " +
				"or the key as Authorization: apikey=… or X-API-Key: …")
	case cred.Bearer && strings.Count(cred.Secret, ".") == 2:
		return k.Tokens.Authenticate(ctx, cred)
	}
	return k.Keys.Authenticate(ctx, cred)
}

var anyone = identity{Caller: Anyone()}

// Identify gives the context of a request's caller, by its headers.
func Identify(ctx context.Context, a Authenticator, h http.Header) (context.Context, error) {
	return IdentifySocket(ctx, a, h, nil)
}

// IdentifySocket gives the context of a WebSocket's caller, by the headers of its first
// request, where there are any, and by the payload of its connection_init: browsers
// cannot send headers.
func IdentifySocket(ctx context.Context, a Authenticator, h http.Header,
	payload map[string]any) (context.Context, error) {
	if _, open := a.(Open); open { // it has no use for what may be meant for others
		return context.WithValue(ctx, contextKey{}, &anyone), nil
	}
	cred, err := credentialOf(h, payload)
	if err != nil {
		return nil, err
	}
	c, err := a.Authenticate(ctx, cred)
	if err != nil {
		return nil, err
	}
	return context.WithValue(ctx, contextKey{}, &identity{c, a, cred}), nil
}

// Check says whether the caller of ctx is still let in and may do what it could when it
// was identified: keys are withdrawn or changed, and tokens expire, while streams are
// open. That this cannot be known at present is no reason to turn it away.
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
		return Refuse("what this API key or token may do has changed: connect again")
	}
	return nil
}

// Middleware lets in only whom the Authenticator knows, with the [Caller] in the
// request's context. Others are told so by answer, which writes an error as the
// endpoint does; where it is an [upstream.Unauthenticated] one the WWW-Authenticate
// header is set already.
func Middleware(a Authenticator, answer func(http.ResponseWriter, *http.Request, error),
	next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, err := Identify(r.Context(), a, r.Header)
		if err != nil {
			if upstream.CodeOf(err) == upstream.Unauthenticated {
				w.Header().Set("WWW-Authenticate", Challenge)
			}
			answer(w, r, err)
			return
		}
		if ctx != r.Context() {
			r = r.WithContext(ctx)
		}
		next.ServeHTTP(w, r)
	})
}

// Challenge is the WWW-Authenticate header of a refusal.
const Challenge = `Bearer realm="DeliveryGraph"`

func refuse(code upstream.Code, format string, args ...any) error {
	return &upstream.Error{Code: code, Message: fmt.Sprintf(format, args...)}
}
