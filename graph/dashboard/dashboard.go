// Package dashboard serves a page for mail operators. It shows the rates of bounces and blocked emails, where they come
// from, and what happened to the mail of one recipient. The page reads the public GraphQL API with the visitor's key,
// so that visitors see only what they may see.
//
// Start reading at [New]. The page is page.html. Its script starts in web/src/app.js, which makes the panels. Each
// panel (web/src/panels) is a query and a function that shows the result. Package site serves the files.
//
// # Building the page
//
// The files in dist are committed, so that the gateway builds without Node.js. After a change in web, rebuild them with
// Node.js 20 or newer, and commit them too:
//
//	cd graph/dashboard/web && npm ci && npm run build
//
// A test fails if dist/SOURCE_HASH does not match the sources.
//
// The tests run the page in Chromium if it is installed. This command keeps screenshots:
//
//	go test -artifacts -outputdir /tmp/shots ./internal/gateway -run Dashboard
package dashboard

import (
	"embed"
	"net/http"

	"deliverygraph/internal/web/site"
)

// Options says what the page shows and which endpoint it queries.
type Options struct {
	// Endpoint and Playground are the paths of the GraphQL endpoint and of the playground relative to the page, such as
	// "../graphql" and "../", so that all of them work behind any path prefix.
	Endpoint   string
	Playground string

	// Title is the product's name, which the page shows at the top.
	Title string

	// Demo says where the demo data comes from and how to replace it. If not empty, it is shown in a banner after the
	// words "Demo data.".
	Demo string
}

// files are the page and the files that web/build.mjs writes. All but the notices are named by the hash of their
// content.
//
//go:embed page.html dist/*.gz dist/third-party-notices.txt
var files embed.FS

// settings is passed to web/src/api.js as JSON.
type settings struct {
	Endpoint   string `json:"endpoint"`
	Playground string `json:"playground"`
}

// contentSecurityPolicy allows the page to load its own script, stylesheet and icon, and to send requests to its own
// origin.
const contentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; " +
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// New returns a handler for the dashboard at the path "/" and for its files: see [site.New].
func New(o Options) (http.Handler, error) {
	return site.New(site.Options{
		Name: "dashboard", Files: files, Policy: contentSecurityPolicy,
		Data: map[string]any{"Title": o.Title, "Demo": o.Demo, "Settings": settings{o.Endpoint, o.Playground}},
	})
}
