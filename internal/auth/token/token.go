// Package token tells callers by JSON Web Tokens (RFC 7519) that an identity provider
// signs: [Tokens] is an [auth.Authenticator] that checks them by the provider's public
// keys, a JWKS from a URL or a file.
//
// What a token says is believed only if one of the settled algorithms signed it, with a
// key of the set; if it is of the settled issuer, and meant for the settled audience;
// and if it has begun and not expired. Symmetric algorithms are not among those that
// can be settled, and "none" is none, so a public key can never be taken for a secret.
//
// Start reading at [Options].
package token

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"deliverygraph/internal/auth"
	"deliverygraph/upstream"
)

// Algorithms are those that can be settled, all asymmetric.
var Algorithms = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}

// leeway is how far the provider's clock and ours may differ.
const leeway = 30 * time.Second

// Options say which tokens are good. All but Refresh and Now are required.
type Options struct {
	Algorithms []string // that a token may be signed by; of [Algorithms]
	Issuer     string   // what its iss must be
	Audience   string   // what its aud must be, or have among others

	// UsersClaim names the claim that lists the users whose data its bearer may read:
	// numbers, or strings of them, in an array or with commas or spaces between; "*" is
	// all. ScopesClaim names the one with the scopes: as OAuth's "scope" has them, or in
	// an array. Other scopes are not heeded.
	UsersClaim, ScopesClaim string

	// Refresh is how often the keys of a URL are fetched again, and so how long one that
	// has been withdrawn may stay good; 0 is 5 minutes.
	Refresh time.Duration

	Now func() time.Time // the clock; nil is time.Now
}

func (o *Options) setDefaults() {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Refresh == 0 {
		o.Refresh = 5 * time.Minute
	}
}

// Tokens tells callers by their tokens.
type Tokens struct {
	o    Options
	keys *keySet
	jwt  *jwt.Parser
}

var _ auth.Authenticator = (*Tokens)(nil)

func (o Options) check() error {
	if len(o.Algorithms) == 0 {
		return errors.New("token: Algorithms must name one at least, such as RS256")
	}
	for _, a := range o.Algorithms {
		if !slices.Contains(Algorithms, a) {
			return errors.New("token: Algorithms must be of " + strings.Join(Algorithms, ", ") +
				": with others whoever can check a token could make one")
		}
	}
	if o.Issuer == "" || o.Audience == "" || o.UsersClaim == "" || o.ScopesClaim == "" {
		return errors.New("token: Issuer, Audience, UsersClaim and ScopesClaim are required: without them tokens " +
			"that are meant for others would be good here")
	}
	return nil
}

func newTokens(o Options, keys *keySet) *Tokens {
	o.setDefaults()
	return &Tokens{o: o, keys: keys, jwt: jwt.NewParser(
		jwt.WithValidMethods(o.Algorithms), jwt.WithIssuer(o.Issuer), jwt.WithAudience(o.Audience),
		jwt.WithExpirationRequired(), jwt.WithLeeway(leeway), jwt.WithTimeFunc(o.Now), jwt.WithJSONNumber())}
}

// Authenticate gives the caller whose token it is: its name is "sub:" and the token's
// subject.
func (t *Tokens) Authenticate(ctx context.Context, cred auth.Credential) (auth.Caller, error) {
	switch {
	case cred.Secret == "":
		return auth.Caller{}, auth.Refuse("this API asks who you are: send your token as Authorization: Bearer TOKEN")
	case !cred.Bearer || strings.Count(cred.Secret, ".") != 2:
		return auth.Caller{},
			auth.Refuse("this is not a token: send a JSON Web Token of your identity provider as " +
				"Authorization: Bearer TOKEN")
	}
	claims := jwt.MapClaims{}
	if _, err := t.jwt.ParseWithClaims(cred.Secret, claims, t.keys.of(ctx)); err != nil {
		return auth.Caller{}, t.refusal(err)
	}
	return t.caller(claims)
}

// refusal says what is wrong with a token in its bearer's words.
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
			"this token is signed with a key that is not known here: get a new one of your identity provider",
		},
		{
			jwt.ErrTokenSignatureInvalid,
			"this token is not signed as tokens are here: get one of your identity provider that is signed by " +
				strings.Join(t.o.Algorithms, " or "),
		},
		{jwt.ErrTokenExpired, "this token has expired: get a new one of your identity provider"},
		{jwt.ErrTokenNotValidYet, "this token is not valid yet: look whether your identity provider's clock is right"},
		{jwt.ErrTokenInvalidIssuer, "this token is of an issuer that is not known here"},
		{
			jwt.ErrTokenInvalidAudience,
			"this token is not meant for this API: ask your identity provider for one with its audience",
		},
		{jwt.ErrTokenRequiredClaimMissing, "this token lacks a claim that is needed: exp, iss and aud must be there"},
	} {
		if !errors.Is(err, c.err) {
			continue
		}
		if c.message == "" {
			return &upstream.Error{
				Code: upstream.Unavailable,
				Message: "the identity provider's keys cannot be had at present, " +
					"so no token can be checked: try again later", Err: err,
			}
		}
		return auth.Refuse("%s", c.message)
	}
	return auth.Refuse("this token is not good here: get a new one of your identity provider")
}

var (
	errCritical = errors.New("a header that must be understood")
	errType     = errors.New("a token of another type")
)

// checkHeader refuses what a token's header must not say. Extensions that it declares
// critical are not supported here, so RFC 7515 wants it refused, as RFC 7797 wants a JWT
// with b64. The type tells tokens of other uses, such as of a logout, from those for an API
// (RFC 8725, section 3.11). Keys that a header holds or names by a URL (jwk, jku, x5c, x5u)
// are never looked at: those of the set alone count.
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

// caller reads the claims of a token that is good.
func (t *Tokens) caller(claims jwt.MapClaims) (auth.Caller, error) {
	subject, _ := claims["sub"].(string)
	if subject == "" || len(subject) > 256 {
		return auth.Caller{}, auth.Refuse("this token does not say whose it is: its claim sub must be a text")
	}
	c := auth.Caller{Name: "sub:" + subject}
	list := strings.Join(words(claims[t.o.UsersClaim]), ",")
	users, err := auth.ParseUsers(list)
	if err != nil {
		return auth.Caller{},
			auth.Refuse("this token does not say whose data it is for: its claim %q must list users by their "+
				"numbers, such as [20, 21], or be \"*\" for all", t.o.UsersClaim)
	}
	c.Users = users
	for _, name := range words(claims[t.o.ScopesClaim]) {
		if s, err := auth.ScopeNamed(name); err == nil {
			c.Scopes |= s
		}
	}
	return c, nil
}

// words are the texts and numbers of a claim: an array of them, or one text with
// spaces or commas between.
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
			if len(one) != 1 { // not what a list of names or numbers holds
				return nil
			}
			all = append(all, one...)
		}
		return all
	}
	return nil
}
