package ingest

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"deliverygraph/upstream/embedded/importer"
)

// Names are the names of all services, and their paths without the slash.
var Names = []string{"ses", "sendgrid", "mailgun", "postmark", "sparkpost", "rows"}

// Service is a source of requests, and how to authenticate them.
type Service struct {
	name   string
	format string // of the importer
	// admit authenticates a request before its body is read. It may be nil.
	admit func(*http.Request) error
	// decode returns a body as JSON. It may be nil.
	decode func(contentType string, body []byte) ([]byte, error)
	// verify authenticates the body. It returns what to import, or says what was done instead. It may be
	// nil.
	verify func(r *http.Request, body []byte) (verified []byte, done string, err error)
}

// Name returns the service's name.
func (s Service) Name() string { return s.name }

func newService(name string) Service {
	if name == "rows" {
		return Service{name: name, format: importer.Rows}
	}
	s := Service{name: name, format: name}
	if name == "mailgun" {
		s.decode = formAsJSON
	}
	return s
}

// Unsigned returns a service, other than SES, that accepts all requests without authentication.
func Unsigned(name string) Service { return newService(name) }

// MinKey is the minimum length of keys and passwords. Shorter ones can be guessed.
const MinKey = 16

// Rows returns the service for rows of the API. Requests send the key in the header X-API-Key, or as
// Authorization: Bearer KEY or apikey=KEY. It must have at least [MinKey] characters.
func Rows(key string) (Service, error) {
	s := newService("rows")
	if len(key) < MinKey {
		return s, fmt.Errorf("the key has %d characters: give at least %d, such as openssl rand -hex 16 prints",
			len(key), MinKey)
	}
	want := sha256.Sum256([]byte(key))
	s.admit = func(r *http.Request) error {
		shown := r.Header.Get("X-API-Key")
		for _, scheme := range []string{"Bearer ", "apikey="} {
			if key, ok := strings.CutPrefix(r.Header.Get("Authorization"), scheme); ok {
				shown = key
			}
		}
		got := sha256.Sum256([]byte(shown))
		reason := "the key is wrong: it must be that of --ingest-rows-key"
		switch {
		case subtle.ConstantTimeCompare(got[:], want[:]) == 1:
			return nil
		case shown == "":
			reason = "give the key in the header X-API-Key, or as Authorization: Bearer KEY"
		}
		return &refusal{http.StatusUnauthorized, reason, map[string]string{"WWW-Authenticate": "Bearer"}}
	}
	return s, nil
}

// Basic returns a service with basic authentication: postmark or sparkpost. Credentials are "user:password".
func Basic(name, credentials string) (Service, error) {
	s := newService(name)
	user, password, ok := strings.Cut(credentials, ":")
	if !ok || user == "" || password == "" {
		return s, errors.New("give a user name and a password, as user:password")
	}
	// Digests have the same length, so that the time of the comparison does not reveal that of the password.
	wantUser, wantPassword := sha256.Sum256([]byte(user)), sha256.Sum256([]byte(password))
	s.admit = func(r *http.Request) error {
		user, password, _ := r.BasicAuth()
		gotUser, gotPassword := sha256.Sum256([]byte(user)), sha256.Sum256([]byte(password))
		sameUser := subtle.ConstantTimeCompare(gotUser[:], wantUser[:])
		if sameUser&subtle.ConstantTimeCompare(gotPassword[:], wantPassword[:]) != 1 {
			return &refusal{http.StatusUnauthorized, "the user name or the password is missing or wrong",
				map[string]string{"WWW-Authenticate": `Basic realm="` + name + `"`}}
		}
		return nil
	}
	return s, nil
}
