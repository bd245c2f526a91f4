package auth_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"deliverygraph/internal/auth"
	"deliverygraph/upstream"
)

var (
	rsaKey, _   = rsa.GenerateKey(rand.Reader, 2048)
	otherKey, _ = rsa.GenerateKey(rand.Reader, 2048)
	ecKey, _    = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	now         = time.Date(2016, 11, 22, 12, 0, 0, 0, time.UTC)
	silent      = slog.New(slog.DiscardHandler)
	options     = auth.TokenOptions{
		Algorithms: []string{"RS256", "ES256"}, Issuer: "https://login.example.com/", Audience: "metrics",
		UsersClaim: "users", ScopesClaim: "scope", Now: func() time.Time { return now },
	}
	b64 = base64.RawURLEncoding.EncodeToString
)

// keySet is the provider's public keys: two of RSA, one of an elliptic curve, and a secret that does not belong there.
func keySet(t *testing.T) []byte {
	t.Helper()
	ec, err := ecKey.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	set := map[string]any{"keys": []any{
		map[string]string{
			"kty": "RSA", "kid": "rsa", "use": "sig", "n": b64(rsaKey.N.Bytes()),
			"e": b64(big.NewInt(int64(rsaKey.E)).Bytes()),
		},
		map[string]string{"kty": "EC", "kid": "ec", "crv": "P-256", "x": b64(ec[1:33]), "y": b64(ec[33:])},
		map[string]string{"kty": "oct", "kid": "oct", "k": b64([]byte("a secret of the provider's own"))},
	}}
	text, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func good() jwt.MapClaims {
	return jwt.MapClaims{"iss": "https://login.example.com/", "aud": []string{"others", "metrics"}, "sub": "omar",
		"exp": now.Add(time.Minute).Unix(), "nbf": now.Add(-time.Minute).Unix(),
		"users": []any{20, "21"}, "scope": "openid metrics:read content:read"}
}

func with(changes jwt.MapClaims) jwt.MapClaims {
	c := good()
	maps.Copy(c, changes)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	return c
}

func sign(t *testing.T, method jwt.SigningMethod, kid string, key any, claims jwt.MapClaims) string {
	t.Helper()
	tok := jwt.NewWithClaims(method, claims)
	if kid != "" {
		tok.Header["kid"] = kid
	}
	s, err := tok.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func open(t *testing.T, text []byte) *auth.Tokens {
	t.Helper()
	path := filepath.Join(t.TempDir(), "jwks.json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	tokens, err := auth.OpenTokens(t.Context(), path, options, silent)
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

func TestGoodTokens(t *testing.T) {
	t.Parallel()
	tokens := open(t, keySet(t))
	rs := jwt.SigningMethodRS256
	all := auth.Caller{Name: "sub:omar", Users: auth.Only(20, 21), Scopes: auth.MetricsRead | auth.ContentRead}
	for name, c := range map[string]struct {
		token string
		want  auth.Caller
	}{
		"of RSA":               {sign(t, rs, "rsa", rsaKey, good()), all},
		"no key id":            {sign(t, rs, "", rsaKey, good()), all},
		"of an elliptic curve": {sign(t, jwt.SigningMethodES256, "ec", ecKey, good()), all},
		"an audience alone":    {sign(t, rs, "rsa", rsaKey, with(jwt.MapClaims{"aud": "metrics"})), all},
		"clocks that differ a bit": {
			sign(t, rs, "rsa", rsaKey, with(jwt.MapClaims{"exp": now.Add(-20 * time.Second).Unix(), "nbf": nil})), all,
		},
		"begun for us, nearly": {
			sign(t, rs, "rsa", rsaKey, with(jwt.MapClaims{"nbf": now.Add(20 * time.Second).Unix()})), all,
		},
		"all users": {
			sign(t, rs, "rsa", rsaKey, with(jwt.MapClaims{"users": "*"})),
			auth.Caller{Name: "sub:omar", Users: auth.Everyone(), Scopes: all.Scopes},
		},
		"all users, in an array": {
			sign(t, rs, "rsa", rsaKey, with(jwt.MapClaims{"users": []any{"*"}})),
			auth.Caller{Name: "sub:omar", Users: auth.Everyone(), Scopes: all.Scopes},
		},
		"users as a text": {sign(t, rs, "rsa", rsaKey, with(jwt.MapClaims{"users": "21 20"})), all},
		"one user": {
			sign(t, rs, "rsa", rsaKey, with(jwt.MapClaims{"users": 20})),
			auth.Caller{Name: "sub:omar", Users: auth.Only(20), Scopes: all.Scopes},
		},
		"a user beyond what floats": {
			sign(t, rs, "rsa", rsaKey, with(jwt.MapClaims{"users": []any{json.Number("9007199254740993")}})),
			auth.Caller{Name: "sub:omar", Users: auth.Only(9007199254740993), Scopes: all.Scopes},
		},
		"scopes in an array": {
			sign(t, rs, "rsa", rsaKey,
				with(jwt.MapClaims{"scope": []any{"metrics:read", "recipients:read", "metrics:write"}})),
			auth.Caller{Name: "sub:omar", Users: all.Users, Scopes: auth.MetricsRead | auth.RecipientsRead},
		},
		"no scope is nothing to see": {
			sign(t, rs, "rsa", rsaKey, with(jwt.MapClaims{"scope": nil})),
			auth.Caller{Name: "sub:omar", Users: all.Users},
		},
	} {
		got, err := tokens.Authenticate(t.Context(), auth.Credential{Secret: c.token, Bearer: true})
		if err != nil || fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%s: got %v, %v, want %v", name, got, err, c.want)
		}
	}
}

func TestInvalidTokensAreRefused(t *testing.T) {
	t.Parallel()
	tokens := open(t, keySet(t))
	rs := jwt.SigningMethodRS256
	der, _ := x509.MarshalPKIXPublicKey(&rsaKey.PublicKey)
	public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	valid := sign(t, rs, "rsa", rsaKey, good())
	parts := strings.Split(valid, ".")
	other := strings.Split(sign(t, rs, "rsa", rsaKey, with(jwt.MapClaims{"users": "*"})), ".")
	for name, c := range map[string]struct {
		secret string
		says   string
	}{
		"none":  {"", "Authorization: Bearer TOKEN"},
		"a key": {"dg_abc", "not a token"},
		"noise": {"a.b.c", "cannot be read"},
		"unsigned": {
			sign(t, jwt.SigningMethodNone, "rsa", jwt.UnsafeAllowNoneSignatureType, good()),
			"signed with RS256 or ES256",
		},
		"unsigned, in another case": {
			b64([]byte(`{"alg":"nOnE","kid":"rsa"}`)) + "." + parts[1] + ".", "an unknown key",
		},
		"no signature": {parts[0] + "." + parts[1] + ".", "signature is not valid here"},
		"the public key as a secret": {
			sign(t, jwt.SigningMethodHS256, "rsa", public, good()), "signed with RS256 or ES256",
		},
		"its DER as a secret": {
			sign(t, jwt.SigningMethodHS256, "rsa", der, good()), "signed with RS256 or ES256",
		},
		"the set's secret": {
			sign(t, jwt.SigningMethodHS256, "oct", []byte("a secret of the provider's own"), good()),
			"signed with RS256 or ES256",
		},
		"an algorithm that is not pinned": {
			sign(t, jwt.SigningMethodRS512, "rsa", rsaKey, good()), "signed with RS256 or ES256",
		},
		"a key for another algorithm":  {sign(t, rs, "ec", rsaKey, good()), "signature is not valid here"},
		"a key that is not in the set": {sign(t, rs, "rsa", otherKey, good()), "signature is not valid here"},
		"an unknown key id":            {sign(t, rs, "other", rsaKey, good()), "an unknown key"},
		"another's claims": {
			parts[0] + "." + other[1] + "." + parts[2], "signature is not valid here",
		},
		"expired": {
			sign(t, rs, "rsa", rsaKey, with(jwt.MapClaims{"exp": now.Add(-40 * time.Second).Unix()})), "expired",
		},
		"good forever": {
			sign(t, rs, "rsa", rsaKey, with(jwt.MapClaims{"exp": nil})), "lacks a required claim",
		},
		"not yet": {
			sign(t, rs, "rsa", rsaKey, with(jwt.MapClaims{"nbf": now.Add(time.Minute).Unix()})), "not valid yet",
		},
		"of another issuer": {
			sign(t, rs, "rsa", rsaKey, with(jwt.MapClaims{"iss": "https://login.example.com"})), "issuer",
		},
		"of no issuer": {sign(t, rs, "rsa", rsaKey, with(jwt.MapClaims{"iss": nil})), "claim"},
		"for others": {
			sign(t, rs, "rsa", rsaKey, with(jwt.MapClaims{"aud": []string{"others"}})), "not meant for this API",
		},
		"no audience":   {sign(t, rs, "rsa", rsaKey, with(jwt.MapClaims{"aud": nil})), "claim"},
		"no subject":    {sign(t, rs, "rsa", rsaKey, with(jwt.MapClaims{"sub": nil})), "sub"},
		"without users": {sign(t, rs, "rsa", rsaKey, with(jwt.MapClaims{"users": nil})), `"users"`},
		"without any user": {
			sign(t, rs, "rsa", rsaKey, with(jwt.MapClaims{"users": []any{}})), `"users"`,
		},
		"users that are none": {
			sign(t, rs, "rsa", rsaKey, with(jwt.MapClaims{"users": []any{20, map[string]any{"id": 21}}})), `"users"`,
		},
		"a fraction of a user": {
			sign(t, rs, "rsa", rsaKey, with(jwt.MapClaims{"users": []any{20.5}})), `"users"`,
		},
		"all and some": {
			sign(t, rs, "rsa", rsaKey, with(jwt.MapClaims{"users": []any{"*", 20}})), `"users"`,
		},
		"users of a truth": {sign(t, rs, "rsa", rsaKey, with(jwt.MapClaims{"users": true})), `"users"`},
	} {
		got, err := tokens.Authenticate(t.Context(), auth.Credential{Secret: c.secret, Bearer: true})
		var u *upstream.Error
		if !errors.As(err, &u) || u.Code != upstream.Unauthenticated || !strings.Contains(u.Message, c.says) ||
			fmt.Sprint(got) != fmt.Sprint(auth.Caller{}) {
			t.Errorf("%s: got %v, %v, want %q", name, got, err, c.says)
		}
	}
	if _, err := tokens.Authenticate(t.Context(),
		auth.Credential{Secret: valid}); upstream.CodeOf(err) != upstream.Unauthenticated {
		t.Errorf("a token as an API key: %v", err)
	}
}

// No header besides algorithm and key makes a token valid, and unknown critical extensions make it invalid.
func TestTokenHeadersAreNotTrusted(t *testing.T) {
	t.Parallel()
	var fetched atomic.Int32
	attacker := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fetched.Add(1) }))
	t.Cleanup(attacker.Close)
	set := strings.Replace(string(keySet(t)), `"keys":[`,
		`"keys":[{"kty":"RSA","kid":"enc","use":"enc","n":"`+b64(otherKey.N.Bytes())+
			`","e":"AQAB"},{"kty":"RSA","kid":"wraps","key_ops":["wrapKey"],"n":"`+b64(otherKey.N.Bytes())+
			`","e":"AQAB"},{"kty":"RSA","kid":"pss","alg":"PS256","n":"`+b64(otherKey.N.Bytes())+`","e":"AQAB"},`, 1)
	tokens := open(t, []byte(set))
	own := map[string]any{"kty": "RSA", "n": b64(otherKey.N.Bytes()), "e": "AQAB", "kid": "rsa"}
	for name, c := range map[string]struct {
		header map[string]any // nil takes away
		key    *rsa.PrivateKey
		says   string // of the refusal; "" takes it
	}{
		"as it is":                  {nil, rsaKey, ""},
		"no type":                   {map[string]any{"typ": nil}, rsaKey, ""},
		"an access token":           {map[string]any{"typ": "at+jwt"}, rsaKey, ""},
		"an access token, in full":  {map[string]any{"typ": "application/AT+JWT"}, rsaKey, ""},
		"a token of a logout":       {map[string]any{"typ": "logout+jwt"}, rsaKey, "typ"},
		"a proof of possession":     {map[string]any{"typ": "dpop+jwt"}, rsaKey, "typ"},
		"an encrypted one":          {map[string]any{"typ": "JWE"}, rsaKey, "typ"},
		"a type that is a number":   {map[string]any{"typ": 1}, rsaKey, "typ"},
		"critical":                  {map[string]any{"crit": []string{"exp"}, "exp": 1}, rsaKey, "crit"},
		"critical, but not there":   {map[string]any{"crit": []string{"https://example.com/x"}}, rsaKey, "crit"},
		"critical, but nothing":     {map[string]any{"crit": []string{}}, rsaKey, "crit"},
		"critical, but no list":     {map[string]any{"crit": "exp"}, rsaKey, "crit"},
		"not encoded":               {map[string]any{"b64": false, "crit": []string{"b64"}}, rsaKey, "crit"},
		"not encoded, not critical": {map[string]any{"b64": false}, rsaKey, "crit"},
		"a key of its own": {
			map[string]any{"jwk": own, "kid": nil}, otherKey, "signature is not valid here",
		},
		"a key of its own, named": {map[string]any{"jwk": own}, otherKey, "signature is not valid here"},
		"a set of its own": {
			map[string]any{"jku": attacker.URL, "kid": "x"}, otherKey, "an unknown key",
		},
		"a certificate of its own": {
			map[string]any{"x5u": attacker.URL, "x5c": []string{"MIIB"}, "x5t": "x"}, otherKey,
			"signature is not valid here",
		},
		"a number of a key":          {map[string]any{"kid": 1}, rsaKey, "cannot be read"},
		"a key that encrypts":        {map[string]any{"kid": "enc"}, otherKey, "an unknown key"},
		"a key that wraps":           {map[string]any{"kid": "wraps"}, otherKey, "an unknown key"},
		"a key of another algorithm": {map[string]any{"kid": "pss"}, otherKey, "an unknown key"},
		"such keys, none named":      {map[string]any{"kid": nil}, otherKey, "signature is not valid here"},
	} {
		tok := jwt.NewWithClaims(jwt.SigningMethodRS256, good())
		tok.Header["kid"] = "rsa"
		for k, v := range c.header {
			if tok.Header[k] = v; v == nil {
				delete(tok.Header, k)
			}
		}
		secret, err := tok.SignedString(c.key)
		if err != nil {
			t.Fatal(err)
		}
		_, err = tokens.Authenticate(t.Context(), auth.Credential{Secret: secret, Bearer: true})
		if c.says == "" && err != nil || c.says != "" &&
			(upstream.CodeOf(err) != upstream.Unauthenticated || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
	if n := fetched.Load(); n > 0 {
		t.Errorf("the URL of a token was fetched %d times", n)
	}
}

func TestInvalidOptionsAreRefused(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*auth.TokenOptions){
		"no algorithm":      func(o *auth.TokenOptions) { o.Algorithms = nil },
		"none":              func(o *auth.TokenOptions) { o.Algorithms = []string{"none"} },
		"a symmetric one":   func(o *auth.TokenOptions) { o.Algorithms = []string{"RS256", "HS256"} },
		"no issuer":         func(o *auth.TokenOptions) { o.Issuer = "" },
		"no audience":       func(o *auth.TokenOptions) { o.Audience = "" },
		"no claim of users": func(o *auth.TokenOptions) { o.UsersClaim = "" },
	} {
		o := options
		change(&o)
		if _, err := auth.FetchTokens(t.Context(), "https://login.example.com/jwks", o, silent); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	for name, text := range map[string]string{
		"no JSON": "x", "no set": `{"keys": {}}`, "an empty set": `{"keys": []}`,
	} {
		path := filepath.Join(t.TempDir(), "jwks.json")
		_ = os.WriteFile(path, []byte(text), 0o600)
		if _, err := auth.OpenTokens(t.Context(), path, options, silent); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}
