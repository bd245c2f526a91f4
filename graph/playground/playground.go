package playground

import (
	"cmp"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"net/url"

	"deliverygraph/internal/web/site"
)

// Options says what the page shows and which endpoint it asks.
type Options struct {
	// Endpoint is the GraphQL endpoint's path, relative to the page ("graphql", "../graphql"), so that both may move
	// together below any path prefix. A path from the root ("/graphql") works where there is no prefix. Another
	// host is refused: the page may only talk to its own. Default "graphql".
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

// Contents of dist, as web/build.mjs writes them. All but the notices are named by their content.
//
//go:embed dist/*.gz dist/third-party-notices.txt
var dist embed.FS

//go:embed page.html
var pageHTML string

var pageTemplate = template.Must(template.New("page").Parse(pageHTML))

// settings is what the page's script reads, as JSON. web/src/app.jsx knows its shape.
type settings struct {
	Endpoint  string    `json:"endpoint"`
	Title     string    `json:"title"`
	Dashboard string    `json:"dashboard"`
	Tabs      []example `json:"tabs"`
}

// New returns the playground as a handler for the path "/" and the files beside it. Behind a path prefix use
// [http.StripPrefix] with the prefix less its last slash.
//
// It answers GET and HEAD; other methods get 405, other paths [Options].NotFound. The page itself is always
// revalidated, its files may be kept for ever. An error says which option is wrong and what would be right.
func New(o Options) (http.Handler, error) {
	endpoint := cmp.Or(o.Endpoint, "graphql")
	if err := checkEndpoint(endpoint); err != nil {
		return nil, err
	}
	examples, err := newExamples(o.Tabs)
	if err != nil {
		return nil, err
	}

	title := cmp.Or(o.Title, "GraphQL Playground")
	return site.New(site.Options{
		Name: "playground", Dist: dist, Template: pageTemplate, Policy: contentSecurityPolicy, NotFound: o.NotFound,
		Data: map[string]any{
			"Title":    title,
			"Demo":     o.Demo,
			"Notice":   o.Notice,
			"Settings": settings{Endpoint: endpoint, Title: title, Dashboard: o.Dashboard, Tabs: examples},
		},
	})
}

func checkEndpoint(endpoint string) error {
	u, err := url.Parse(endpoint)
	if err != nil || u.Scheme != "" || u.Host != "" || u.Fragment != "" || u.Path == "" {
		return fmt.Errorf("playground: endpoint %q: want a path on the page's own host, such as \"graphql\"", endpoint)
	}
	return nil
}

// contentSecurityPolicy allows the page what it needs from its own origin and nothing from elsewhere, so that not even
// an address inside a bounce message or a schema's description makes the browser ask another host.
// Styles may be inline: GraphiQL's dialogs insert a style element that keeps the page behind them from scrolling, and
// know no nonce for it. Scripts may not. Images may be data URLs: the stylesheet underlines errors with some.
const contentSecurityPolicy = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
	"object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
