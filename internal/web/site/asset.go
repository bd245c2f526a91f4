package site

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"path"
	"strconv"
	"strings"

	"deliverygraph/internal/web"
)

// asset is one file of a page, held compressed. Nearly every client takes gzip; for the rest it is unpacked while it
// is sent.
type asset struct {
	name         string
	contentType  string
	cacheControl string
	etag         string // weak: the same for both encodings
	packed       []byte
}

var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".svg":  "image/svg+xml",
	".txt":  "text/plain; charset=utf-8",
}

// newAsset returns an asset under a fixed name, which clients check for a newer version at each use.
func newAsset(name string, content []byte) *asset {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write(content) // a bytes.Buffer takes everything
	z.Close()
	a := newPackedAsset(name, packed.Bytes())
	a.cacheControl = "no-cache"
	return a
}

// newPackedAsset returns an asset whose name changes with its content, given in gzip's format.
func newPackedAsset(name string, packed []byte) *asset {
	hash := sha256.Sum256(packed)
	return &asset{
		name:         name,
		contentType:  contentTypes[path.Ext(name)],
		cacheControl: "public, max-age=31536000, immutable",
		etag:         `W/"` + hex.EncodeToString(hash[:8]) + `"`,
		packed:       packed,
	}
}

// serve answers a GET or HEAD request.
func (a *asset) serve(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Cache-Control", a.cacheControl)
	header.Set("ETag", a.etag)
	header.Set("Vary", "Accept-Encoding")
	if matches(r.Header.Values("If-None-Match"), a.etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	header.Set("Content-Type", a.contentType)
	if acceptsGzip(r.Header.Values("Accept-Encoding")) {
		header.Set("Content-Encoding", "gzip")
		header.Set("Content-Length", strconv.Itoa(len(a.packed)))
		if r.Method != http.MethodHead {
			w.Write(a.packed) // a client that left is no error of ours
		}
		return
	}
	if r.Method == http.MethodHead {
		return
	}
	z, err := gzip.NewReader(bytes.NewReader(a.packed))
	if err != nil {
		http.Error(w, "The file "+a.name+" is damaged.", http.StatusInternalServerError)
		return
	}
	io.Copy(w, z) // as above
}

// matches reports whether a list of entity tags holds this one (RFC 9110, 13.1.2: weak comparison).
func matches(fields []string, etag string) bool {
	for tag := range web.Elements(fields) {
		if tag == "*" || strings.TrimPrefix(tag, "W/") == strings.TrimPrefix(etag, "W/") {
			return true
		}
	}
	return false
}

// acceptsGzip reports whether an Accept-Encoding list allows gzip (RFC 9110, 12.5.3). Gzip's own weight goes before
// that of "*"; a weight of zero forbids.
func acceptsGzip(fields []string) bool {
	all := false
	for coding := range web.Elements(fields) {
		name, parameters, _ := strings.Cut(coding, ";")
		weight := 1.0
		if value, ok := strings.CutPrefix(strings.TrimSpace(parameters), "q="); ok {
			weight, _ = strconv.ParseFloat(value, 64)
		}
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "gzip", "x-gzip":
			return weight > 0
		case "*":
			all = weight > 0
		}
	}
	return all
}
