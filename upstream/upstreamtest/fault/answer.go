package fault

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
)

// answer is the correct answer to a request, for faults to change.
type answer struct {
	r    *http.Request
	next http.Handler
	body []byte
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
	}
	return w.Code
}

// object is a JSON object. Faults do not keep the order of its members, but that of the members within them, such as
// headers.
type object = map[string]json.RawMessage

// decoded returns raw as a value of type V, or the zero value if it is of another type.
func decoded[V any](raw json.RawMessage) (v V) {
	if json.Unmarshal(raw, &v) != nil {
		var zero V
		return zero
	}
	return v
}

// data returns the data within the envelope, if there is one.
func (a *answer) data() json.RawMessage {
	if data, ok := decoded[object](a.body)["data"]; ok {
		return data
	}
	return a.body
}

func (a *answer) setData(v any) {
	o := decoded[object](a.body)
	if _, ok := o["data"]; ok {
		o["data"] = encode(v)
		v = o
	}
	a.body = encode(v)
}

// rows returns the rows of a list or the codes of a catalogue, or nil for other answers.
func (a *answer) rows() []json.RawMessage { return decoded[[]json.RawMessage](a.data()) }

// series returns time series by id, or nil for other answers.
func (a *answer) series() map[string][]object { return decoded[map[string][]object](a.data()) }

// changeRecords calls change with all objects with fields: rows, points of time series, or the details of a bounce.
func (a *answer) changeRecords(change func([]object)) {
	data := a.data()
	if rows := decoded[[]object](data); rows != nil {
		change(rows)
		a.setData(rows)
	} else if series := a.series(); series != nil {
		var points []object
		for _, id := range slices.Sorted(maps.Keys(series)) {
			points = append(points, series[id]...)
		}
		change(points)
		a.setData(series)
	} else if detail := decoded[object](data); detail != nil {
		change([]object{detail})
		a.setData(detail)
	}
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

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("fault: %v", err))
	}
	return b
}
