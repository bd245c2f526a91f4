// Package playground serves GraphiQL, the in-browser editor for GraphQL. Its script, stylesheet and icon are embedded,
// and its Content-Security-Policy allows requests to its own origin only.
//
// Start reading at [New]. The page is page.html, its script starts in web/src/app.jsx, and examples holds the queries
// that a new visitor sees. Package site serves the files.
//
// # Building the page
//
// The files in dist are committed, so that the gateway builds without Node.js. After a change in web, rebuild them with
// Node.js 20 or newer, and commit them too:
//
//	cd graph/playground/web && npm ci && npm run build
//
// A test fails if dist/SOURCE_HASH does not match the sources. The page uses GraphiQL 4, because the editor of GraphiQL
// 5 is four times larger and needs worker scripts.
//
// The tests run the page in Chromium if it is installed. This command keeps screenshots:
//
//	go test -artifacts -outputdir /tmp/shots ./graph/playground
package playground

import (
	"cmp"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"

	"deliverygraph/internal/web/site"
)

// Options says what the page shows and which endpoint it queries.
type Options struct {
	// Endpoint is the path of the GraphQL endpoint relative to the page, such as "../graphql", so that both work
	// behind any path prefix. The default is "graphql".
	Endpoint string

	// Title is the page's title. The default is "GraphQL Playground".
	Title string

	// Dashboard is the path of the dashboard relative to the page. If empty, the page has no link to it.
	Dashboard string

	// Demo says where the demo data comes from and how to replace it. If not empty, it is shown in a banner after the
	// words "Demo data.".
	Demo string

	// Notice is a warning to visitors. If not empty, it is shown in a banner of its own.
	Notice string

	// Tabs are open on a visitor's first visit, in this order. Later, the page opens the visitor's own tabs, and lists
	// these as examples.
	Tabs []Tab

	// NotFound answers requests for other paths. The default answers 404 in plain text.
	NotFound http.Handler
}

// Tab is an example query.
type Tab struct {
	// Name is the name of the query's first operation. [New] sets it.
	Name string `json:"name"`

	// Description says in a sentence or two what the query returns. It is shown as a comment above the query, and in
	// the list of examples.
	Description string `json:"description"`

	// Query is a GraphQL document whose operations all have names.
	Query string `json:"query"`

	// Variables is a JSON object, or empty.
	Variables string `json:"variables"`
}

// files are the page and the files that web/build.mjs writes. All but the notices are named by the hash of their
// content.
//
//go:embed page.html dist/*.gz dist/third-party-notices.txt
var files embed.FS

// settings is passed to web/src/app.jsx as JSON.
type settings struct {
	Endpoint  string `json:"endpoint"`
	Title     string `json:"title"`
	Dashboard string `json:"dashboard"`
	Tabs      []Tab  `json:"tabs"`
}

// New returns a handler for the playground at the path "/" and for its files: see [site.New].
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
		Name: "playground", Files: files, Policy: contentSecurityPolicy, NotFound: o.NotFound,
		Data: map[string]any{"Title": s.Title, "Demo": o.Demo, "Notice": o.Notice, "Settings": s},
	})
}

// contentSecurityPolicy allows the page to load files from its own origin only, so that a URL in a bounce message or in
// a description of the schema cannot make the browser request another host. Inline styles are allowed, because
// GraphiQL's dialogs insert a style element without a nonce; inline scripts are not. Images may be data URLs, which the
// stylesheet uses to underline errors.
const contentSecurityPolicy = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
	"object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// exampleFiles holds a file for each example, in the order of the tabs. It starts with the description as a comment.
// Its variables, if any, are in the .json file of the same name.
//
//go:embed examples
var exampleFiles embed.FS

// Examples returns tabs for the gateway's own schema: the most common questions, and one query for each type. They
// return results on the demo data, and some of them ask for its user 21.
func Examples() (tabs []Tab) {
	names, err := fs.Glob(exampleFiles, "examples/*.graphql")
	if err != nil {
		panic(err) // the pattern is bad
	}
	for _, name := range names {
		text, err := exampleFiles.ReadFile(name)
		if err != nil {
			panic(err) // it is embedded
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
