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

var pageTemplate = template.Must(template.New("page").Parse(pageHTML))

// settings is what the page's script reads, as JSON. web/src/api.js knows its shape.
type settings struct {
	Endpoint   string `json:"endpoint"`
	Playground string `json:"playground"`
}

// contentSecurityPolicy allows the page its own script, stylesheet and icon, and requests to its own origin.
const contentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; " +
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// New returns the dashboard as a handler for the path "/" and the files beside it. Behind a path prefix use
// [http.StripPrefix] with the prefix less its last slash.
func New(o Options) (http.Handler, error) {
	return site.New(site.Options{
		Name: "dashboard", Dist: dist, Template: pageTemplate, Policy: contentSecurityPolicy,
		Data: map[string]any{
			"Title":    o.Title,
			"Demo":     o.Demo,
			"Settings": settings{Endpoint: o.Endpoint, Playground: o.Playground},
		},
	})
}
