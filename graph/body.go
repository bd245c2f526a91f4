package graph

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"strings"
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/klauspost/compress/gzip"

	"deliverygraph/internal/web"
)

// bodies pools buffers for request bodies.
var bodies = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// maxKeptBody is the largest capacity, in bytes, of a buffer that returns to the pool.
const maxKeptBody = 64 << 10

// readPost reads a POST. The members of a batch refer to the buffer, which therefore does not return to the pool.
func (h *handler) readPost(w http.ResponseWriter, r *http.Request, p *graphql.RawParams) (b batch, no *refusal) {
	buffer := bodies.Get().(*bytes.Buffer)
	no = h.readBody(buffer, w, r)
	switch {
	case no != nil:
	case isArray(buffer.Bytes()):
		return h.readBatch(buffer.Bytes())
	default:
		no = readRequest(buffer.Bytes(), "the request's body", r.Header, p)
	}
	if buffer.Cap() <= maxKeptBody {
		buffer.Reset()
		bodies.Put(buffer)
	}
	return nil, no
}

// readBody reads the body of a POST.
func (h *handler) readBody(to *bytes.Buffer, w http.ResponseWriter, r *http.Request) *refusal {
	switch content := r.Header.Get("Content-Type"); content {
	case mediaJSON, contentTypes[mediaJSON][0]: // by far the most common
	default:
		media, attrs, err := mime.ParseMediaType(content)
		if err != nil || media != mediaJSON {
			return refuse(http.StatusUnsupportedMediaType, "a request's Content-Type must be "+mediaJSON)
		}
		if c := attrs["charset"]; c != "" && !strings.EqualFold(c, "utf-8") {
			return refuse(http.StatusUnsupportedMediaType, "a request's charset must be utf-8")
		}
	}
	var err error
	compressed := false
	switch contentEncoding(r) {
	case "":
	case "gzip":
		compressed, err = true, decompress(w, r, h.o.MaxBody)
	default:
		w.Header().Set("Accept-Encoding", "gzip")
		return refuse(http.StatusUnsupportedMediaType, "a request's body may be compressed with gzip only")
	}
	limited := io.Reader(r.Body)
	if r.ContentLength < 0 || r.ContentLength > h.o.MaxBody { // otherwise net/http reads no more than that
		limited = http.MaxBytesReader(w, r.Body, h.o.MaxBody)
	}
	if err == nil {
		_, err = to.ReadFrom(limited)
	}
	switch {
	case err == nil:
		return nil
	case errors.As(err, new(*http.MaxBytesError)):
		return refuse(http.StatusRequestEntityTooLarge, "a request's body must be at most %d bytes", h.o.MaxBody)
	case errors.Is(err, errOverloaded):
		return h.overloaded()
	case errors.Is(err, os.ErrDeadlineExceeded):
		return refuse(http.StatusRequestTimeout,
			"the request's body arrived too slowly: send at least %d bytes per second", web.MinRate)
	case compressed:
		return refuse(http.StatusBadRequest,
			"the request's body is not valid gzip, although its Content-Encoding says gzip")
	}
	return refuse(http.StatusBadRequest, "the request's body could not be read completely")
}

// contentEncoding returns how the body of a request is compressed: "" if it is not, "gzip", or the list in the header.
func contentEncoding(r *http.Request) string {
	values := r.Header["Content-Encoding"]
	if values == nil {
		return ""
	}
	var encodings []string
	for e := range web.Elements(values) {
		switch e = strings.ToLower(e); e {
		case "identity":
		case "x-gzip": // the same, by RFC 9110, 8.4.1.3
			encodings = append(encodings, "gzip")
		default:
			encodings = append(encodings, e)
		}
	}
	return strings.Join(encodings, ", ")
}

// decompress makes a gzip-compressed body readable as plain text, whose bytes count towards MaxInFlight. The limit is
// that of the compressed body: an endless one may decompress to nothing.
func decompress(w http.ResponseWriter, r *http.Request, limit int64) error {
	counted := r.Body.(*body)
	plain, err := gzip.NewReader(http.MaxBytesReader(w, counted.ReadCloser, limit))
	if err != nil {
		return err
	}
	counted.ReadCloser, r.ContentLength = plain, -1
	return nil
}
