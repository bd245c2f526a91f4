package ingest

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"
)

// Mailgun returns the service for Mailgun's webhooks. Key is the HTTP webhook signing key.
//
// The signature covers a timestamp and a token, but not the body. So it is valid only within the window
// around its time, and for one body, which may be repeated.
func Mailgun(key string, window time.Duration, now func() time.Time) (Service, error) {
	s := newService("mailgun")
	switch {
	case key == "":
		return s, errors.New("give the HTTP webhook signing key of the account")
	case window <= 0:
		return s, errors.New("the window of a signature must be positive, such as 15m")
	}
	seen := tokens{window: window}
	s.verify = func(_ *http.Request, body []byte) ([]byte, string, error) {
		signed, err := signatureOf(body)
		if err != nil {
			return nil, "", refuse(http.StatusBadRequest,
				"the body is not a webhook in JSON: it must be an object whose signature consists of strings")
		}
		if signed.Timestamp == "" || signed.Token == "" || signed.Signature == "" {
			return nil, "", refuse(http.StatusUnauthorized,
				"the request is not signed: its signature has no timestamp, token or signature")
		}
		mac := hmac.New(sha256.New, []byte(key))
		mac.Write([]byte(signed.Timestamp + signed.Token))
		want := mac.Sum(nil)
		if !equalHex(signed.Signature, want) && !equalHex(signed.Parent, want) {
			return nil, "", refuse(http.StatusForbidden, "the signature is wrong: it was made by another key")
		}
		seconds, err := strconv.ParseInt(signed.Timestamp, 10, 64)
		at, today := time.Unix(seconds, 0), now()
		if err != nil || today.Sub(at).Abs() > window {
			return nil, "", refuse(http.StatusForbidden,
				"the signature is too old, or in the future: it is valid for %v", window)
		}
		if !seen.note(signed.Token, sha256.Sum256(body), today) {
			return nil, "", refuse(http.StatusForbidden, "the signature was used before, with another body")
		}
		return body, "", nil
	}
	return s, nil
}

// mailgunSignature is the signature of a webhook.
type mailgunSignature struct {
	Timestamp string `json:"timestamp"`
	Token     string `json:"token"`
	Signature string `json:"signature"`
	Parent    string `json:"parent-signature"` // by the key of a subaccount's account
}

// signatureOf returns the signature of a body. In legacy webhooks its parts are members of the event.
func signatureOf(body []byte) (mailgunSignature, error) {
	var b struct {
		Signature json.RawMessage `json:"signature"`
	}
	if err := json.Unmarshal(body, &b); err != nil {
		return mailgunSignature{}, err
	}
	part := []byte(b.Signature)
	if !bytes.HasPrefix(part, []byte("{")) {
		part = body
	}
	var s mailgunSignature
	return s, json.Unmarshal(part, &s)
}

// formAsJSON returns the body of a legacy webhook, which is a form, as an object with its fields; those that occur
// repeatedly become arrays. Files are left out. Other bodies are returned as they are, also JSON that is called a form,
// as curl -d does by default.
func formAsJSON(contentType string, body []byte) ([]byte, error) {
	if bytes.HasPrefix(bytes.TrimSpace(body), []byte("{")) {
		return body, nil
	}
	kind, parameters, _ := mime.ParseMediaType(contentType)
	var fields map[string][]string
	var err error
	switch kind {
	case "application/x-www-form-urlencoded":
		if len(body) > 4*maxFields { // a byte of a field takes at most 3, and a field some more
			return nil, errLongForm
		}
		fields, err = url.ParseQuery(string(body))
	case "multipart/form-data":
		var form *multipart.Form
		form, err = multipart.NewReader(bytes.NewReader(body), parameters["boundary"]).ReadForm(int64(len(body)))
		if err == nil {
			fields = form.Value
		}
	default:
		return body, nil
	}
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "the body is not a form, as its Content-Type says: %v", err)
	}
	object, size := map[string]any{}, 0
	for name, values := range fields {
		for _, v := range values {
			size += len(name) + len(v)
		}
		if object[name] = values; len(values) == 1 {
			object[name] = values[0]
		}
	}
	if size > maxFields { // in JSON, they may take six times as much
		return nil, errLongForm
	}
	return json.Marshal(object)
}

// maxFields is the maximum size of the fields of a form, in bytes.
const maxFields = 1 << 20

var errLongForm = refuse(http.StatusRequestEntityTooLarge,
	"the fields of the form are larger than %d bytes, apart from files", maxFields)

func equalHex(text string, want []byte) bool {
	got, err := hex.DecodeString(text)
	return err == nil && hmac.Equal(got, want)
}

// tokens remembers the tokens that were used within the window, and the digests of their bodies.
type tokens struct {
	window     time.Duration
	mu         sync.Mutex
	young, old map[string][sha256.Size]byte
	since      time.Time // of young
}

// note records a token. It returns false if the token was used with another body.
func (t *tokens) note(token string, body [sha256.Size]byte, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now.Sub(t.since) > 2*t.window { // a signature may be as much ahead of now as behind
		t.young, t.old, t.since = map[string][sha256.Size]byte{}, t.young, now
	}
	for _, used := range []map[string][sha256.Size]byte{t.young, t.old} {
		if b, ok := used[token]; ok {
			return b == body
		}
	}
	t.young[token] = body
	return true
}
