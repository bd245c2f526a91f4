package graph_test

import (
	"fmt"
	"strings"
	"testing"

	"deliverygraph/graph"
)

// The response's media type is the one with the highest weight.
func TestAcceptDecidesTheMediaType(t *testing.T) {
	t.Parallel()
	e := newEndpoint(graph.Options{})
	const j, g = mediaPlain, mediaNew
	for accept, want := range map[string]string{
		"":                                 j,
		" , ":                              j,
		"*/*":                              j,
		"application/*":                    j,
		j:                                  j,
		g:                                  g,
		g + "; charset=utf-8, " + j:        g,
		g + ";charset=UTF-8":               g,
		j + ", " + g:                       g,
		j + ", " + g + ";q=0.9":            j,
		g + ";q=0.5, " + j + ";q=0.6":      j,
		g + ";q=0, " + j:                   j,
		g + ";q=0, */*":                    j,
		j + ";q=0, */*":                    g,
		j + ";q=0, */*;q=0.1":              g,
		"*/*;q=0.1, " + g + ";q=0.5":       g,
		"text/html, */*;q=0.8":             j,
		"application/*;q=0.1, text/css":    j,
		"APPLICATION/JSON":                 j,
		j + `;profile="a, b"`:              j,
		g + `;profile="a, b", ` + j:        g,
		j + `;profile="\", text/html"`:     j,
		`text/html;profile="a, ` + j + `"`: "",
		"text/html":                        "",
		"*/*;q=0":                          "",
		"application/*;q=0, */*":           "",
		j + ";q=2":                         "",
		j + ";q=NaN":                       "",
		j + ";q=":                          "",
		g + ";charset=latin1":              "",
		"nonsense":                         "",
	} {
		a := e.do(t, post(typename, "Accept", accept))
		if want == "" {
			if a.status != 406 || a.header.Get("Content-Type") != j+"; charset=utf-8" {
				t.Errorf("Accept %q: status %d, %s", accept, a.status, a.header.Get("Content-Type"))
			}
		} else if a.status != 200 || a.header.Get("Content-Type") != want+"; charset=utf-8" {
			t.Errorf("Accept %q: status %d, %s", accept, a.status, a.header.Get("Content-Type"))
		}
	}
}

// Each of many Accept headers gets its media type, the first time and when it is cached.
func TestManyAcceptHeaders(t *testing.T) {
	t.Parallel()
	e := newEndpoint(graph.Options{})
	for range 2 {
		for i := range 150 {
			for _, media := range []string{"application/json", "application/graphql-response+json"} {
				accept := fmt.Sprintf("%s;v=%d", media, i) // a parameter without a meaning
				if a := e.do(t, post(`{"query": "{ __typename }"}`, "Accept", accept)); a.status != 200 ||
					!strings.HasPrefix(a.header.Get("Content-Type"), media) {
					t.Fatalf("%s: %d %s", accept, a.status, a.header.Get("Content-Type"))
				}
			}
		}
	}
}
