// Package playground serves GraphiQL, the in-browser editor for GraphQL, as an http.Handler that needs nothing but this
// binary: script, stylesheet and icon are embedded, and the page's Content-Security-Policy lets it talk to its own
// origin alone.
//
// It hides how the page is built and gets its settings; package site serves it. Start reading at [New]; page.html is
// the page, examples holds what a new visitor finds open, and web/src/app.jsx is where the browser's side begins.
//
// # Building the page
//
// The files in dist are committed, so Go alone builds the gateway. After a change in web, with Node.js 20 or newer:
//
//	cd graph/playground/web && npm ci && npm run build
//
// and commit dist with it. A test compares dist/SOURCE_HASH with the sources and fails if this was forgotten. GraphiQL
// 4 is used rather than 5, whose editor is four times the size and needs worker scripts.
//
// The tests drive the page in Chromium where there is one. What it looked like is kept by
//
//	go test -artifacts -outputdir /tmp/shots ./graph/playground
package playground

import (
	"cmp"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"

	"deliverygraph/internal/web/site"
)

// Options says what the page shows and which endpoint it queries.
type Options struct {
	// Endpoint is the GraphQL endpoint's path, relative to the page ("graphql", "../graphql"), so that both may move
	// together below any path prefix. Default "graphql".
	Endpoint string

	// Title is the page's title, shown in its corner too. Default "GraphQL Playground".
	Title string

	// Dashboard, when not empty, is the path of the dashboard relative to the page, which links to it.
	Dashboard string

	// Demo, when not empty, is shown in a banner after the words "Demo data.": where the data comes from, and how to
	// replace it.
	Demo string

	// Notice, when not empty, is shown in a banner of its own: what a visitor has to know.
	Notice string

	// Tabs are open on a visitor's first visit, in this order. Later visits find the visitor's own tabs, and these
	// in the page's list of examples.
	Tabs []Tab

	// NotFound answers requests for paths that are not the page's. By default that is 404 in text.
	NotFound http.Handler
}

// Tab is an example: a query that the page opens with.
type Tab struct {
	// Name is that of the query's first operation. [New] sets it.
	Name string `json:"name"`

	// Description says in a sentence or two what the query answers. It stands above the query as a comment, and in
	// the list of examples.
	Description string `json:"description"`

	// Query is a GraphQL document. All its operations are named.
	Query string `json:"query"`

	// Variables is a JSON object, or empty.
	Variables string `json:"variables"`
}

// Contents of dist, as web/build.mjs writes them. All but the notices are named by their content.
//
//go:embed dist/*.gz dist/third-party-notices.txt
var dist embed.FS

//go:embed page.html
var pageHTML string

// settings is what the page's script reads, as JSON. web/src/app.jsx knows its shape.
type settings struct {
	Endpoint  string `json:"endpoint"`
	Title     string `json:"title"`
	Dashboard string `json:"dashboard"`
	Tabs      []Tab  `json:"tabs"`
}

// New returns the playground as a handler for the path "/" and the files beside it: see [site.New].
func New(o Options) (http.Handler, error) {
	tabs := append([]Tab{}, o.Tabs...)
	for i, t := range tabs {
		document, err := parser.ParseQuery(&ast.Source{Input: t.Query})
		if err == nil && len(document.Operations) == 0 {
			err = errors.New("it has no operation")
		}
		if err != nil {
			return nil, fmt.Errorf("playground: tab %d: %w", i+1, err)
		}
		tabs[i].Name = document.Operations[0].Name
	}
	s := settings{cmp.Or(o.Endpoint, "graphql"), cmp.Or(o.Title, "GraphQL Playground"), o.Dashboard, tabs}
	return site.New(site.Options{
		Name: "playground", Dist: dist, Template: template.Must(template.New("page").Parse(pageHTML)),
		Policy: contentSecurityPolicy, NotFound: o.NotFound,
		Data: map[string]any{"Title": s.Title, "Demo": o.Demo, "Notice": o.Notice, "Settings": s},
	})
}

// contentSecurityPolicy allows the page what it needs from its own origin and nothing from elsewhere, so that not even
// an address inside a bounce message or a schema's description makes the browser ask another host.
// Styles may be inline: GraphiQL's dialogs insert a style element that keeps the page behind them from scrolling, and
// know no nonce for it. Scripts may not. Images may be data URLs: the stylesheet underlines errors with some.
const contentSecurityPolicy = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
	"object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// A file for each example, in the order of the tabs. The comment at its top is the description; variables are in a
// file of the same name that ends in .json.
//
//go:embed examples
var exampleFiles embed.FS

// Examples returns tabs for the gateway's own schema: the questions that most callers come with, and one for each
// type. They have answers on the demo data, whose user 21 some of them name.
func Examples() (tabs []Tab) {
	names, err := fs.Glob(exampleFiles, "examples/*.graphql")
	if err != nil {
		panic(err) // a bad pattern
	}
	for _, name := range names {
		text, err := exampleFiles.ReadFile(name)
		if err != nil {
			panic(err) // embedded under this name
		}
		variables, _ := exampleFiles.ReadFile(strings.TrimSuffix(name, ".graphql") + ".json") // there may be none
		t := Tab{Query: string(text), Variables: strings.TrimSpace(string(variables))}
		var words []string
		for strings.HasPrefix(t.Query, "#") {
			line, rest, _ := strings.Cut(t.Query, "\n")
			words, t.Query = append(words, strings.TrimSpace(line[1:])), rest
		}
		t.Description = strings.Join(words, " ")
		tabs = append(tabs, t)
	}
	return tabs
}
