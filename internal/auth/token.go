package auth

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"deliverygraph/upstream"
)

// TokenAlgorithms are the algorithms that can be configured, all of them asymmetric.
var TokenAlgorithms = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}

// leeway is the allowed difference between the provider's clock and ours.
const leeway = 30 * time.Second

// TokenOptions says which tokens are valid. All fields but Refresh and Now are required.
type TokenOptions struct {
	Algorithms []string // the allowed signature algorithms; a subset of [TokenAlgorithms]
	Issuer     string   // the required iss
	Audience   string   // the required aud, or one of several

	// UsersClaim names the claim with the users whose data the bearer may read: numbers, or strings of them, in an
	// array or separated by commas or spaces; "*" is all. ScopesClaim names the claim with the scopes, in the form of
	// OAuth's "scope" or in an array. Unknown scopes are ignored.
	UsersClaim, ScopesClaim string

	// Refresh is how often the keys of a URL are fetched, and so how long a withdrawn key may stay valid; 0 is 5
	// minutes.
	Refresh time.Duration

	Now func() time.Time // the clock; nil is time.Now
}

func (o *TokenOptions) setDefaults() {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Refresh == 0 {
		o.Refresh = 5 * time.Minute
	}
}

// Tokens is the [Authenticator] of callers with JSON Web Tokens (RFC 7519) that an identity provider signs. It verifies
// them with the provider's public keys, a JWKS from a URL or a file.
//
// A token is accepted only if a key of the set signed it with one of the configured algorithms, if it has the
// configured issuer and audience, and if it is valid at present. Symmetric algorithms and "none" cannot be configured,
// so a public key is never mistaken for a secret.
type Tokens struct {
	o    TokenOptions
	keys *keySet
	jwt  *jwt.Parser
}

func (o TokenOptions) check() error {
	if len(o.Algorithms) == 0 {
		return errors.New("token: Algorithms must name at least one, such as RS256")
	}
	for _, a := range o.Algorithms {
		if !slices.Contains(TokenAlgorithms, a) {
			return errors.New("token: Algorithms must be of " + strings.Join(TokenAlgorithms, ", ") +
				": with others, anyone who can verify a token could make one")
		}
	}
	if o.Issuer == "" || o.Audience == "" || o.UsersClaim == "" || o.ScopesClaim == "" {
		return errors.New("token: Issuer, Audience, UsersClaim and ScopesClaim are required: without them tokens " +
			"for other services would be valid here")
	}
	return nil
}

func newTokens(o TokenOptions, keys *keySet) *Tokens {
	o.setDefaults()
	return &Tokens{o: o, keys: keys, jwt: jwt.NewParser(
		jwt.WithValidMethods(o.Algorithms), jwt.WithIssuer(o.Issuer), jwt.WithAudience(o.Audience),
		jwt.WithExpirationRequired(), jwt.WithLeeway(leeway), jwt.WithTimeFunc(o.Now), jwt.WithJSONNumber())}
}

// Authenticate returns the caller that a token belongs to, whose name is "sub:" and the token's subject.
func (t *Tokens) Authenticate(ctx context.Context, cred Credential) (Caller, error) {
	switch {
	case cred.Secret == "":
		return Caller{},
			Refuse("this API requires authentication: send your token as Authorization: Bearer TOKEN")
	case !cred.Bearer || strings.Count(cred.Secret, ".") != 2:
		return Caller{},
			Refuse("this is not a token: send a JSON Web Token from your identity provider as " +
				"Authorization: Bearer TOKEN")
	}
	claims := jwt.MapClaims{}
	if _, err := t.jwt.ParseWithClaims(cred.Secret, claims, t.keys.of(ctx)); err != nil {
		return Caller{}, t.refusal(err)
	}
	return t.caller(claims)
}

// refusal returns the message for the bearer of an invalid token.
func (t *Tokens) refusal(err error) error {
	for _, c := range []struct {
		err     error
		message string
	}{
		{errNoKeys, ""},
		{
			errCritical,
			"this token demands what is not supported here: its header has crit or b64 (RFC 7515, section 4.1.11)",
		},
		{errType, "this is not a token for an API: the typ of its header must be JWT or at+jwt, or left out"},
		{
			jwt.ErrTokenMalformed,
			"this token cannot be read: it must be a JSON Web Token as your identity provider gave it",
		},
		{
			jwt.ErrTokenUnverifiable,
			"this token is signed with an unknown key: get a new one from your identity provider",
		},
		{
			jwt.ErrTokenSignatureInvalid,
			"this token's signature is not valid here: get one from your identity provider that is signed with " +
				strings.Join(t.o.Algorithms, " or "),
		},
		{jwt.ErrTokenExpired, "this token has expired: get a new one from your identity provider"},
		{jwt.ErrTokenNotValidYet, "this token is not valid yet: check your identity provider's clock"},
		{jwt.ErrTokenInvalidIssuer, "this token is from an unknown issuer"},
		{
			jwt.ErrTokenInvalidAudience,
			"this token is not meant for this API: ask your identity provider for one with its audience",
		},
		{jwt.ErrTokenRequiredClaimMissing, "this token lacks a required claim: it must have exp, iss and aud"},
	} {
		if !errors.Is(err, c.err) {
			continue
		}
		if c.message == "" {
			return &upstream.Error{
				Code: upstream.Unavailable,
				Message: "the identity provider's keys are unavailable at present, " +
					"so tokens cannot be verified: try again later", Err: err,
			}
		}
		return Refuse("%s", c.message)
	}
	return Refuse("this token is not valid: get a new one from your identity provider")
}

var (
	errCritical = errors.New("a critical header")
	errType     = errors.New("another type of token")
)

// checkHeader refuses unsupported headers. RFC 7515 requires refusing unknown critical extensions, and RFC 7797 a JWT
// with b64. The type distinguishes tokens for an API from others, such as those of a logout (RFC 8725, section 3.11).
// Keys that a header contains or refers to (jwk, jku, x5c, x5u) are ignored: only those of the set count.
func checkHeader(h map[string]any) error {
	if _, critical := h["crit"]; critical {
		return errCritical
	}
	if _, unencoded := h["b64"]; unencoded {
		return errCritical
	}
	typ, given := h["typ"]
	if !given {
		return nil
	}
	name, _ := typ.(string)
	name = strings.ToLower(name)
	switch strings.TrimPrefix(name, "application/") {
	case "jwt", "at+jwt":
		return nil
	}
	return errType
}

// caller reads the claims of a valid token.
func (t *Tokens) caller(claims jwt.MapClaims) (Caller, error) {
	subject, _ := claims["sub"].(string)
	if subject == "" || len(subject) > 256 {
		return Caller{}, Refuse("this token does not identify its bearer: its claim sub must be a string")
	}
	c := Caller{Name: "sub:" + subject}
	list := strings.Join(words(claims[t.o.UsersClaim]), ",")
	users, err := ParseUsers(list)
	if err != nil {
		return Caller{},
			Refuse("this token does not name its users: its claim %q must list users by their "+
				"numbers, such as [20, 21], or be \"*\" for all", t.o.UsersClaim)
	}
	c.Users = users
	for _, name := range words(claims[t.o.ScopesClaim]) {
		if s, err := ScopeNamed(name); err == nil {
			c.Scopes |= s
		}
	}
	return c, nil
}

// words returns the strings and numbers of a claim: the elements of an array, or the words of one string separated by
// spaces or commas.
func words(claim any) []string {
	switch v := claim.(type) {
	case string:
		return strings.FieldsFunc(v, func(r rune) bool { return r == ' ' || r == ',' })
	case interface{ String() string }: // json.Number
		return []string{v.String()}
	case []any:
		var all []string
		for _, e := range v {
			one := words(e)
			if len(one) != 1 { // not an element of a list of names or numbers
				return nil
			}
			all = append(all, one...)
		}
		return all
	}
	return nil
}
