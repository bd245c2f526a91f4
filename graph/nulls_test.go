package graph_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"deliverygraph/graph"
)

// nullCases are operations in which the variable v passes null to a place where null is not allowed. Its default value
// makes them valid.
var nullCases = map[string]struct{ query, argument, path, data string }{
	"an ID":      {`query($v: ID = "x") { n: node(id: $v) { id } }`, "id", `["n"]`, `{"n":null}`},
	"a list":     {`query($v: [ID!] = ["x"]) { nodes(ids: $v) { id } }`, "ids", `["nodes"]`, `null`},
	"an element": {`query($v: ID = "x") { nodes(ids: ["y", $v]) { id } }`, "ids[1]", `["nodes"]`, `null`},
	"a String": {
		`query($v: String = "Bounce") { __type(name: $v) { name } }`, "name", `["__type"]`, `{"__type":null}`,
	},
	"an enum": {
		`query($v: Interval = DAY) { stats(` + window + `) { series(interval: $v) { sent } } }`, "interval",
		`["stats","series"]`, `{"stats":{"series":null}}`,
	},
	"an input object": {
		`query($v: Window = {last: "P1D"}) { stats(window: $v) { sent } }`, "window", `["stats"]`, `{"stats":null}`,
	},
	"a field of one": {
		`query($v: DateTime = 1) { stats(window: {between: {start: $v, end: 2}}) { sent } }`, "window.between.start",
		`["stats"]`, `{"stats":null}`,
	},
	"a field of an element": {
		`query($v: String = "a") { bounces(` + window +
			`, filter: {xHeaders: [{name: "X", value: $v}]}) { totalCount } }`, "filter.xHeaders[0].value",
		`["bounces"]`, `{"bounces":null}`,
	},
	"a field of a lone one": {
		`query($v: String = "a") { bounces(` + window + `, filter: {xHeaders: {name: $v, value: ""}}) { totalCount } }`,
		"filter.xHeaders.name", `["bounces"]`, `{"bounces":null}`,
	},
	"a fragment": {
		`query($v: ID = "x") { ...F } fragment F on Query { ... { node(id: $v) { id } } }`, "id", `["node"]`,
		`{"node":null}`,
	},
	"a field that is selected": {
		`query($v: ID = "x") { node(id: $v) { id } stats(` + window + `) @skip(if: true) { sent } }`, "id", `["node"]`,
		`{"node":null}`,
	},
	"below a list": {
		`query($v: DateTime = 1) { bounces(` + window +
			`, first: 1) { nodes { user { stats(window: {between: {start: $v, end: 2}}) { sent } } } } }`,
		"window.between.start", `["bounces","nodes",0,"user","stats"]`,
		`{"bounces":{"nodes":[{"user":{"stats":null}}]}}`,
	},
	"an argument of two": {
		`query($v: ID = "1") { bounce(userId: "1", senderId: $v, bouncedAt: $n, emailId: "x") { id } }`, "senderId",
		`["bounce"]`, `{"bounce":null}`,
	},
}

func TestNullWhereItIsNotAllowedFailsItsField(t *testing.T) {
	t.Parallel()
	e := newEndpoint(graph.Options{})
	for name, c := range nullCases {
		t.Run(name, func(t *testing.T) {
			query := strings.Replace(c.query, "$n", "1", 1)
			a := e.ask(t, query, `{"v": null}`)
			if a.status != 200 || len(a.errors) != 1 || string(a.fields["data"]) != c.data {
				t.Fatalf("status %d: %s", a.status, a.body)
			}
			got := a.errors[0]
			path, _ := json.Marshal(got.Path)
			if got.code() != "BAD_USER_INPUT" || got.Extensions["argument"] != c.argument || string(path) != c.path ||
				got.Message != c.argument+" must not be null, but the variable $v is" || len(got.Locations) != 1 {
				t.Errorf("%s", a.body)
			}
			if a := e.ask(t, query, `{}`); strings.Contains(a.body, "must not be null") {
				t.Errorf("without the variable its default value holds: %s", a.body)
			}
		})
	}
}

// directives are selections that a null decides about, at every place where a directive is allowed.
var directives = map[string]string{
	"a root field":       `{ __typename @%s(if: $v) }`,
	"a field":            `{ bounceCategories { code @%s(if: $v) } }`,
	"a field of fields":  `{ bounces(` + window + `) @%s(if: $v) { totalCount } }`,
	"an inline fragment": `{ bounces(` + window + `) { nodes { ... @%s(if: $v) { id } } } }`,
	"a typed fragment":   `{ bounces(` + window + `) { nodes { ... on Node @%s(if: $v) { id } } } }`,
	"a spread":           `{ ...F @%s(if: $v) } fragment F on Query { __typename }`,
	"a fragment's field": `{ ...F } fragment F on Query { ...G } fragment G on Query { viewer { name ` +
		`@%s(if: $v) } }`,
	"a field of the schema": `{ __schema { types { name @%s(if: $v) } } }`,
	"what is also skipped":  `{ __typename @include(if: false) @%s(if: $v) }`,
}

func TestNullForSkipOrIncludeIsRefused(t *testing.T) {
	t.Parallel()
	e := newEndpoint(graph.Options{})
	for name, selection := range directives {
		for _, directive := range []string{"skip", "include"} {
			t.Run(name+" by "+directive, func(t *testing.T) {
				query := "query($v: Boolean = true) " + fmt.Sprintf(selection, directive)
				if strings.Contains(query, "@include(if: false) @include") {
					t.Skip("a directive may be there once")
				}
				a := e.ask(t, query, `{"v": null}`)
				if _, ran := a.fields["data"]; ran || a.status != 400 || len(a.errors) != 1 {
					t.Fatalf("status %d: %s", a.status, a.body)
				}
				if got := a.errors[0]; got.code() != "BAD_USER_INPUT" ||
					got.Message != "@"+directive+"(if:) must not be null, but the variable $v is" ||
					len(got.Locations) != 1 {
					t.Errorf("%s", a.body)
				}
				for _, v := range []string{`{}`, `{"v": true}`, `{"v": false}`} {
					if a := e.ask(t, query, v); len(a.errors) > 0 {
						t.Errorf("%s: %s", v, a.body)
					}
				}
			})
		}
	}
	// Excluded selections are not checked.
	for _, query := range []string{
		`query($v: Boolean = true) { __typename bounceCategories @skip(if: true) { code @skip(if: $v) } }`,
		`query($v: Boolean = true, $no: Boolean = false) { __typename ... @include(if: $no) { ...F } } ` +
			`fragment F on Query { viewer @skip(if: $v) { name } }`,
		`query A($v: Boolean) { a: __typename } query B($v: Boolean = true) { b: __typename @skip(if: $v) }`,
	} {
		a := e.do(t,
			post(fmt.Sprintf(`{"query": %q, "variables": {"v": null}, "operationName": %q}`, query,
				strings.Repeat("A", strings.Count(query, "query A"))), "Accept", mediaNew))
		if len(a.errors) > 0 && !strings.Contains(a.body, "is never used") {
			t.Errorf("%s: %s", query, a.body)
		}
	}
	if strings.Contains(e.log.String(), "INTERNAL") || strings.Contains(e.log.String(), "panic") {
		t.Errorf("%s", e.log)
	}
}

// Every transport answers like POST.
func TestNullWhereItIsNotAllowedOnEveryTransport(t *testing.T) {
	t.Parallel()
	e := newEndpoint(graph.Options{MaxBatch: 3})
	const (
		field    = `query($v: ID = "x") { node(id: $v) { id } }`
		deferred = `query($v: DateTime = 1) { bounces(` + window +
			`, first: 1) { nodes { id ... @defer { sender { stats(window: {between: {start: $v, ` +
			`end: 2}}) { sent } } } } } }`
		directive = `query($v: Boolean = true) { __typename @skip(if: $v) }`
		events    = `subscription($v: String = "x") { bounces(filter: {xHeaders: {name: $v, value: ""}}) { cursor } }`
		unlucky   = `subscription($v: Boolean = true) { bounces { cursor node { id @skip(if: $v) } } }`
		whether   = `query($v: Boolean) { __typename ... @defer(if: $v) { viewer { name } } }`
	)
	encode := func(query string) string {
		return "query=" + url.QueryEscape(query) + "&variables=" + url.QueryEscape(`{"v": null}`)
	}
	body := func(query string) string { return fmt.Sprintf(`{"query": %q, "variables": {"v": null}}`, query) }
	for name, c := range map[string]struct {
		request
		says []string
	}{
		"GET": {
			get(encode(field)), []string{"id must not be null", `"path":["node"]`, `"data":{"node":null}`},
		},
		"GET, a directive": {get(encode(directive)), []string{"@skip(if:) must not be null"}},
		"an array": {
			post("[" + body(field) + "," + body(directive) + "]"),
			[]string{"id must not be null", "@skip(if:) must not be null"},
		},
		"parts": {
			post(body(deferred), "Accept", "multipart/mixed; deferSpec=20220824, application/json"),
			[]string{"window.between.start must not be null", `"path":["bounces","nodes",0,"sender","stats"]`},
		},
		"parts, whether": {
			post(body(whether), "Accept", "multipart/mixed; deferSpec=20220824, application/json"),
			[]string{"@defer(if:) must not be null"},
		},
		"events": {
			get(encode(events), "Accept", "text/event-stream"),
			[]string{"event: next", "filter.xHeaders.name must not be null", `"path":["bounces"]`, "event: complete"},
		},
		"events, a directive": {
			get(encode(unlucky), "Accept", "text/event-stream"), []string{"@skip(if:) must not be null"},
		},
		"a query in events": {
			post(body(field), "Accept", "text/event-stream"), []string{"id must not be null"},
		},
		"a directive in an event's": {
			post(body(directive), "Accept", "text/event-stream"), []string{"@skip(if:) must not be null"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequestWithContext(t.Context(), c.method, c.url, strings.NewReader(c.body))
			for i := 0; i < len(c.headers); i += 2 {
				r.Header.Set(c.headers[i], c.headers[i+1])
			}
			w := httptest.NewRecorder()
			e.ServeHTTP(w, r)
			for _, says := range c.says {
				if !strings.Contains(w.Body.String(), says) || strings.Contains(w.Body.String(), "INTERNAL") {
					t.Errorf("status %d, want %s in %s", w.Code, says, w.Body)
				}
			}
		})
	}
	t.Run("a WebSocket", func(t *testing.T) {
		c := connect(t, serve(t, e), http.Header{})
		for query, says := range map[string]string{
			field: "id must not be null", directive: "@skip(if:) must not be null",
			events: "filter.xHeaders.name must not be null", unlucky: "@skip(if:) must not be null",
		} {
			c.say(`{"type":"subscribe","id":"1","payload":` + body(query) + `}`)
			m := c.hear()
			if !strings.Contains(string(m.Payload), says) {
				t.Errorf("%s: %s", m.Type, m.Payload)
			}
			if m.Type == "next" {
				c.expect("complete", "1")
			}
		}
	})
}

// Several operations with the same fragment each use their own default values.
func TestDefaultValuesAreThoseOfTheOperation(t *testing.T) {
	t.Parallel()
	e := newEndpoint(graph.Options{})
	const query = `query A($v: String) { ...F } query B($v: String = "nowhere.example") { ...F }
		fragment F on Query {
			bounces(` + window + `, filter: {domain: $v, userId: "5000000020"}) { nodes { userId } }
		}`
	for operation, data := range map[string]string{
		"A": `{"bounces":{"nodes":[{"userId":"5000000020"}]}}`, "B": `{"bounces":{"nodes":[]}}`,
	} {
		a := e.do(t, post(fmt.Sprintf(`{"query": %q, "operationName": %q}`, query, operation)))
		if string(a.fields["data"]) != data {
			t.Errorf("%s: %s", operation, a.body)
		}
	}
}
