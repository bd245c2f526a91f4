package auth

import (
	"net/http"
	"strings"

	"deliverygraph/upstream"
)

// Credential is what a request shows of who sends it: an API key or a token. The zero
// Credential is none.
type Credential struct {
	Secret string
	// Bearer says that it came as "Authorization: Bearer …", as tokens do. API keys may
	// come so too.
	Bearer bool
}

// maxSecret is the most bytes that a key or token may have. Tokens that name some
// hundred users have a few thousand.
const maxSecret = 16 << 10

// howTo names the places of a credential, for messages to callers.
const howTo = "Authorization: Bearer …, Authorization: apikey=… or X-API-Key: …"

// CredentialOf reads a request's headers: "Authorization: Bearer SECRET",
// "Authorization: apikey=SECRET", as the REST API has it, or "X-API-Key: SECRET". It
// is never taken from a URL, which ends up in logs. One secret in two places is one
// credential; two different ones are an [upstream.Unauthenticated] error, as is what
// cannot be read.
func CredentialOf(h http.Header) (Credential, error) { return credentialOf(h, nil) }

// credentialOf reads headers, and what a connection_init says as if it were headers too.
func credentialOf(h http.Header, payload map[string]any) (Credential, error) {
	if said := headersOf(payload); len(said) > 0 {
		for _, name := range []string{"Authorization", "X-Api-Key"} {
			said[name] = append(said[name], h.Values(name)...)
		}
		h = said
	}
	var found []Credential
	for _, v := range h.Values("Authorization") {
		c, err := readAuthorization(v)
		if err != nil {
			return Credential{}, err
		}
		found = append(found, c)
	}
	for _, v := range h.Values("X-API-Key") {
		found = append(found, Credential{Secret: strings.TrimSpace(v)})
	}
	return one(found)
}

// CredentialOfInit reads the payload of a WebSocket's connection_init: its fields are
// called as the headers are, in any case, and may lie in an object "headers". Other
// fields are not heeded.
func CredentialOfInit(payload map[string]any) (Credential, error) { return credentialOf(nil, payload) }

func headersOf(payload map[string]any) http.Header {
	h := http.Header{}
	read := func(fields map[string]any) {
		for name, v := range fields {
			if s, ok := v.(string); ok && (strings.EqualFold(name, "Authorization") ||
				strings.EqualFold(name, "X-API-Key")) {
				h.Add(name, s)
			}
		}
	}
	read(payload)
	if inner, ok := payload["headers"].(map[string]any); ok {
		read(inner)
	}
	return h
}

func readAuthorization(v string) (Credential, error) {
	v = strings.TrimSpace(v)
	if secret, ok := strings.CutPrefix(v, "apikey="); ok {
		return Credential{Secret: secret}, nil
	}
	scheme, secret, _ := strings.Cut(v, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return Credential{}, Refuse("the Authorization header is of a kind that is not taken here: send %s", howTo)
	}
	return Credential{Secret: strings.TrimSpace(secret), Bearer: true}, nil
}

// one is the only credential among those found.
func one(found []Credential) (Credential, error) {
	var c Credential
	for i, f := range found {
		switch {
		case f.Secret == "":
			return Credential{}, Refuse("the header for the API key or token is there, but empty: send %s", howTo)
		case len(f.Secret) > maxSecret || strings.ContainsFunc(f.Secret,
			func(r rune) bool { return r <= ' ' || r > '~' }):
			return Credential{},
				Refuse("what was sent cannot be an API key or a token: those are visible ASCII characters " +
					"without spaces")
		case i > 0 && f.Secret != c.Secret:
			return Credential{}, Refuse("two different API keys or tokens were sent: send one, as %s", howTo)
		}
		f.Bearer = f.Bearer || c.Bearer
		c = f
	}
	return c, nil
}

// Refuse makes the error for one who could not be told: an
// [upstream.Unauthenticated] one, with a message for the caller.
func Refuse(format string, args ...any) error {
	return refuse(upstream.Unauthenticated, format, args...)
}
