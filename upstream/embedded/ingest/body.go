package ingest

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"sync/atomic"

	"deliverygraph/internal/web"
)

// room limits the size of all bodies in progress.
type room struct {
	most int64
	used atomic.Int64
}

var errFull = errors.New("the bodies in progress leave no room for another")

// bodyReader counts the bytes of a body.
type bodyReader struct {
	io.Reader
	room *room
	most int64 // bytes of this body
	used int64 // likewise, so far
}

var errTooLarge = errors.New("the body is too large")

// Read implements [io.Reader].
func (b *bodyReader) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	b.used += int64(n)
	switch full := b.room.used.Add(int64(n)) > b.room.most; {
	case b.used > b.most:
		return n, errTooLarge
	case full:
		return n, errFull
	}
	return n, err
}

// read reads and decompresses a body. Release gives back its room.
func (h *handler) read(w http.ResponseWriter, r *http.Request) (body []byte, release func(), err error) {
	counted := &bodyReader{room: &h.room, most: h.o.MaxBody}
	release = func() { h.room.used.Add(-counted.used) }
	var from io.Reader = http.MaxBytesReader(w, r.Body, h.o.MaxBody)
	packed := false
	switch encoding := strings.ToLower(strings.TrimSpace(r.Header.Get("Content-Encoding"))); encoding {
	case "", "identity":
	case "gzip", "x-gzip":
		packed = true
		unpacked, err := gzip.NewReader(from)
		if err != nil {
			return nil, release, h.badBody(err, packed)
		}
		from = unpacked
	default:
		return nil, release, &refusal{http.StatusUnsupportedMediaType, "a body may be compressed with gzip only",
			map[string]string{"Accept-Encoding": "gzip"}}
	}
	counted.Reader = from
	body, err = io.ReadAll(counted)
	switch {
	case err != nil:
		return nil, release, h.badBody(err, packed)
	case len(bytes.TrimSpace(body)) == 0:
		return nil, release, refuse(http.StatusBadRequest, "the body is empty")
	case bytes.HasPrefix(body, []byte("\x1f\x8b")), bytes.HasPrefix(body, []byte("\x28\xb5\x2f\xfd")):
		return nil, release, refuse(http.StatusBadRequest,
			"the body is compressed: use gzip, and say so in Content-Encoding")
	}
	return body, release, nil
}

func (h *handler) badBody(err error, packed bool) error {
	switch {
	case errors.Is(err, errTooLarge), errors.As(err, new(*http.MaxBytesError)):
		return refuse(http.StatusRequestEntityTooLarge, "the body is larger than %d bytes", h.o.MaxBody)
	case errors.Is(err, errFull):
		return &refusal{http.StatusServiceUnavailable, "too many requests at once: send it again later",
			map[string]string{"Retry-After": "1"}}
	case errors.Is(err, os.ErrDeadlineExceeded):
		return refuse(http.StatusRequestTimeout,
			"the body arrives too slowly: send at least %d bytes per second", web.MinRate)
	case packed:
		return refuse(http.StatusBadRequest, "the body is not gzip, as its Content-Encoding says, or is damaged")
	}
	return refuse(http.StatusBadRequest, "the body could not be read completely")
}
