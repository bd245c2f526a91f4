package graph_test

import (
	"io"
	"net/http"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"

	"deliverygraph/graph"
)

// HEAD gets the status and headers of GET, including the length, and no body.
func TestHeadHasTheHeadersOfGet(t *testing.T) {
	t.Parallel()
	s := serve(t, newEndpoint(graph.Options{}))
	ask := func(method, query string, headers ...string) (*http.Response, string) {
		r, err := http.NewRequestWithContext(t.Context(), method, s.URL+"/graphql?query="+url.QueryEscape(query), nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept-Encoding", "identity") // otherwise the client asks for gzip, but only in GET
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		resp, err := s.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		resp.Header.Del("Date")
		return resp, string(body)
	}
	const (
		list     = `{ bounces(` + window + `) { nodes { code } } }`
		deferred = `{ bounces(` + window + `) { nodes { code ... @defer { detail { ruleName } } } } }`
		schema   = `{ __schema { types { name description } } }`
	)
	for name, c := range map[string]struct {
		query   string
		headers []string
		length  bool // is set in advance
	}{
		"a short answer":           {list, nil, true},
		"a long answer":            {schema, nil, true},
		"a short compressed one":   {list, []string{"Accept-Encoding", "gzip"}, true},
		"a long compressed one":    {schema, []string{"Accept-Encoding", "gzip"}, false},
		"the other media type":     {list, []string{"Accept", mediaNew}, true},
		"an error":                 {`{ nothing }`, []string{"Accept", mediaNew}, true},
		"no query":                 {``, nil, true},
		"nothing acceptable":       {list, []string{"Accept", "text/html"}, true},
		"parts":                    {deferred, []string{"Accept", "multipart/mixed"}, false},
		"events of a query":        {list, []string{"Accept", "text/event-stream"}, false},
		"a subscription to refuse": {`subscription { bounces { cursor } }`, nil, true},
	} {
		want, body := ask(http.MethodGet, c.query, c.headers...)
		got, none := ask(http.MethodHead, c.query, c.headers...)
		if got.StatusCode != want.StatusCode || none != "" || body == "" {
			t.Errorf("%s: status %d, %q, want %d", name, got.StatusCode, none, want.StatusCode)
		}
		if d := cmp.Diff(want.Header, got.Header); d != "" {
			t.Errorf("%s: headers of GET and HEAD %s", name, d)
		}
		if (got.Header.Get("Content-Length") != "") != c.length {
			t.Errorf("%s: Content-Length %q", name, got.Header.Get("Content-Length"))
		}
	}
}
