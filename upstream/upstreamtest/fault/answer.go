package fault

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
)

// answer is the correct answer to a request, for faults to change.
type answer struct {
	r    *http.Request
	next http.Handler
	body []byte
	root any // the decoded body
}

// rewrite returns a wrapper that passes the correct answer to send, which sends it with
// a fault. Errors of the API are passed on unchanged.
func rewrite(send func(http.ResponseWriter, answer)) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			a := answer{r: r, next: next}
			if code := a.ask(r.URL.Query()); code != http.StatusOK {
				next.ServeHTTP(w, r)
				return
			}
			send(w, a)
		})
	}
}

// ask sets a to the correct answer to the request with another query.
func (a *answer) ask(query url.Values) (status int) {
	r := a.r.Clone(a.r.Context())
	r.URL.RawQuery = query.Encode()
	r.RequestURI = r.URL.RequestURI()
	r.Header.Del("Accept-Encoding")
	w := httptest.NewRecorder()
	a.next.ServeHTTP(w, r)
	if w.Code == http.StatusOK {
		a.body = w.Body.Bytes()
		a.root = decode(a.body)
	}
	return w.Code
}

// data returns the data within the envelope, if there is one.
func (a *answer) data() any {
	if o, ok := a.root.(*object); ok {
		if v, ok := o.get("data"); ok {
			return v
		}
	}
	return a.root
}

func (a *answer) setData(v any) {
	if o, ok := a.root.(*object); ok && o.set("data", v) {
		return
	}
	a.root = v
}

// records returns all objects with fields: rows, points of time series, or the details of a bounce.
func (a *answer) records() []*object {
	var all []*object
	switch v := a.data().(type) {
	case []any:
		for _, row := range v {
			if o, ok := row.(*object); ok {
				all = append(all, o)
			}
		}
	case *object:
		if !v.ofSeries() {
			return []*object{v}
		}
		for _, points := range v.values {
			for _, p := range points.([]any) {
				all = append(all, p.(*object))
			}
		}
	}
	return all
}

func (a *answer) length() string { return strconv.Itoa(len(a.body)) }

func (a *answer) head(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusOK)
}

// send sends the answer.
func (a *answer) send(w http.ResponseWriter) {
	w.Header().Set("Content-Length", a.length())
	a.head(w)
	_, _ = w.Write(a.body)
}

// object is a JSON object that keeps its order.
type object struct {
	keys   []string
	values []any
}

func (o *object) get(key string) (any, bool) {
	for i, k := range o.keys {
		if k == key {
			return o.values[i], true
		}
	}
	return nil, false
}

// set changes the value of an existing key. It returns false if there is no such key.
func (o *object) set(key string, v any) bool {
	for i, k := range o.keys {
		if k == key {
			o.values[i] = v
			return true
		}
	}
	return false
}

// ofSeries reports whether the object has time series by id.
func (o *object) ofSeries() bool {
	for i, k := range o.keys {
		if _, err := strconv.ParseUint(k, 10, 63); err != nil {
			return false
		}
		if _, ok := o.values[i].([]any); !ok {
			return false
		}
	}
	return true
}

// MarshalJSON encodes the object in its order.
func (o *object) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i, k := range o.keys {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(append(b, encode(k)...), ':'), encode(o.values[i])...)
	}
	return append(b, '}'), nil
}

// decode decodes JSON into *object, []any and json.Number. It panics if the text is not
// JSON, since the wrapped handlers must return valid JSON.
func decode(text []byte) any {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	return value(d)
}

func value(d *json.Decoder) any {
	switch t := token(d); t {
	case json.Delim('{'):
		o := &object{}
		for d.More() {
			o.keys = append(o.keys, token(d).(string))
			o.values = append(o.values, value(d))
		}
		token(d)
		return o
	case json.Delim('['):
		all := []any{}
		for d.More() {
			all = append(all, value(d))
		}
		token(d)
		return all
	default:
		return t
	}
}

func token(d *json.Decoder) json.Token {
	t, err := d.Token()
	if err != nil {
		panic(fmt.Sprintf("fault: the correct answer is not JSON: %v", err))
	}
	return t
}

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("fault: %v", err))
	}
	return b
}
