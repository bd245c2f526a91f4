package auth

import (
	"net/http"
	"strings"

	"deliverygraph/upstream"
)

// Credential is what a request authenticates with: an API key or a token. The zero Credential is none.
type Credential struct {
	Secret string
	// Bearer says that it was sent as "Authorization: Bearer …", as tokens are. API keys may be sent so too.
	Bearer bool
}

// maxSecret is the maximum length of a key or token, in bytes. Tokens that name some hundred users have a few thousand.
const maxSecret = 16 << 10

// howTo lists the ways to send a credential, for messages to callers.
const howTo = "Authorization: Bearer …, Authorization: apikey=… or X-API-Key: …"

// CredentialOf reads a request's headers: "Authorization: Bearer SECRET", "Authorization: apikey=SECRET", as for the
// REST API, or "X-API-Key: SECRET". The payload is that of a WebSocket's connection_init, or nil: its fields, which may
// be in an object "headers", are read like headers, in any case. A credential is never read from a URL, since URLs end
// up in logs. The same secret in two places is one credential; two different ones are an [upstream.Unauthenticated]
// error, as are malformed ones.
func CredentialOf(h http.Header, payload map[string]any) (Credential, error) {
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
		return Credential{}, Refuse("the Authorization header has a scheme that is not supported: send %s", howTo)
	}
	return Credential{Secret: strings.TrimSpace(secret), Bearer: true}, nil
}

// one returns the only credential among those found.
func one(found []Credential) (Credential, error) {
	var c Credential
	for i, f := range found {
		switch {
		case f.Secret == "":
			return Credential{}, Refuse("the header for the API key or token is empty: send %s", howTo)
		case len(f.Secret) > maxSecret || strings.ContainsFunc(f.Secret,
			func(r rune) bool { return r <= ' ' || r > '~' }):
			return Credential{},
				Refuse("this cannot be an API key or a token: those consist of visible ASCII characters " +
					"without spaces")
		case i > 0 && f.Secret != c.Secret:
			return Credential{}, Refuse("two different API keys or tokens were sent: send only one, as %s", howTo)
		}
		f.Bearer = f.Bearer || c.Bearer
		c = f
	}
	return c, nil
}

// Refuse returns an [upstream.Unauthenticated] error with a message for the caller.
func Refuse(format string, args ...any) error {
	return refuse(upstream.Unauthenticated, format, args...)
}
