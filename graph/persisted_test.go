package graph_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"deliverygraph/graph"
)

func sha(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// byHash returns a request as Apollo Client sends it, with or without the text.
func byHash(hash, text string) string {
	body := map[string]any{
		"extensions": map[string]any{"persistedQuery": map[string]any{"version": 1, "sha256Hash": hash}},
	}
	if text != "" {
		body["query"] = text
	}
	b, _ := json.Marshal(body)
	return string(b)
}

// Apollo's protocol: an unknown hash gets the message and status that clients expect. The client then sends the text
// once, and from then on only the hash, by POST or GET.
func TestPersistedQueriesNeedTheirTextOnce(t *testing.T) {
	t.Parallel()
	e := newEndpoint(graph.Options{})
	const text = "query Q($no: Boolean = true) { __typename a: __typename @skip(if: $no) }"
	asked := func() answer {
		return e.do(t,
			get(url.Values{
				"extensions": {`{"persistedQuery":{"version":1,"sha256Hash":"` + sha(text) + `"}}`},
				"variables":  {`{"no": false}`},
			}.Encode()))
	}
	for _, accept := range []string{mediaNew, mediaPlain} {
		a := e.do(t, post(byHash(sha(text), ""), "Accept", accept))
		if a.status != 200 || len(a.errors) != 1 || a.errors[0].Message != "PersistedQueryNotFound" ||
			a.errors[0].code() != "PERSISTED_QUERY_NOT_FOUND" || a.fields["data"] != nil ||
			!strings.Contains(a.header.Get("Cache-Control"), "no-cache") {
			t.Errorf("status %d, %v: %s", a.status, a.header, a.body)
		}
	}
	if a := asked(); len(a.errors) != 1 || a.errors[0].code() != "PERSISTED_QUERY_NOT_FOUND" {
		t.Error(a.body)
	}
	if a := e.do(t, post(byHash(strings.ToUpper(sha(text)), text))); string(
		a.fields["data"]) != `{"__typename":"Query"}` {
		t.Error(a.body)
	}
	if a := e.do(t, post(byHash(sha(text), ""))); string(a.fields["data"]) != `{"__typename":"Query"}` {
		t.Error(a.body)
	}
	if a := asked(); string(a.fields["data"]) != `{"__typename":"Query","a":"Query"}` {
		t.Error(a.body)
	}
	if a := e.do(t, post(`{"documentId": "sha256:`+sha(text)+`"}`)); string(
		a.fields["data"]) != `{"__typename":"Query"}` {
		t.Error(a.body)
	}

	const broken = "{ nothing }"
	e.do(t, post(byHash(sha(broken), broken)))
	if a := e.do(t, post(byHash(sha(broken), ""))); len(a.errors) != 1 ||
		a.errors[0].code() != "PERSISTED_QUERY_NOT_FOUND" {
		t.Errorf("a document that is not sound is kept: %s", a.body)
	}
	for name, c := range map[string]struct{ body, says string }{
		"another text's hash":   {byHash(sha(text), "{ __typename }"), "is not the SHA-256"},
		"a hash that is none":   {byHash("abc", ""), `{"version": 1`},
		"a hash of other signs": {byHash(strings.Repeat("x", 64), ""), `{"version": 1`},
		"another version": {
			strings.Replace(byHash(sha(text), ""), `"version":1`, `"version":2`, 1), `{"version": 1`,
		},
		"no object":          {`{"extensions": {"persistedQuery": "` + sha(text) + `"}}`, `{"version": 1`},
		"an id that is none": {`{"documentId": 5}`, `"documentId" must be a string`},
		"both id and text":   {`{"documentId": "a", "query": "{ __typename }"}`, "one of them"},
	} {
		for _, accept := range []string{mediaNew, mediaPlain} {
			a := e.do(t, post(c.body, "Accept", accept))
			if a.status != 400 || len(a.errors) != 1 || a.errors[0].code() != "BAD_USER_INPUT" ||
				!strings.Contains(a.errors[0].Message, c.says) {
				t.Errorf("%s: status %d: %s", name, a.status, a.body)
			}
		}
	}
}

// The cache of persisted documents is limited in bytes, however many are sent.
func TestPersistedQueriesAreLimitedInBytes(t *testing.T) {
	e := newEndpoint(graph.Options{PersistedBytes: 1 << 20, QueryCacheBytes: 1 << 20})
	flood := func(n int) uint64 {
		for i := range n {
			text := fmt.Sprintf("{ __typename } # %d%s", i, strings.Repeat(".", 10_000))
			if a := e.do(t, post(byHash(sha(text), text))); len(a.errors) > 0 {
				t.Fatal(a.body)
			}
			e.log.Reset()
		}
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	few := flood(300)
	if many := flood(3000); many > few+4<<20 { // 30 MB of texts
		t.Errorf("the heap grew from %d to %d bytes", few, many)
	}
}

func trust(t *testing.T, path string) *graph.TrustedDocuments {
	t.Helper()
	d, err := graph.OpenTrusted(path, func(string) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Trusted documents are requested by id, under each of the names that clients use. With TrustedOnly other documents are
// refused.
func TestTrustedDocumentsAreRequestedByID(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const text = "query Known { __typename }\n"
	if err := os.WriteFile(filepath.Join(dir, "known.graphql"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	beside := newEndpoint(graph.Options{Trusted: trust(t, dir)})
	only := newEndpoint(graph.Options{Trusted: trust(t, dir), TrustedOnly: true})
	for _, e := range []endpoint{beside, only} {
		for _, q := range []request{
			post(`{"documentId": "known"}`), post(`{"id": "known"}`), post(`{"doc_id": "known", "query": null}`),
			post(`{"documentId": "sha256:` + sha(text) + `"}`), post(byHash(sha(text), "")),
			post(byHash(sha(strings.TrimSpace(text)), "")), post(`{"query": "query Known { __typename }"}`),
			post(byHash(sha(text), text)), get("documentId=known"), get("id=known&operationName=Known"),
		} {
			if a := e.do(t, q); a.status != 200 || string(a.fields["data"]) != `{"__typename":"Query"}` {
				t.Errorf("%+v: %s", q, a.body)
			}
		}
		if a := e.do(t, post(`{"documentId": "unknown"}`, "Accept", mediaNew)); a.status != 400 || len(a.errors) != 1 ||
			a.errors[0].code() != "PERSISTED_QUERY_NOT_FOUND" || !strings.Contains(a.errors[0].Message, `"unknown"`) {
			t.Errorf("status %d: %s", a.status, a.body)
		}
	}
	const other = "{ __typename }"
	if a := beside.ask(t, other, ""); len(a.errors) > 0 {
		t.Error(a.body)
	}
	for _, body := range []string{`{"query": "` + other + `"}`, byHash(sha(other), other)} {
		a := only.do(t, post(body, "Accept", mediaNew))
		if a.status != 400 || len(a.errors) != 1 || a.errors[0].code() != "FORBIDDEN" ||
			!strings.Contains(a.errors[0].Message, "registered documents only") {
			t.Errorf("status %d: %s", a.status, a.body)
		}
	}
	if a := only.do(t, post(byHash(sha(other), ""))); len(a.errors) != 1 ||
		a.errors[0].code() != "PERSISTED_QUERY_NOT_FOUND" {
		t.Error(a.body)
	}
}
