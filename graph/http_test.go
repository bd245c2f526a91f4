package graph_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"deliverygraph/graph"
)

const (
	typename   = `{"query": "{ __typename }"}`
	mediaNew   = "application/graphql-response+json"
	mediaPlain = "application/json"
)

// Requests that are not GraphQL requests get a message that says what would be one, with the same status in either
// media type, and no data.
func TestMalformedRequestsAreRefused(t *testing.T) {
	t.Parallel()
	e := newEndpoint(graph.Options{MaxBody: 2000})
	cases := map[string]struct {
		request request
		status  int
		says    string
		allow   string
	}{
		"another method": {
			request: request{http.MethodPut, "/graphql", typename, nil}, status: 405, says: "GET or POST",
			allow: "GET, HEAD, POST",
		},
		"a deletion": {
			request: request{http.MethodDelete, "/graphql", "", nil}, status: 405, says: "GET or POST",
			allow: "GET, HEAD, POST",
		},
		"no content type": {
			request: post(typename, "Content-Type", ""), status: 415, says: "application/json",
		},
		"a form": {
			request: post("query=1", "Content-Type", "application/x-www-form-urlencoded"), status: 415,
			says: "application/json",
		},
		"plain text": {
			request: post(typename, "Content-Type", "text/plain"), status: 415, says: "application/json",
		},
		"a content type of nonsense": {
			request: post(typename, "Content-Type", ";;"), status: 415, says: "application/json",
		},
		"another charset": {
			request: post(typename, "Content-Type", "application/json; charset=iso-8859-1"), status: 415, says: "utf-8",
		},
		"a body compressed with br": {
			request: post(typename, "Content-Encoding", "br"), status: 415, says: "compressed with gzip",
		},
		"a body that is too large": {
			request: post(`{"query": "` + strings.Repeat(" ", 2000) + `"}`), status: 413, says: "2000 bytes",
		},
		"an empty body":        {request: post(""), status: 400, says: "empty"},
		"a body of spaces":     {request: post(" \n"), status: 400, says: "empty"},
		"no JSON":              {request: post("secret"), status: 400, says: "byte 1"},
		"JSON that breaks off": {request: post(`{"query": "{ __type`), status: 400, says: "not JSON"},
		"JSON that goes on":    {request: post(typename + typename), status: 400, says: "not JSON"},
		"trailing junk":        {request: post(typename + "]"), status: 400, says: "not JSON"},
		"a name twice": {
			request: post(`{"query": "{ __typename }", "query": "{ secret }"}`), status: 400, says: "duplicate name",
		},
		"a name twice in the variables": {
			request: post(`{"query": "{ __typename }", "variables": {"a": {"secret": 1, "secret": 2}}}`), status: 400,
			says: "duplicate name",
		},
		"a lone surrogate": {
			request: post(`{"query": "{ __typename }", "operationName": "\ud800"}`), status: 400, says: "byte",
		},
		"a lone surrogate in a name": {
			request: post(`{"query": "{ __typename }", "\ud800": ""}`), status: 400, says: "byte",
		},
		"a name twice, once escaped": {
			request: post(`{"query": "{ __typename }", "qu\u0065ry": "{ secret }"}`), status: 400,
			says: "duplicate name",
		},
		"invalid UTF-8": {
			request: post("{\"query\": \"{ __typename } # \xff\"}"), status: 400, says: "byte",
		},
		"an array": {request: post("[" + typename + "]"), status: 400, says: "JSON object"},
		"a string": {request: post(`"secret"`), status: 400, says: "JSON object"},
		"null":     {request: post(`null`), status: 400, says: "JSON object"},
		"no query": {
			request: post(`{"qeury": "{ __typename }"}`), status: 400, says: `no "query"`,
		},
		"a null query":   {request: post(`{"query": null}`), status: 400, says: `no "query"`},
		"an empty query": {request: post(`{"query": " "}`), status: 400, says: `no "query"`},
		"a query that is a number": {
			request: post(`{"query": 1}`), status: 400, says: `"query" must be a string`,
		},
		"an operation name that is none": {
			request: post(`{"query": "{ __typename }", "operationName": {}}`), status: 400,
			says: `"operationName" must be a string`,
		},
		"variables in a list": {
			request: post(`{"query": "{ __typename }", "variables": [7]}`), status: 400,
			says: `"variables" must be a JSON object`,
		},
		"variables in a string": {
			request: post(`{"query": "{ __typename }", "variables": "{}"}`), status: 400,
			says: `"variables" must be a JSON object`,
		},
		"extensions that are a number": {
			request: post(`{"query": "{ __typename }", "extensions": 0}`), status: 400,
			says: `"extensions" must be a JSON object`,
		},
		"a GET without a query": {request: get(""), status: 400, says: `no "query"`},
		"a GET with odd variables": {
			request: get(url.Values{"query": {"{ __typename }"}, "variables": {"secret"}}.Encode()), status: 400,
			says: `"variables" must be a JSON object`,
		},
		"a GET with variables that go on": {
			request: get(url.Values{"query": {"{ __typename }"}, "variables": {"{}{}"}}.Encode()), status: 400,
			says: `"variables" must be a JSON object`,
		},
		"a GET with variables in a list": {
			request: get(url.Values{"query": {"{ __typename }"}, "variables": {"[]"}}.Encode()), status: 400,
			says: `"variables" must be a JSON object`,
		},
		"a GET with two queries": {
			request: get(url.Values{"query": {"{ __typename }", "{ __typename }"}}.Encode()), status: 400,
			says: `"query" more than once`,
		},
	}
	for name, c := range cases {
		for _, media := range []string{mediaNew, mediaPlain} {
			t.Run(name+" for "+media, func(t *testing.T) {
				q := c.request
				q.headers = append(q.headers[:len(q.headers):len(q.headers)], "Accept", media)
				a := e.do(t, q)
				if a.status != c.status || a.header.Get("Allow") != c.allow ||
					a.header.Get("Content-Type") != media+"; charset=utf-8" {
					t.Errorf("status %d, %v", a.status, a.header)
				}
				if _, ok := a.fields["data"]; ok || len(a.errors) != 1 || a.errors[0].code() != "BAD_USER_INPUT" {
					t.Fatalf("answer: %s", a.body)
				}
				message := a.errors[0].Message
				if !strings.Contains(message, c.says) {
					t.Errorf("message %q, want one with %q", message, c.says)
				}
				for _, never := range []string{
					"secret", "json:", "jsontext", "map[", "interface", "struct", "string into", "invalid character",
				} {
					if strings.Contains(a.body, never) {
						t.Errorf("%q in the answer: %s", never, a.body)
					}
				}
			})
		}
	}
	if e.api.Total() != 0 {
		t.Error("something ran")
	}
}

// An invalid operation in a well-formed request has status 400 in the GraphQL media type, and 200 in plain JSON, whose
// callers may take another status for a proxy's. Neither has data.
func TestStatusOfRequestErrors(t *testing.T) {
	t.Parallel()
	e := newEndpoint(graph.Options{})
	cases := map[string]struct{ body, says string }{
		"a document that does not parse": {`{"query": "{"}`, "Expected Name"},
		"an unterminated string":         {`{"query": "{ node(id: \"x) { id } }"}`, "unterminated string"},
		"a character that is none of GraphQL's": {
			`{"query": "{ __typename ? }"}`, "character that GraphQL does not allow",
		},
		"a document of comments":        {`{"query": "# nothing"}`, "no operation"},
		"a document of fragments alone": {`{"query": "fragment F on Query { __typename }"}`, "no operation"},
		"a field that is not there":     {`{"query": "{ nothing }"}`, "nothing"},
		"several operations and no name": {
			`{"query": "query A { __typename } query B { __typename }"}`, "operationName",
		},
		"a name that no operation has":         {`{"query": "query A { __typename }", "operationName": "C"}`, "\"C\""},
		"a name for an operation without":      {`{"query": "{ __typename }", "operationName": "C"}`, "\"C\""},
		"a variable that is missing":           {`{"query": "query($id: ID!) { node(id: $id) { id } }"}`, "$id"},
		"a mutation, of which there is none":   {`{"query": "mutation { __typename }"}`, "mutation"},
		"a subscription to nothing":            {`{"query": "subscription { __typename }"}`, "not __typename"},
		"a directive that is not there":        {`{"query": "{ __typename @secret }"}`, "@secret"},
		"a fragment in a circle":               {`{"query": "{ ...F } fragment F on Query { ...F }"}`, "F"},
		"two fields that cannot be one answer": {`{"query": "{ a: __typename a: bounceCategories { code } }"}`, "a"},
	}
	for name, c := range cases {
		for media, status := range map[string]int{mediaNew: 400, mediaPlain: 200} {
			t.Run(name+" for "+media, func(t *testing.T) {
				a := e.do(t, post(c.body, "Accept", media))
				if _, ok := a.fields["data"]; ok || a.status != status || len(a.errors) == 0 ||
					a.errors[0].code() != "BAD_USER_INPUT" || !strings.Contains(a.errors[0].Message, c.says) {
					t.Errorf("status %d: %s", a.status, a.body)
				}
			})
		}
	}
	if e.api.Total() != 0 {
		t.Error("something ran")
	}
}

// Wrong operation names are reported as one error.
func TestWrongOperationNamesAreOneError(t *testing.T) {
	t.Parallel()
	e := newEndpoint(graph.Options{})
	for query, want := range map[string]string{
		"{ __typename } { __typename }":                                   "[{1 1} {1 16}]",
		"{ a: __typename } { b: __typename } query C { __typename }":      "[{1 1} {1 19}]",
		"query A { __typename } { __typename }":                           "[{1 24}]",
		"query A { __typename } query B { __typename } query A { id: a }": "",
	} {
		a := e.ask(t, query, "")
		if want == "" {
			if len(a.errors) != 2 || !strings.Contains(a.body, `only one operation named \"A\"`) {
				t.Errorf("%s: %s", query, a.body)
			}
			continue
		}
		if len(a.errors) != 1 || fmt.Sprint(a.errors[0].Locations) != want ||
			!strings.Contains(a.errors[0].Message, "name each, as in query First { … }") {
			t.Errorf("%s: want one error at %s, got %s", query, want, a.body)
		}
	}
}

// Valid requests are answered however they are written.
func TestValidRequestsAreAnswered(t *testing.T) {
	t.Parallel()
	e := newEndpoint(graph.Options{})
	const two = "query A { a: __typename } query B($no: Boolean = true) { b: __typename @skip(if: $no) }"
	form := func(pairs ...string) string {
		v := url.Values{}
		for i := 0; i < len(pairs); i += 2 {
			v.Set(pairs[i], pairs[i+1])
		}
		return v.Encode()
	}
	body := func(fields map[string]any) string {
		b, err := json.Marshal(fields)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	cases := map[string]struct {
		request request
		data    string
	}{
		"the least":             {post(typename), `{"__typename":"Query"}`},
		"a name with an escape": {post(`{"qu\u0065ry": "{ __typename }"}`), `{"__typename":"Query"}`},
		"a charset": {
			post(typename, "Content-Type", "application/json; charset=UTF-8"), `{"__typename":"Query"}`,
		},
		"a media type in capitals": {
			post(typename, "Content-Type", "Application/JSON"), `{"__typename":"Query"}`,
		},
		"nulls are as left out": {
			post(`{"query": "{ __typename }", "operationName": null, "variables": null, "extensions": null}`),
			`{"__typename":"Query"}`,
		},
		"an empty name is none": {
			post(`{"query": "{ __typename }", "operationName": ""}`), `{"__typename":"Query"}`,
		},
		"further properties are ignored": {post(`{"query": "{ __typename }", "id": 7}`), `{"__typename":"Query"}`},
		"extensions": {
			post(`{"query": "{ __typename }", "extensions": {"a": [1]}}`), `{"__typename":"Query"}`,
		},
		"unused variables": {
			post(`{"query": "{ __typename }", "variables": {"a": 1}}`), `{"__typename":"Query"}`,
		},
		"one of two operations": {
			post(body(map[string]any{"query": two, "operationName": "A"})), `{"a":"Query"}`,
		},
		"a variable": {
			post(body(map[string]any{"query": two, "operationName": "B", "variables": map[string]any{"no": false}})),
			`{"b":"Query"}`,
		},
		"a variable's default": {post(body(map[string]any{"query": two, "operationName": "B"})), `{}`},
		"a GET":                {get(form("query", "{ __typename }")), `{"__typename":"Query"}`},
		"a GET with all": {
			get(form("query", two, "operationName", "B", "variables", `{"no": false}`, "extensions", "{}")),
			`{"b":"Query"}`,
		},
		"a GET with empty parts": {
			get(form("query", "{ __typename }", "operationName", "", "variables", "", "extensions", "null")),
			`{"__typename":"Query"}`,
		},
		"a GET whose content type is none": {
			get(form("query", "{ __typename }"), "Content-Type", "text/plain"), `{"__typename":"Query"}`,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			a := e.do(t, c.request)
			if a.status != 200 || string(a.fields["data"]) != c.data || len(a.fields) != 1 {
				t.Errorf("status %d: %s", a.status, a.body)
			}
			if a.header.Get("X-Content-Type-Options") != "nosniff" ||
				strings.Join(a.header.Values("Vary"), ", ") != "Accept-Encoding, Accept" {
				t.Errorf("headers: %v", a.header)
			}
		})
	}
}

// __typename of the query type is answered without running the operation, with the same result.
func TestTypenameIsAnsweredWithoutRunning(t *testing.T) {
	t.Parallel()
	e := newEndpoint(graph.Options{})
	for _, c := range []struct{ query, run, data string }{
		{`{ __typename }`, `{ __typename @include(if: true) }`, `{"__typename":"Query"}`},
		{
			`query Q { b: __typename a: __typename __typename b: __typename }`,
			`query Q { b: __typename @skip(if: false) a: __typename __typename b: __typename }`,
			`{"b":"Query","a":"Query","__typename":"Query"}`,
		},
		{
			`{ a: __typename ...F } fragment F on Query { b: __typename }`, `{ a: __typename b: __typename }`,
			`{"a":"Query","b":"Query"}`,
		},
		{`query A { __typename } query B { b: __typename }`, ``, ``},
	} {
		a, b := e.ask(t, c.query, ""), e.ask(t, c.run, "")
		if c.data == "" {
			if len(a.errors) != 1 {
				t.Errorf("%s: %s", c.query, a.body)
			}
			continue
		}
		if string(a.fields["data"]) != c.data || a.body != b.body || a.status != 200 || len(a.errors) > 0 {
			t.Errorf("%s: %d %s, and %s", c.query, a.status, a.body, b.body)
		}
	}
}
