package graph_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"runtime"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"pgregory.net/rapid"

	"deliverygraph/graph"
)

// zipped compresses a text with gzip.
func zipped(text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = io.WriteString(z, text)
	_ = z.Close()
	return b.String()
}

// A gzip-compressed body is read like an uncompressed one, by every transport.
func TestGzipBodiesAreDecompressed(t *testing.T) {
	t.Parallel()
	e := newEndpoint(graph.Options{MaxBatch: 2})
	for name, c := range map[string]struct{ request, plain request }{
		"an object":      {post(zipped(typename), "Content-Encoding", "gzip"), post(typename)},
		"the old name":   {post(zipped(typename), "Content-Encoding", "X-GZIP"), post(typename)},
		"and identity":   {post(zipped(typename), "Content-Encoding", "identity, gzip"), post(typename)},
		"identity alone": {post(typename, "Content-Encoding", "identity"), post(typename)},
		"two members": {
			post(zipped(typename[:9])+zipped(typename[9:]), "Content-Encoding", "gzip"), post(typename),
		},
		"a mistake in JSON": {post(zipped(`{"query": `), "Content-Encoding", "gzip"), post(`{"query": `)},
		"nothing":           {post(zipped(""), "Content-Encoding", "gzip"), post("")},
	} {
		got, want := e.do(t, c.request), e.do(t, c.plain)
		if got.status != want.status || got.body != want.body {
			t.Errorf("%s: %d %s, want %d %s", name, got.status, got.body, want.status, want.body)
		}
	}
	_, all := e.batch(t, zipped("["+typename+","+typename+"]"), "Content-Encoding", "gzip")
	if len(all) != 2 || all[1].Data["__typename"] != "Query" {
		t.Errorf("a batch: %v", all)
	}
	events := e.record(t.Context(), post(zipped(typename), "Content-Encoding", "gzip", "Accept", "text/event-stream"))
	if got := events.Body.String(); !strings.Contains(got, `data: {"data":{"__typename":"Query"}}`) {
		t.Errorf("events: %s", got)
	}
	rapid.Check(t, func(rt *rapid.T) {
		variables := map[string]any{"text": rapid.String().Draw(rt, "text")}
		body, err := json.Marshal(map[string]any{"query": "{ __typename }", "variables": variables})
		if err != nil {
			rt.Fatal(err)
		}
		if a := e.do(t, post(zipped(string(body)), "Content-Encoding", "gzip")); a.status != 200 || len(a.errors) > 0 {
			rt.Errorf("%s: %d %s", body, a.status, a.body)
		}
	})
}

// The limit of a body applies to its decompressed size, and invalid gzip is refused.
func TestGzipBodiesAreLimitedByDecompressedSize(t *testing.T) {
	const most = 10_000
	e := newEndpoint(graph.Options{MaxBody: most, MaxInFlight: 1 << 20})
	padded := func(size int) string { return typename + strings.Repeat(" ", size-len(typename)) }
	whole := zipped(typename)
	behind := len(whole) - 8 // the checksum and the length
	for name, c := range map[string]struct {
		body   string
		status int
		says   string
	}{
		"as large as may be": {zipped(padded(most)), 200, `{"__typename":"Query"}`},
		"a byte more":        {zipped(padded(most + 1)), 413, "at most 10000 bytes"},
		"a bomb":             {zipped(strings.Repeat(" ", 20<<20)), 413, "at most 10000 bytes"},
		"a bomb in a bomb": {
			zipped(zipped(strings.Repeat(" ", 20<<20))), 413, "at most 10000 bytes",
		},
		"much that is compressed, which is none": {
			whole + strings.Repeat(zipped(""), most/20), 413, "at most 10000 bytes",
		},
		"plain text":                 {typename, 400, "is not valid gzip"},
		"no body":                    {"", 400, "is not valid gzip"},
		"an end that is missing":     {whole[:30], 400, "is not valid gzip"},
		"a checksum that is missing": {whole[:behind], 400, "is not valid gzip"},
		"a wrong checksum":           {whole[:behind] + "12345678", 400, "is not valid gzip"},
		"something behind it":        {whole + typename, 400, "is not valid gzip"},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		a := e.do(t, post(c.body, "Content-Encoding", "gzip"))
		runtime.ReadMemStats(&after)
		if a.status != c.status || !strings.Contains(a.body, c.says) {
			t.Errorf("%s: %d %s, want %d %s", name, a.status, a.body, c.status, c.says)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 1<<20 {
			t.Errorf("%s: reading it took %d bytes", name, used)
		}
	}
	for _, encoding := range []string{"br", "zstd", "deflate", "gzip, gzip", "br, gzip", "nonsense"} {
		a := e.do(t, post(zipped(typename), "Content-Encoding", encoding))
		got := a.header.Get("Accept-Encoding")
		if a.status != 415 || got != "gzip" || !strings.Contains(a.body, "compressed with gzip") {
			t.Errorf("%s: %d, Accept-Encoding %q, %s", encoding, a.status, got, a.body)
		}
	}
	if a := e.do(t, get("query={__typename}", "Content-Encoding", "br")); a.status != 200 {
		t.Errorf("a GET has no body to be compressed: %d %s", a.status, a.body)
	}
	tight := newEndpoint(graph.Options{MaxInFlight: 100_000})
	for range 3 { // no request takes room from the next
		if a := tight.do(t, post(zipped(padded(500_000)), "Content-Encoding", "gzip")); a.status != 503 {
			t.Errorf("more than there is room for: %d %s", a.status, a.body)
		}
	}
	if a := tight.do(t, post(zipped(typename), "Content-Encoding", "gzip")); a.status != 200 {
		t.Errorf("afterwards: %d %s", a.status, a.body)
	}
}

// URL queries are parsed as URLSearchParams parses them. The expected values are those of Node.js 20.
func TestQueryStringsAreParsedAsBrowsersDo(t *testing.T) {
	t.Parallel()
	e := newEndpoint(graph.Options{})
	for query, want := range map[string]string{
		`query={__typename}`:                                              `{"__typename":"Query"}`,
		`query={a:__typename}%23;`:                                        `{"a":"Query"}`,
		`query={a:__typename}%23%`:                                        `{"a":"Query"}`,
		`query={a:__typename}%23%zz%4`:                                    `{"a":"Query"}`,
		`query={a:__typename}%23%ff`:                                      `{"a":"Query"}`,
		`&&query={a:__typename}&&=&a&`:                                    `{"a":"Query"}`,
		`%71uery={+a:%5f_typename+}`:                                      `{"a":"Query"}`,
		`query={a:__typename}&qu%zzery=x&%=%`:                             `{"a":"Query"}`,
		`query={a:__typename}&variables={"x":"%"}`:                        `{"a":"Query"}`,
		`query={a:__typename}&variables={"x":"a;b"}&extensions={"y":";"}`: `{"a":"Query"}`,
	} {
		if a := e.do(t, get(query)); a.status != 200 || string(a.fields["data"]) != want {
			t.Errorf("%s: %d %s", query, a.status, a.body)
		}
	}
	for raw, want := range map[string]string{
		"a;b": "a;b", "50%": "50%", "%4": "%4", "%zz": "%zz", "%%41": "%A", "%2541": "%41", "a+b%20c%2B": "a b c+",
		"x=y": "x=y", "é": "é", "%e2%82%ac": "€", "%e2%82": "�", "%ff%ff": "��", "a%f0%9f%98b": "a\ufffdb",
		"%ed%a0%80": "���", "%ef%bb%bfx": "\ufeffx",
	} {
		a := e.do(t, get("query={__typename}&operationName="+raw))
		if len(a.errors) != 1 || !strings.Contains(a.errors[0].Message, fmt.Sprintf("%q", want)) {
			t.Errorf("%s: %d %s, want %q", raw, a.status, a.body, want)
		}
	}
	q := post(typename)
	q.url += "?query=%"
	if a := e.do(t, q); a.status != 200 {
		t.Errorf("a POST: %d %s", a.status, a.body)
	}
}

// Values take much more memory than their text, so they have a limit of their own, wherever they come from.
func TestValuesOfVariablesAreLimited(t *testing.T) {
	t.Parallel()
	e := newEndpoint(graph.Options{MaxBatch: 1})
	const most = 10_000
	for n, status := range map[int]int{most: 200, most + 1: 400} {
		variables := `{"a": [{"b": 1}` + strings.Repeat(", 1", n-3) + `]}`
		body := `{"query": "{ __typename }", "variables": ` + variables + `}`
		for name, q := range map[string]request{
			"POST": post(body), "GET": get("query={__typename}&variables=" + url.QueryEscape(variables)),
		} {
			a := e.do(t, q)
			if a.status != status || status != 200 && !strings.Contains(a.body, "at most 10000 values") {
				t.Errorf("%s with %d values: status %d, %.300s", name, n, a.status, a.body)
			}
		}
		a := e.record(t.Context(), post("["+body+"]"))
		if strings.Contains(a.Body.String(), "at most") != (status != 200) {
			t.Errorf("a batch with %d values: %.300s", n, a.Body)
		}
	}
}
