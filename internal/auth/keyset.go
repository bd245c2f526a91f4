package auth

import (
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/time/rate"

	"deliverygraph/internal/web"
)

// errNoKeys says that the key set could not be fetched yet, or not for too long.
var errNoKeys = errors.New("there is no key set")

const (
	// maxStale is how long keys stay valid while their URL cannot be fetched: long enough for an outage of the provider
	// overnight, but not for an attacker who has a withdrawn key and blocks the gateway's requests.
	maxStale = 24 * time.Hour
	// fetchTime limits the time of a fetch.
	fetchTime = 10 * time.Second
	// maxSet limits the size of a key set in bytes.
	maxSet = 1 << 20
)

// keySet holds the provider's current public keys.
type keySet struct {
	current atomic.Pointer[publicKeys] // nil before the first set was read
	// refresh reads the set again, for a token whose key is missing; nil if a file is watched instead.
	refresh func(context.Context)
	// tooOld reports whether keys were read too long ago; nil means never.
	tooOld func(*publicKeys) bool
}

// publicKeys are the keys of the set as it was read once.
type publicKeys struct {
	keys []jwkset.JWKMarshal
	of   []any // the public key of each, for package jwt
	read time.Time
}

// parseKeySet parses a JWKS (RFC 7517). It ignores keys of unsupported types and keys that are not for signatures, so
// the result may be empty.
func parseKeySet(text []byte) (*publicKeys, error) {
	var set struct {
		Keys *[]json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(text, &set); err != nil || set.Keys == nil {
		return nil, errors.New("it is not a JWKS: a JSON object with the public keys in an array \"keys\"")
	}
	p := &publicKeys{}
	for _, raw := range *set.Keys {
		jwk, err := jwkset.NewJWKFromRawJSON(raw, jwkset.JWKMarshalOptions{Private: true}, jwkset.JWKValidateOptions{})
		if err != nil {
			continue
		}
		m := jwk.Marshal()
		if m.USE != "" && m.USE != jwkset.UseSig ||
			len(m.KEYOPS) > 0 && !slices.Contains(m.KEYOPS, jwkset.KeyOpsVerify) {
			continue
		}
		key := jwk.Key()
		switch k := key.(type) {
		case []byte: // a shared secret; symmetric algorithms are not supported
			continue
		case interface{ Public() crypto.PublicKey }:
			key = k.Public()
		}
		p.keys, p.of = append(p.keys, m), append(p.of, key)
	}
	return p, nil
}

// find returns the keys that may have signed a token: those for its algorithm with the id that it names, or with any id
// if it names none.
func (p *publicKeys) find(kid string, named bool, alg string) (found []jwt.VerificationKey) {
	if p == nil {
		return nil
	}
	for i, m := range p.keys {
		if (!named || m.KID == kid) && (m.ALG == "" || m.ALG.String() == alg) {
			found = append(found, p.of[i])
		}
	}
	return found
}

// of returns the function that finds the keys that may have signed a token.
func (k *keySet) of(ctx context.Context) jwt.Keyfunc {
	return func(t *jwt.Token) (any, error) {
		if err := checkHeader(t.Header); err != nil {
			return nil, err
		}
		kid, named := t.Header["kid"].(string)
		if _, there := t.Header["kid"]; there != named {
			return nil, jwt.ErrTokenMalformed
		}
		keys := k.current.Load()
		found := keys.find(kid, named, t.Method.Alg())
		if len(found) == 0 && k.refresh != nil {
			k.refresh(ctx)
			keys = k.current.Load()
			found = keys.find(kid, named, t.Method.Alg())
		}
		switch {
		case keys == nil, k.tooOld != nil && k.tooOld(keys):
			return nil, errNoKeys
		case len(found) == 0:
			return nil, jwt.ErrTokenUnverifiable
		}
		return jwt.VerificationKeySet{Keys: found}, nil
	}
}

// FetchTokens returns the Tokens for the keys at a URL. It fetches them at once, periodically
// ([TokenOptions.Refresh]), and at most twice a minute when a token names an unknown key. Each set replaces the
// previous one, even if it is empty. While the URL cannot be fetched, the last set stays valid for a day. Fetching ends
// with ctx.
func FetchTokens(ctx context.Context, address string, o TokenOptions, logger *slog.Logger) (*Tokens, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if _, err := url.ParseRequestURI(address); err != nil {
		return nil, fmt.Errorf("token: the URL of the keys: %w", err)
	}
	o.setDefaults()
	client := &http.Client{CheckRedirect: stays, Timeout: fetchTime}
	k := &keySet{tooOld: func(p *publicKeys) bool { return o.Now().Sub(p.read) > maxStale }}
	var one sync.Mutex // so that no response overwrites a later one
	fetch := func(ctx context.Context) {
		one.Lock()
		defer one.Unlock()
		asked := o.Now()
		keys, err := fetchKeySet(ctx, client, address)
		if err != nil {
			if ctx.Err() == nil {
				logger.Error("the identity provider's keys cannot be fetched: the last ones, "+
					"if any, stay in force for a day", "error", err)
			}
			return
		}
		keys.read = asked
		if before := k.current.Swap(keys); len(keys.of) == 0 && (before == nil || len(before.of) > 0) {
			logger.Warn("the identity provider publishes no key: all tokens are refused until it does")
		}
	}
	// The wait for the limiter ends after fetchTime, so that invented key ids cannot hold requests longer than a fetch.
	unknown := rate.NewLimiter(rate.Every(30*time.Second), 1)
	k.refresh = func(caller context.Context) {
		wait, cancel := context.WithTimeout(caller, fetchTime)
		defer cancel()
		if unknown.Wait(wait) == nil {
			fetch(context.WithoutCancel(caller)) // others wait for these keys too
		}
	}
	fetch(ctx)
	go func() {
		tick := time.NewTicker(o.Refresh)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				fetch(ctx)
			}
		}
	}()
	return newTokens(o, k), nil
}

func fetchKeySet(ctx context.Context, client *http.Client, address string) (*publicKeys, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if failed, ok := errors.AsType[*url.Error](err); ok {
		return nil, failed.Err // without the URL, which may contain a token
	} else if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the answer has the status %d", resp.StatusCode)
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxSet+1))
	switch {
	case err != nil:
		return nil, err
	case len(text) > maxSet:
		return nil, fmt.Errorf("the answer has more than %d bytes", maxSet)
	}
	return parseKeySet(text)
}

// OpenTokens returns the Tokens for the keys in a file, which must have at least one at the start. The file is read
// again when it changes, until ctx ends.
func OpenTokens(ctx context.Context, path string, o TokenOptions, logger *slog.Logger) (*Tokens, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	k := &keySet{}
	file, err := web.OpenFile(path, func(text []byte) error {
		keys, err := parseKeySet(text)
		if err != nil {
			return err
		}
		if len(keys.of) == 0 && k.current.Load() == nil {
			return errors.New("it is a JWKS without a key for signatures")
		}
		k.current.Store(keys)
		return nil
	})
	if err != nil {
		return nil, err
	}
	go file.Follow(ctx, 2*time.Second, logger)
	return newTokens(o, k), nil
}

// stays allows up to three redirects, but none from https to another scheme.
func stays(to *http.Request, via []*http.Request) error {
	if len(via) > 3 || via[0].URL.Scheme == "https" && to.URL.Scheme != "https" {
		return errors.New("redirected too often, or away from https")
	}
	return nil
}
