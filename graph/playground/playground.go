package playground

import (
	"bytes"
	"cmp"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"strings"
)

// Options says what the page shows and which endpoint it asks.
type Options struct {
	// Endpoint is the GraphQL endpoint's path, relative to the page ("graphql", "../graphql"), so that both may move
	// together below any path prefix. A path from the root ("/graphql") works where there is no prefix. Another
	// host is refused: the page may only talk to its own. Default "graphql".
	Endpoint string

	// Title is the page's title, shown in its corner too. Default "GraphQL Playground".
	Title string

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
	Endpoint string    `json:"endpoint"`
	Title    string    `json:"title"`
	Tabs     []example `json:"tabs"`
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

	h := &handler{assets: map[string]*asset{}, notFound: o.NotFound}
	if h.notFound == nil {
		h.notFound = http.HandlerFunc(noSuchPage)
	}
	names := map[string]string{}
	for _, kind := range []string{".js", ".css", ".svg", ".txt"} {
		a, err := embedded(kind)
		if err != nil {
			return nil, err
		}
		names[kind] = a.name
		h.assets["/"+a.name] = a
	}

	var page bytes.Buffer
	title := cmp.Or(o.Title, "GraphQL Playground")
	if err := pageTemplate.Execute(&page, map[string]any{
		"Title":    title,
		"Demo":     o.Demo,
		"Notice":   o.Notice,
		"Settings": settings{Endpoint: endpoint, Title: title, Tabs: examples},
		"Script":   names[".js"],
		"Style":    names[".css"],
		"Icon":     names[".svg"],
		"Notices":  names[".txt"],
	}); err != nil {
		return nil, fmt.Errorf("playground: make the page: %w", err)
	}
	h.assets["/"] = newAsset("index.html", page.Bytes())
	return h, nil
}

// embedded returns the one file of dist with the extension kind.
func embedded(kind string) (*asset, error) {
	found, err := fs.Glob(dist, "dist/*"+kind+"*")
	if err != nil || len(found) != 1 {
		return nil, fmt.Errorf("playground: want one %s file in dist, found %q: build the page again", kind, found)
	}
	content, err := dist.ReadFile(found[0])
	if err != nil {
		return nil, fmt.Errorf("playground: %w", err)
	}
	name, packed := strings.CutSuffix(path.Base(found[0]), ".gz")
	if !packed {
		return newAsset(name, content), nil
	}
	return newPackedAsset(name, content), nil
}

func checkEndpoint(endpoint string) error {
	u, err := url.Parse(endpoint)
	if err != nil || u.Scheme != "" || u.Host != "" || u.Fragment != "" || u.Path == "" {
		return fmt.Errorf("playground: endpoint %q: want a path on the page's own host, such as \"graphql\"", endpoint)
	}
	return nil
}

// handler answers with one of its assets, by path.
type handler struct {
	assets   map[string]*asset
	notFound http.Handler
}

func noSuchPage(w http.ResponseWriter, _ *http.Request) {
	http.Error(w, "The playground has no such page.", http.StatusNotFound)
}

// contentSecurityPolicy allows the page what it needs from its own origin and nothing from elsewhere, so that not even
// an address inside a bounce message or a schema's description makes the browser ask another host.
// Styles may be inline: GraphiQL's dialogs insert a style element that keeps the page behind them from scrolling, and
// know no nonce for it. Scripts may not. Images may be data URLs: the stylesheet underlines errors with some.
const contentSecurityPolicy = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
	"object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// ServeHTTP implements [http.Handler].
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Security-Policy", contentSecurityPolicy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("X-Frame-Options", "DENY")
	header.Set("Referrer-Policy", "same-origin")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")

	// A prefix without its slash leaves nothing. The page's relative addresses need the slash.
	if r.URL.Path == "" {
		redirectToFolder(w, r)
		return
	}
	a, ok := h.assets[r.URL.Path]
	if !ok {
		header.Set("Cache-Control", "no-store")
		h.notFound.ServeHTTP(w, r)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		header.Set("Allow", "GET, HEAD")
		http.Error(w, "The playground answers GET and HEAD only. Send operations to the GraphQL endpoint.",
			http.StatusMethodNotAllowed)
		return
	}
	a.serve(w, r)
}

// redirectToFolder sends "…/playground" on to "…/playground/". The address is relative, because a proxy in front may
// have cut a prefix of its own.
func redirectToFolder(w http.ResponseWriter, r *http.Request) {
	asked, _, _ := strings.Cut(r.RequestURI, "?")
	w.Header().Set("Location", "./"+path.Base("/"+asked)+"/")
	w.WriteHeader(http.StatusMovedPermanently)
}
