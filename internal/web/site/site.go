// Package site serves a page that is part of this binary, with its script, stylesheet and icon, to browsers.
//
// It hides how the files are compressed, cached, named and guarded. Start reading at [New]; asset.go answers for one
// file.
package site

import (
	"bytes"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"
)

// Options says what a page consists of.
type Options struct {
	// Name is what messages call the page, such as "playground".
	Name string

	// Dist holds the page's files, as dist.mjs writes them into a folder dist: one script, one stylesheet, one icon
	// and one text of licences. All but the last are compressed and named by their content.
	Dist fs.FS

	// Template is the page. It gets Data, and the names of the page's files as Script, Style, Icon and Notices.
	Template *template.Template
	Data     map[string]any

	// Policy is the Content-Security-Policy of all responses.
	Policy string

	// NotFound answers requests for paths that are not the page's. By default that is 404 in text.
	NotFound http.Handler
}

// New returns the page as a handler for the path "/" and the files beside it. Behind a path prefix use
// [http.StripPrefix] with the prefix less its last slash.
//
// It answers GET and HEAD; other methods get 405, other paths [Options].NotFound. The page itself is always
// revalidated, its files may be kept for ever. An error means that the page was built wrongly.
func New(o Options) (http.Handler, error) {
	h := &handler{name: o.Name, policy: o.Policy, assets: map[string]*asset{}, notFound: o.NotFound}
	if h.notFound == nil {
		h.notFound = http.HandlerFunc(h.noSuchPage)
	}
	data := map[string]any{}
	for key, kind := range map[string]string{"Script": ".js", "Style": ".css", "Icon": ".svg", "Notices": ".txt"} {
		a, err := o.asset(kind)
		if err != nil {
			return nil, err
		}
		data[key] = a.name
		h.assets["/"+a.name] = a
	}
	for key, value := range o.Data {
		data[key] = value
	}
	var page bytes.Buffer
	if err := o.Template.Execute(&page, data); err != nil {
		return nil, fmt.Errorf("%s: make the page: %w", o.Name, err)
	}
	h.assets["/"] = newAsset("index.html", page.Bytes())
	return h, nil
}

// asset returns the one file of dist with the extension kind.
func (o Options) asset(kind string) (*asset, error) {
	found, err := fs.Glob(o.Dist, "dist/*"+kind+"*")
	if err != nil || len(found) != 1 {
		return nil, fmt.Errorf("%s: want one %s file in dist, found %q: build the page again", o.Name, kind, found)
	}
	content, err := fs.ReadFile(o.Dist, found[0])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.Name, err)
	}
	name, packed := strings.CutSuffix(path.Base(found[0]), ".gz")
	if !packed {
		return newAsset(name, content), nil
	}
	return newPackedAsset(name, content), nil
}

// handler answers with one of its assets, by path.
type handler struct {
	name     string
	policy   string
	assets   map[string]*asset
	notFound http.Handler
}

func (h *handler) noSuchPage(w http.ResponseWriter, _ *http.Request) {
	http.Error(w, "The "+h.name+" has no such page.", http.StatusNotFound)
}

// ServeHTTP implements [http.Handler].
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Security-Policy", h.policy)
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
		http.Error(w, "The "+h.name+" answers GET and HEAD only. Send operations to the GraphQL endpoint.",
			http.StatusMethodNotAllowed)
		return
	}
	a.serve(w, r)
}

// redirectToFolder sends "…/playground" on to "…/playground/". The address is relative, because a proxy in front
// may have cut a prefix of its own.
func redirectToFolder(w http.ResponseWriter, r *http.Request) {
	asked, _, _ := strings.Cut(r.RequestURI, "?")
	w.Header().Set("Location", "./"+path.Base("/"+asked)+"/")
	w.WriteHeader(http.StatusMovedPermanently)
}
