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

// Names are those of all services, which are their paths too.
var Names = []string{"ses", "sendgrid", "mailgun", "postmark", "sparkpost", "rows"}

// Service is where requests may come from, and how to tell that they do.
type Service struct {
	name   string
	format string // of the importer
	// admit checks what can be checked before the body is read; nil takes all.
	admit func(*http.Request) error
	// verify checks the body, and gives what to import of it, or says what was done instead;
	// nil takes all of it.
	verify func(r *http.Request, body []byte) (verified []byte, done string, err error)
}

// Name returns the service's name.
func (s Service) Name() string { return s.name }

func newService(name string) Service {
	if name == "rows" {
		return Service{name: name, format: importer.Rows}
	}
	return Service{name: name, format: name}
}

// Unsigned is a service, other than SES, all of whose requests are taken without a check.
func Unsigned(name string) Service { return newService(name) }

// MinKey is the least characters of keys and passwords: shorter ones can be guessed.
const MinKey = 16

// Rows is the service of rows of the API. A request shows the key in the header X-API-Key, or as
// Authorization: Bearer KEY or apikey=KEY, as elsewhere. The key must have [MinKey] characters at least.
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
		if subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
			return &refusal{http.StatusUnauthorized, "give the key in the header X-API-Key, or as Authorization: Bearer KEY",
				map[string]string{"WWW-Authenticate": "Bearer"}}
		}
		return nil
	}
	return s, nil
}

// Basic is a service that authenticates by a user name and a password, written "user:password":
// postmark or sparkpost.
func Basic(name, credentials string) (Service, error) {
	s := newService(name)
	user, password, ok := strings.Cut(credentials, ":")
	if !ok || user == "" || password == "" {
		return s, errors.New("give a user name and a password, as user:password")
	}
	// Digests have one length, so that the comparison tells nothing of that of the password.
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
