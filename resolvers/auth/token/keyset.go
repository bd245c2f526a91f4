package token

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/time/rate"

	"deliverygraph/graph/reload"
)

// errNoKeys is that the key set could not be fetched yet.
var errNoKeys = errors.New("there is no key")

// maxStale is how long keys stay in force that can no longer be asked for: a night of a
// provider's, but not what somebody makes of keeping us from it once a key of his has been
// withdrawn.
const maxStale = 24 * time.Hour

// keySet is the provider's public keys, as they are at present.
type keySet struct {
	current atomic.Pointer[keyfunc.Keyfunc]
	// tooOld says that they were fetched too long ago; nil is never.
	tooOld func() bool
}

// of gives the key that a token says it is signed with.
func (k *keySet) of(ctx context.Context) jwt.Keyfunc {
	return func(t *jwt.Token) (any, error) {
		if k.tooOld != nil && k.tooOld() {
			return nil, errNoKeys
		}
		f := *k.current.Load()
		key, err := f.KeyfuncCtx(ctx)(t)
		if err != nil {
			if all, readErr := f.Storage().KeyReadAll(ctx); readErr != nil || len(all) == 0 {
				return nil, errors.Join(errNoKeys, err)
			}
		}
		return key, err
	}
}

// fetched are keys of a URL.
type fetched struct {
	jwkset.Storage
	now func() time.Time
	at  atomic.Pointer[time.Time] // nil before they were first fetched
}

// KeyReplaceAll implements [jwkset.Storage]. A set without a key is a provider's mistake:
// it takes none away.
func (f *fetched) KeyReplaceAll(ctx context.Context, keys []jwkset.JWK) error {
	if len(keys) == 0 {
		return errNoKeys
	}
	at := f.now()
	f.at.Store(&at)
	return f.Storage.KeyReplaceAll(ctx, keys)
}

func (f *fetched) tooOld() bool {
	at := f.at.Load()
	return at != nil && f.now().Sub(*at) > maxStale
}

// Fetch gives the Tokens by the keys at a URL, which is asked at once, every so often
// ([Options.Refresh]), and when a token names a key that is not among them, at most twice
// a minute. While it cannot be asked the keys of the last time stay in force, for a day.
// It ends with ctx.
func Fetch(ctx context.Context, url string, o Options, logger *slog.Logger) (*Tokens, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	const patience = 10 * time.Second
	o.setDefaults()
	keys := &fetched{Storage: jwkset.NewMemoryStorage(), now: o.Now}
	storage, err := jwkset.NewStorageFromHTTP(url, jwkset.HTTPClientStorageOptions{
		Client: &http.Client{Transport: bounded{http.DefaultTransport}, CheckRedirect: stays, Timeout: patience}, Ctx: ctx, HTTPTimeout: patience,
		NoErrorReturnFirstHTTPReq: true, RefreshInterval: o.Refresh, Storage: keys,
		RefreshErrorHandler: func(_ context.Context, err error) {
			logger.Error("the identity provider's keys cannot be had: those of the last time, if any, stay in force for a day", "error", err)
		},
	})
	if err == nil {
		// Its wait for the limiter and the fetch share one bound, so that tokens with made-up
		// keys wait for neither.
		storage, err = jwkset.NewHTTPClient(jwkset.HTTPClientOptions{
			HTTPURLs: map[string]jwkset.Storage{url: storage}, RateLimitWaitMax: patience, RefreshUnknownKID: rate.NewLimiter(rate.Every(30*time.Second), 1),
		})
	}
	if err != nil {
		return nil, fmt.Errorf("token: the URL of the keys: %w", err)
	}
	f, err := keyfunc.New(keyfunc.Options{Ctx: ctx, Storage: storage})
	if err != nil {
		return nil, err
	}
	k := &keySet{tooOld: keys.tooOld}
	k.current.Store(&f)
	return newTokens(o, k), nil
}

// Open gives the Tokens by the keys of a file. The file is kept up with until ctx ends.
func Open(ctx context.Context, path string, o Options, logger *slog.Logger) (*Tokens, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	k := &keySet{}
	file, err := reload.Open(path, func(text []byte) error {
		f, err := keyfunc.NewJWKSetJSON(json.RawMessage(text))
		if err != nil {
			return errors.New("it is not a JWKS: a JSON object with the public keys in an array \"keys\"")
		}
		if all, err := f.Storage().KeyReadAll(ctx); err != nil || len(all) == 0 {
			return errors.New("it is a JWKS without a key")
		}
		k.current.Store(&f)
		return nil
	})
	if err != nil {
		return nil, err
	}
	go file.Follow(ctx, 2*time.Second, logger)
	return newTokens(o, k), nil
}

// stays follows redirects, but not to where anybody may answer.
func stays(to *http.Request, via []*http.Request) error {
	if len(via) > 3 || via[0].URL.Scheme == "https" && to.URL.Scheme != "https" {
		return errors.New("redirected too often, or away from https")
	}
	return nil
}

// bounded bounds what is read of an answer.
type bounded struct{ http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		resp.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(resp.Body, 1<<20), resp.Body}
	}
	return resp, err
}
