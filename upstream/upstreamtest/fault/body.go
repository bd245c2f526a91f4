package fault

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strings"
	"sync"
	"time"
)

// timeFaults take as long as their names say. Tests need callers with short timeouts.
var timeFaults = []Fault{
	{Name: "30 s silence", Wrap: Silence(30 * time.Second)},
	{Name: "silence after the header", Wrap: rewrite(func(w http.ResponseWriter, a answer) {
		a.head(w)
		_ = http.NewResponseController(w).Flush()
		if wait(a.r, 30*time.Second) {
			_, _ = w.Write(a.body)
		}
	})},
	{Name: "one byte a second", Wrap: Trickle(time.Second)},
}

// Silence delays the correct answer by d.
func Silence(d time.Duration) func(next http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if wait(r, d) {
				next.ServeHTTP(w, r)
			}
		})
	}
}

// Trickle sends the correct answer one byte at a time.
func Trickle(every time.Duration) func(next http.Handler) http.Handler {
	return rewrite(func(w http.ResponseWriter, a answer) {
		a.head(w)
		for i := range a.body {
			if _, err := w.Write(a.body[i : i+1]); err != nil {
				return
			}
			_ = http.NewResponseController(w).Flush()
			if !wait(a.r, every) {
				return
			}
		}
	})
}

const page = "<!DOCTYPE html><title>Maintenance</title><p>" + Secret + "</p>"

var bodyFaults = []Fault{
	{Name: "empty body", Wrap: always(body("application/json", ""))},
	{Name: "HTML with 200", Wrap: always(body("text/html; charset=utf-8", page))},
	{Name: "HTML as JSON", Wrap: always(body("application/json", page))},
	{Name: "error with 200", Wrap: always(body("application/json", `{"data":null,"error":"`+Secret+`"}`))},
	{Name: "wrong content type", Wrap: rewrite(func(w http.ResponseWriter, a answer) {
		w.Header().Set("Content-Type", "text/plain")
		_, _ = w.Write(a.body)
	})},
	{Name: "truncated JSON", Wrap: rewrite(func(w http.ResponseWriter, a answer) {
		a.body = a.body[:len(a.body)-len(a.body)/3-1]
		a.send(w)
	})},
	{Name: "JSON and more", Wrap: rewrite(func(w http.ResponseWriter, a answer) {
		a.body = append(a.body, a.body...)
		a.send(w)
	})},
	{Name: "deep nesting", Wrap: rewrite(func(w http.ResponseWriter, a answer) {
		const depth = 100_000
		a.body = []byte(`{"extra":` + strings.Repeat("[", depth) + strings.Repeat("]", depth) + `,"data":[]}`)
		a.send(w)
	})},
	{Name: "broken gzip", Wrap: rewrite(func(w http.ResponseWriter, a answer) {
		a.body = zipped(a.body)
		a.body[len(a.body)-8] ^= 0xff // part of the checksum
		w.Header().Set("Content-Encoding", "gzip")
		a.send(w)
	})},
	{Name: "unasked encoding", Wrap: rewrite(func(w http.ResponseWriter, a answer) {
		w.Header().Set("Content-Encoding", "br")
		a.send(w)
	})},
	{Name: "gzip bomb", Wrap: always(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Encoding", "gzip")
		endless(w, bomb())
	})},
	{Name: "endless body", Wrap: rewrite(func(w http.ResponseWriter, a answer) {
		row := []byte("[],")
		if rows := a.rows(); len(rows) > 0 {
			row = append(rows[0], ',')
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"data":[`))
		endless(w, bytes.Repeat(row, 1+32<<10/len(row)))
	})},
}

func body(contentType, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		_, _ = w.Write([]byte(text))
	}
}

// endless writes piece until the caller leaves.
func endless(w http.ResponseWriter, piece []byte) {
	for {
		if _, err := w.Write(piece); err != nil {
			return
		}
	}
}

// bomb returns a megabyte of spaces as a gzip member of about a kilobyte. Members can be concatenated.
var bomb = sync.OnceValue(func() []byte { return zipped(bytes.Repeat([]byte(" "), 1<<20)) })

func zipped(text []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(text) // to memory
	_ = z.Close()
	return b.Bytes()
}
