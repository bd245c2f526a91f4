package auth_test

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"deliverygraph/internal/auth"
	"deliverygraph/upstream"
)

// The keys of a URL are fetched when a token needs them. Until then tokens cannot be verified, which is not the
// caller's fault.
func TestKeysOfAURLAreFetchedOnDemand(t *testing.T) {
	t.Parallel()
	var down atomic.Bool
	var asked atomic.Int32
	down.Store(true)
	set := keySet(t)
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		if down.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		_, _ = w.Write(set)
	}))
	t.Cleanup(provider.Close)
	tokens, err := auth.FetchTokens(t.Context(), provider.URL, options, silent)
	if err != nil {
		t.Fatal(err)
	}
	valid := auth.Credential{Secret: sign(t, jwt.SigningMethodRS256, "rsa", rsaKey, good()), Bearer: true}
	down.Store(false)
	if got, err := tokens.Authenticate(t.Context(), valid); err != nil || !got.Users.Has(20) {
		t.Errorf("got %v, %v", got, err)
	}
	for range 10 {
		made := auth.Credential{Secret: sign(t, jwt.SigningMethodRS256, rand.Text(), otherKey, good()), Bearer: true}
		if _, err := tokens.Authenticate(t.Context(), made); upstream.CodeOf(err) != upstream.Unauthenticated {
			t.Errorf("a made-up key: %v", err)
		}
	}
	if n := asked.Load(); n != 2 {
		t.Errorf("the provider was asked %d times", n)
	}

	down.Store(true)
	if tokens, err = auth.FetchTokens(t.Context(), provider.URL, options, silent); err != nil {
		t.Fatal(err)
	}
	_, err = tokens.Authenticate(t.Context(), valid)
	var u *upstream.Error
	if !errors.As(err, &u) || u.Code != upstream.Unavailable || strings.Contains(u.Message, provider.URL) {
		t.Errorf("without keys: %v", err)
	}
}

// A withdrawn key stays valid until the set is fetched again. If fetching fails, the keys stay valid, for a day at
// most.
func TestWithdrawnKeysEndWithTheNextFetch(t *testing.T) {
	t.Parallel()
	var clock atomic.Int64
	var set atomic.Value
	set.Store(string(keySet(t)))
	asked := make(chan struct{})
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		select {
		case asked <- struct{}{}:
		default:
		}
		_, _ = io.WriteString(w, set.Load().(string))
	}))
	t.Cleanup(provider.Close)
	publish := func(text string) { // until it has been read: it is asked for once more
		set.Store(text)
		<-asked
		<-asked
	}
	o := options
	o.Refresh, o.Now = time.Millisecond, func() time.Time { return now.Add(time.Duration(clock.Load())) }
	tokens, err := auth.FetchTokens(t.Context(), provider.URL, o, silent)
	if err != nil {
		t.Fatal(err)
	}
	lasting := with(jwt.MapClaims{"exp": now.Add(100 * time.Hour).Unix()})
	of := func(method jwt.SigningMethod, kid string, key any) error {
		_, err := tokens.Authenticate(t.Context(),
			auth.Credential{Secret: sign(t, method, kid, key, lasting), Bearer: true})
		return err
	}
	if err := of(jwt.SigningMethodRS256, "rsa", rsaKey); err != nil {
		t.Fatal(err)
	}
	publish(strings.ReplaceAll(string(keySet(t)), `"kid":"rsa"`, `"kid":"another"`))
	for _, mistake := range []string{`{"error": "try later"}`, `{"keys": null}`, `[]`, `{"keys": []} x`, "x"} {
		publish(mistake)
	}
	if err := of(jwt.SigningMethodES256, "ec", ecKey); err != nil {
		t.Errorf("a key that is still there: %v", err)
	}
	clock.Store(int64(23 * time.Hour))
	if err := of(jwt.SigningMethodES256, "ec", ecKey); err != nil {
		t.Errorf("after 23 hours: %v", err)
	}
	clock.Store(int64(25 * time.Hour))
	if err := of(jwt.SigningMethodES256, "ec", ecKey); upstream.CodeOf(err) != upstream.Unavailable {
		t.Errorf("after 25 hours: %v", err)
	}
	clock.Store(0)
	if err := of(jwt.SigningMethodRS256, "rsa", rsaKey); upstream.CodeOf(err) != upstream.Unauthenticated {
		t.Errorf("the key that was withdrawn: %v", err)
	}
}

// An empty set withdraws all keys: tokens are refused, and callers are not asked to retry. A failed fetch withdraws
// none, whatever the response contains.
func TestAnEmptySetWithdrawsAllKeys(t *testing.T) {
	t.Parallel()
	type reply struct {
		status int
		text   string
	}
	var now atomic.Pointer[reply]
	now.Store(&reply{http.StatusOK, string(keySet(t))})
	asked := make(chan struct{})
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		select {
		case asked <- struct{}{}:
		default:
		}
		r := now.Load()
		w.WriteHeader(r.status)
		_, _ = io.WriteString(w, r.text)
	}))
	t.Cleanup(provider.Close)
	publish := func(status int, text string) {
		now.Store(&reply{status, text})
		<-asked
		<-asked
		<-asked
	}
	o := options
	o.Refresh = time.Millisecond
	tokens, err := auth.FetchTokens(t.Context(), provider.URL, o, silent)
	if err != nil {
		t.Fatal(err)
	}
	for _, kid := range []string{"rsa", ""} {
		valid := auth.Credential{Secret: sign(t, jwt.SigningMethodRS256, kid, rsaKey, good()), Bearer: true}
		refused := func() error { _, err := tokens.Authenticate(t.Context(), valid); return err }
		for _, failed := range []reply{
			{http.StatusInternalServerError, `{"keys": []}`}, {http.StatusNotFound, ""}, {http.StatusNoContent, ""},
			{http.StatusOK, "<html>"},
		} {
			if publish(failed.status, failed.text); refused() != nil {
				t.Errorf("key %q, after the answer %v: %v", kid, failed, refused())
			}
		}
		for _, none := range []string{
			`{"keys": []}`, `{"keys": [{"kty": "RSA", "kid": "rsa"}]}`, `{"keys": [{"kty": "new", "kid": "rsa"}]}`,
		} {
			if publish(http.StatusOK, none); upstream.CodeOf(refused()) != upstream.Unauthenticated {
				t.Errorf("key %q, after the set %s: %v", kid, none, refused())
			}
			if publish(http.StatusOK, string(keySet(t))); refused() != nil {
				t.Errorf("key %q, published again: %v", kid, refused())
			}
		}
	}
}

// An empty file withdraws its keys as well, if there were some before.
func TestAnEmptyFileOfKeysWithdrawsThem(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "jwks.json")
	write := func(text []byte) {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(keySet(t))
	synctest.Test(t, func(t *testing.T) {
		o := options
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		tokens, err := auth.OpenTokens(ctx, path, o, silent)
		if err != nil {
			t.Fatal(err)
		}
		valid := auth.Credential{Secret: sign(t, jwt.SigningMethodRS256, "rsa", rsaKey, good()), Bearer: true}
		for text, withdrawn := range map[string]bool{"x": false, `{"keys": []}`: true} {
			write(keySet(t))
			time.Sleep(3 * time.Second)
			synctest.Wait()
			write([]byte(text))
			time.Sleep(3 * time.Second)
			synctest.Wait()
			if _, err := tokens.Authenticate(t.Context(),
				valid); withdrawn != (upstream.CodeOf(err) == upstream.Unauthenticated) || !withdrawn && err != nil {
				t.Errorf("after %s: %v", text, err)
			}
		}
	})
}

// A URL of keys may contain a token, which the log does not show.
func TestLogLacksTheURLOfKeys(t *testing.T) {
	t.Parallel()
	provider := httptest.NewServer(http.NotFoundHandler())
	provider.Close()
	var log strings.Builder
	_, err := auth.FetchTokens(t.Context(), provider.URL+"/keys?token=secret", options,
		slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil || !strings.Contains(log.String(), "cannot be fetched") || strings.Contains(log.String(), "secret") {
		t.Errorf("%v, %s", err, log.String())
	}
}
