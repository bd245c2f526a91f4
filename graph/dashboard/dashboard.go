// Package dashboard serves a page for operators of mail: rates of bounces and blocked emails, where they come from, and
// what happened to the mail of one recipient. Its data comes from the public GraphQL API alone, with the caller's key,
// so that it shows what the caller may see.
//
// Start reading at [New]; page.html is the page, and web/src/app.js is where the browser's side begins: it makes the
// panels. Each panel (web/src/panels) is a query, and a function that shows its answer. Package site serves the files.
//
// # Building the page
//
// The files in dist are committed, so Go alone builds the gateway. After a change in web, with Node.js 20 or newer:
//
//	cd graph/dashboard/web && npm ci && npm run build
//
// and commit dist with it. A test compares dist/SOURCE_HASH with the sources and fails if this was forgotten.
//
// The tests drive the page in Chromium where there is one. What it looked like is kept by
//
//	go test -artifacts -outputdir /tmp/shots ./internal/gateway -run Dashboard
package dashboard

import (
	"embed"
	"html/template"
	"net/http"

	"deliverygraph/internal/web/site"
)

// Options says what the page shows and which endpoint it queries.
type Options struct {
	// Endpoint and Playground are the paths of the GraphQL endpoint and of the playground, relative to the page
	// ("../graphql", "../"), so that all of them may move together below any path prefix.
	Endpoint   string
	Playground string

	// Title is the product's name, in the page's head.
	Title string

	// Demo, when not empty, is shown in a banner after the words "Demo data.": where the data comes from, and how to
	// replace it.
	Demo string
}

// Contents of dist, as web/build.mjs writes them. All but the notices are named by their content.
//
//go:embed dist/*.gz dist/third-party-notices.txt
var dist embed.FS

//go:embed page.html
var pageHTML string

// settings is what the page's script reads, as JSON. web/src/api.js knows its shape.
type settings struct {
	Endpoint   string `json:"endpoint"`
	Playground string `json:"playground"`
}

// contentSecurityPolicy allows the page its own script, stylesheet and icon, and requests to its own origin.
const contentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; " +
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// New returns the dashboard as a handler for the path "/" and the files beside it: see [site.New].
func New(o Options) (http.Handler, error) {
	return site.New(site.Options{
		Name: "dashboard", Dist: dist, Template: template.Must(template.New("page").Parse(pageHTML)),
		Policy: contentSecurityPolicy,
		Data:   map[string]any{"Title": o.Title, "Demo": o.Demo, "Settings": settings{o.Endpoint, o.Playground}},
	})
}
