package graph_test

import (
	"encoding/json"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"deliverygraph/graph"
	"deliverygraph/upstream"
)

// parts requests a response in parts and merges them as a client does. It also returns the first part as it came.
func (e endpoint) parts(t *testing.T, query string) (data, first any, count int, failed []string) {
	t.Helper()
	return e.partsFor(t, "multipart/mixed;deferSpec=20220824, application/graphql-response+json", query)
}

// partsFor is like parts, with an Accept header.
func (e endpoint) partsFor(t *testing.T, accept, query string) (data, first any, count int, failed []string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/graphql?query="+url.QueryEscape(query), nil)
	r.Header.Set("Accept", accept)
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r)
	if got := w.Header().Get("Content-Type"); w.Code != http.StatusOK ||
		got != `multipart/mixed; boundary="-"; deferSpec=20220824` {
		t.Fatalf("status %d, %s: %s", w.Code, got, w.Body)
	}
	type patch struct {
		Data   any
		Path   []any
		Label  string
		Errors []struct {
			Path       []any
			Extensions map[string]any
		}
	}
	last := true
	for m := multipart.NewReader(w.Body, "-"); ; count++ {
		p, err := m.NextPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		var part struct {
			patch
			Incremental []patch
			HasNext     *bool
		}
		if err := json.NewDecoder(p).Decode(&part); err != nil || part.HasNext == nil {
			t.Fatalf("part %d: %v", count, err)
		}
		if count == 0 {
			data = part.Data
			b, err := json.Marshal(data)
			if err != nil || json.Unmarshal(b, &first) != nil {
				t.Fatal(err)
			}
		}
		for _, one := range append(part.Incremental, part.patch) {
			for _, err := range one.Errors {
				b, _ := json.Marshal(err.Path)
				failed = append(failed, string(b)+" "+err.Extensions["code"].(string))
			}
			if one.Path != nil && one.Data != nil {
				merge(at(data, one.Path), one.Data)
			}
		}
		last = !*part.HasNext
	}
	if !last {
		t.Error("the last part says that there are more")
	}
	return data, first, count, failed
}

func at(data any, path []any) any {
	for _, step := range path {
		switch s := step.(type) {
		case string:
			data = data.(map[string]any)[s]
		case float64:
			data = data.([]any)[int(s)]
		}
	}
	return data
}

func merge(into, patch any) {
	for k, v := range patch.(map[string]any) {
		into.(map[string]any)[k] = v
	}
}

// within reports whether everything in part is also in whole.
func within(whole, part any) bool {
	switch p := part.(type) {
	case map[string]any:
		w, ok := whole.(map[string]any)
		for k, v := range p {
			if ok = ok && within(w[k], v); !ok {
				return false
			}
		}
		return ok
	case []any:
		w, ok := whole.([]any)
		return ok && slices.EqualFunc(w, p, within)
	}
	return whole == part
}

// Deferred fragments arrive in separate parts, which together make up the whole response.
func TestDeferredPartsMakeUpTheWholeResponse(t *testing.T) {
	t.Parallel()
	const below = `emailId ... DEFER { detail { ruleName diagnosticCode } sender { address } } ...F DEFER } } } ` +
		`fragment F on Bounce { user { userId } }`
	for name, query := range map[string]string{
		"in a list": `{ bounces(` + window + `) { nodes { ` + below,
		"below edges": `{ bounces(` + window +
			`) { nodes { userId } edges { node { code } } } again: bounces(` + window + `, first: 1) { nodes { ` +
			below,
		"within what is deferred": `{ bounces(` + window +
			`) { ... DEFER { nodes { emailId ... DEFER { detail { ruleName } } } } } }`,
		"at the root": `{ __typename ... DEFER { stats(` + window + `) { sent bounced } } }`,
		"on the way down": `{ bounces(` + window +
			`) { totalCount ... DEFER { pageInfo { hasNextPage endCursor } nodes { emailId } } ` +
			`pageInfo { startCursor } } }`,
		"of a node": `{ senders(` + window +
			`) { nodes { ... DEFER { user { userId } } ... on Node { id ... on Sender DEFER { stats(` + window +
			`) { sent } } } } } }`,
		"also outside": `{ bounces(` + window +
			`, first: 2) { nodes { ... DEFER { detail { ruleName } } detail { diagnosticCode } ` +
			`bouncedAt ... DEFER { code } } } }`,
		"switched off and then on": `{ stats(` + window +
			`) { sent ... @defer(if: false) { bounced } ... DEFER { blocked } } }`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEndpoint(graph.Options{})
			want := e.ask(t, strings.ReplaceAll(strings.ReplaceAll(query, "DEFER", ""), "@defer(if: false)", ""), "")
			got, first, count, failed := e.parts(t, strings.ReplaceAll(query, "DEFER", "@defer"))
			if d := cmp.Diff(want.data, got); d != "" || len(failed) > 0 {
				t.Errorf("%v %s", failed, d)
			}
			if !within(want.data, first) {
				t.Errorf("the first part has null for a value that comes later: %v", first)
			}
			if count < 2 && name != "at the root" && name != "also outside" { // gqlgen puts these into the first part
				t.Errorf("the response came in %d part(s)", count)
			}
		})
	}
}

// An error in a part has its path, and the other parts still arrive.
func TestErrorsInDeferredPartsHavePaths(t *testing.T) {
	t.Parallel()
	e := newEndpoint(graph.Options{}).failing("/bounce/",
		&upstream.Error{Code: upstream.Unavailable, Status: 503, Err: errors.New("secret")})
	data, _, _, failed := e.parts(t, `{ bounces(`+window+
		`, first: 2) { nodes { emailId ... @defer { detail { ruleName } } ... @defer { sender { senderId } } } } }`)
	if len(failed) != 2 || failed[0] != `["bounces","nodes",0,"detail"] UPSTREAM_UNAVAILABLE` &&
		failed[0] != `["bounces","nodes",1,"detail"] UPSTREAM_UNAVAILABLE` {
		t.Errorf("errors %q", failed)
	}
	for _, n := range at(data, []any{"bounces", "nodes"}).([]any) {
		if n.(map[string]any)["sender"] == nil {
			t.Errorf("a row lacks the part that did not fail: %v", n)
		}
	}
}

// A caller may accept only parts. An operation without @defer is then sent in one part, and refusals as JSON.
func TestCallersMayAcceptOnlyParts(t *testing.T) {
	t.Parallel()
	e := newEndpoint(graph.Options{MaxBatch: 1})
	const plain, deferred = `{ bounces(` + window + `, first: 2) { nodes { code detail { ruleName } } } }`,
		`{ bounces(` + window + `, first: 2) { nodes { code ... @defer { detail { ruleName } } } } }`
	list, typename := e.ask(t, plain, "").data, any(map[string]any{"__typename": "Query"})
	for _, accept := range []string{
		"multipart/mixed; deferSpec=20220824",
		`Multipart/Mixed;DEFERSPEC="20220824";q=0.1`,
		"multipart/mixed",
		"multipart/*",
		"text/html, multipart/mixed",
		"multipart/mixed;q=0.5, text/event-stream;q=0",
	} {
		for query, want := range map[string]any{plain: list, deferred: list, `{ __typename }`: typename} {
			data, _, count, failed := e.partsFor(t, accept, query)
			if d := cmp.Diff(want, data); d != "" || len(failed) > 0 || (count > 1) != (query == deferred) {
				t.Errorf("Accept %q, %s: %d parts, %v, %s", accept, query, count, failed, d)
			}
		}
		for body, status := range map[string]int{
			`{"query": "{ nothing }"}`: 200, `{}`: 400, `[{"query": "{ __typename }"}]`: 406,
			`{"query": "subscription { bounces { cursor } }"}`: 406,
		} {
			if a := e.do(t, post(body, "Accept", accept)); a.status != status || len(a.errors) != 1 ||
				a.header.Get("Content-Type") != "application/json; charset=utf-8" {
				t.Errorf("Accept %q, %s: %d %s", accept, body, a.status, a.body)
			}
		}
	}
	data, _, count, _ := e.partsFor(t, "text/event-stream, multipart/mixed", deferred)
	if d := cmp.Diff(list, data); d != "" || count < 2 {
		t.Errorf("beside events: %d parts, %s", count, d)
	}
	for _, accept := range []string{
		"multipart/mixed; deferSpec=20230621", "multipart/mixed; q=0", "multipart/related",
	} {
		if a := e.do(t, post(`{"query": "{ __typename }"}`, "Accept", accept)); a.status != 406 ||
			!strings.Contains(a.body, "multipart/mixed; deferSpec=20220824") {
			t.Errorf("Accept %q: %d %s", accept, a.status, a.body)
		}
	}
}

// An operation with @defer is refused if its caller does not accept parts, rather than answered without them.
func TestDeferIsRefusedWithoutParts(t *testing.T) {
	t.Parallel()
	e := newEndpoint(graph.Options{})
	a := e.ask(t, `{ stats(`+window+`) { sent ... @defer { bounced } } }`, "")
	if a.status != http.StatusNotAcceptable || len(a.errors) != 1 ||
		!strings.Contains(a.errors[0].Message, "accept multipart/mixed; deferSpec=20220824") {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := e.ask(t, `{ stats(`+window+`) { sent ... @defer(if: false) { bounced } } }`, ""); len(a.errors) > 0 {
		t.Errorf("switched off: %s", a.body)
	}
	if a := e.ask(t, `{ bounces(`+window+`) { nodes @stream { code } } }`, ""); a.status != 400 ||
		!strings.Contains(a.body, "stream") {
		t.Errorf("@stream: %d %s", a.status, a.body)
	}
	if e.api.Total() == 0 {
		t.Error("no operation was sent, so nothing was tested")
	}
}
