package graph_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"deliverygraph/graph"
)

// Large responses are encoded as the caller prefers, small ones not at all.
func TestCompressionFollowsAcceptEncoding(t *testing.T) {
	t.Parallel()
	e := newEndpoint(graph.Options{})
	const large = `{"query": "{ __schema { types { name description } } }"}`
	plain := e.do(t, post(large)).body
	decode := map[string]func(io.Reader) (io.Reader, error){
		"":     func(r io.Reader) (io.Reader, error) { return r, nil },
		"gzip": func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) },
		"zstd": func(r io.Reader) (io.Reader, error) { return zstd.NewReader(r) },
	}
	for accept, want := range map[string]string{
		"":                             "",
		"identity":                     "",
		"br":                           "",
		"gzip;q=0":                     "",
		"gzip":                         "gzip",
		"gzip, deflate, br":            "gzip",
		"zstd":                         "zstd",
		"gzip, deflate, br, zstd":      "gzip",
		"zstd, br, gzip":               "gzip",
		"zstd;q=0.5, gzip;q=0.5":       "gzip",
		"zstd, gzip;q=0.999":           "zstd",
		"zstd, gzip;q=0":               "zstd",
		"gzip;q=0.9, zstd;q=0.5":       "gzip",
		"gzip;q=0.5, zstd;q=0.9, br":   "zstd",
		"gzip;q=0, zstd;q=0, identity": "",
	} {
		for _, body := range []string{large, typename, `{"query": "{"}`} {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/graphql", strings.NewReader(body))
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Accept-Encoding", accept)
			w := httptest.NewRecorder()
			e.ServeHTTP(w, r)
			wanted := want
			if body != large {
				wanted = ""
			}
			if got := w.Header().Get("Content-Encoding"); got != wanted {
				t.Errorf("Accept-Encoding %q: %q", accept, got)
				continue
			}
			if !slices.Contains(w.Header().Values("Vary"), "Accept-Encoding") ||
				// the server sets the length of small ones
				(w.Header().Get("Content-Length") != "") != (body == large && wanted == "") {
				t.Errorf("Accept-Encoding %q: %v", accept, w.Header())
			}
			size := w.Body.Len()
			reader, err := decode[wanted](bytes.NewReader(w.Body.Bytes()))
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(reader)
			if err != nil || body == large && string(text) != plain || wanted != "" && size > len(plain)/2 {
				t.Errorf("Accept-Encoding %q: %d bytes of %d, %v", accept, size, len(plain), err)
			}
		}
	}
}
