// Package site serves an embedded page with its script, stylesheet and icon. The files are stored compressed, and named
// by the hash of their content, so that browsers may cache them forever. Start reading at [New].
package site

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	"deliverygraph/internal/web"
)

// Options describes a page.
type Options struct {
	// Name is the page's name in messages, such as "playground".
	Name string

	// Files holds the page and its files. The page is page.html, a template of html/template. The files are in a folder
	// dist, as dist.mjs writes them: a script, a stylesheet, an icon and a text file of licences. All but the last are
	// compressed, and named by the hash of their content.
	Files fs.FS

	// Data is passed to the template, with the names of the page's files as Script, Style, Icon and Notices.
	Data map[string]any

	// Policy is the Content-Security-Policy of all responses.
	Policy string

	// NotFound answers requests for other paths. The default answers 404 in plain text.
	NotFound http.Handler
}

// New returns a handler for the page at the path "/" and for its files. Behind a path prefix, wrap it in
// [http.StripPrefix] with the prefix without its trailing slash.
//
// It answers GET and HEAD, and other methods with 405. Browsers always revalidate the page, and may cache its files
// forever. An error means that the page was built incorrectly.
func New(o Options) (http.Handler, error) {
	h := &handler{Options: o, assets: map[string]asset{}}
	if h.NotFound == nil {
		h.NotFound = http.NotFoundHandler()
	}
	data := maps.Clone(o.Data)
	for key, kind := range map[string]string{"Script": ".js", "Style": ".css", "Icon": ".svg", "Notices": ".txt"} {
		found, err := fs.Glob(o.Files, "dist/*"+kind+"*")
		if err != nil || len(found) != 1 {
			return nil, fmt.Errorf("%s: want one %s file in dist, found %q: build the page again", o.Name, kind, found)
		}
		content, err := fs.ReadFile(o.Files, found[0])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", o.Name, err)
		}
		name, packed := strings.CutSuffix(path.Base(found[0]), ".gz")
		if packed {
			h.assets["/"+name] = newAsset(kind, "public, max-age=31536000, immutable", content)
		} else {
			h.assets["/"+name] = newAsset(kind, "no-cache", pack(content))
		}
		data[key] = name
	}
	t, err := template.ParseFS(o.Files, "page.html")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.Name, err)
	}
	var page bytes.Buffer
	if err := t.Execute(&page, data); err != nil {
		return nil, fmt.Errorf("%s: make the page: %w", o.Name, err)
	}
	h.assets["/"] = newAsset(".html", "no-cache", pack(page.Bytes()))
	return h, nil
}

// handler serves the assets of a page by path.
type handler struct {
	Options
	assets map[string]asset
}

// asset is a file of a page, compressed with gzip.
type asset struct {
	contentType  string
	cacheControl string
	etag         string // weak: the same for both encodings
	packed       []byte
	plain        func() []byte // decompresses it once, for the few clients that do not accept gzip
}

var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".svg":  "image/svg+xml",
	".txt":  "text/plain; charset=utf-8",
}

func newAsset(kind, cacheControl string, packed []byte) asset {
	hash := sha256.Sum256(packed)
	etag := `W/"` + hex.EncodeToString(hash[:8]) + `"`
	plain := sync.OnceValue(func() []byte { return unpack(packed) })
	return asset{contentTypes[kind], cacheControl, etag, packed, plain}
}

func pack(content []byte) []byte {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write(content) // cannot fail
	z.Close()
	return packed.Bytes()
}

func unpack(packed []byte) (content []byte) {
	if z, err := gzip.NewReader(bytes.NewReader(packed)); err == nil {
		content, _ = io.ReadAll(z) // cannot fail: dist is tested
	}
	return content
}

// ServeHTTP implements [http.Handler].
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Security-Policy", h.Policy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("X-Frame-Options", "DENY")
	header.Set("Referrer-Policy", "same-origin")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")

	a, ok := h.assets[r.URL.Path]
	switch {
	case r.URL.Path == "":
		// The path is a prefix without the slash that the page's relative URLs need. The redirect is relative too,
		// because a proxy may have removed a prefix of its own.
		asked, _, _ := strings.Cut(r.RequestURI, "?")
		header.Set("Location", "./"+path.Base("/"+asked)+"/")
		w.WriteHeader(http.StatusMovedPermanently)
	case !ok:
		header.Set("Cache-Control", "no-store")
		h.NotFound.ServeHTTP(w, r)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		header.Set("Allow", "GET, HEAD")
		http.Error(w, "The "+h.Name+" answers GET and HEAD only. Send operations to the GraphQL endpoint.",
			http.StatusMethodNotAllowed)
	default:
		a.serve(w, r)
	}
}

// serve answers a GET or HEAD request.
func (a asset) serve(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Cache-Control", a.cacheControl)
	header.Set("ETag", a.etag)
	header.Set("Vary", "Accept-Encoding")
	header.Set("Content-Type", a.contentType)
	content := a.packed
	if weight, _ := web.ParseAccept(r.Header["Accept-Encoding"]).Weight("gzip"); weight > 0 {
		header.Set("Content-Encoding", "gzip")
		header.Set("Content-Length", strconv.Itoa(len(content)))
	} else {
		content = a.plain()
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}
