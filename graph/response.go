package graph

import (
	"bytes"
	"encoding/json"
	"math"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// answer is the single response to a request, and what HTTP adds to it.
type answer struct {
	status       int
	allow        string        // value of the Allow header, for 405
	cacheControl string        // value of the Cache-Control header; "" leaves it as it is
	retryAfter   time.Duration // when the caller may try again; 0 sends no Retry-After
	// understood is set if a well-formed GraphQL request was refused because its document or variables are at fault.
	// Callers that accept plain JSON then get status 200: another status could come from a proxy, so they could not
	// trust the body.
	understood bool
	response   *graphql.Response
	ran        bool        // the response has data, possibly null
	room       reservation // of a member of a batch
}

// write sends an answer. It writes the data's bytes as they are: they are JSON already, and marshalling them again
// costs as much as producing them. An error is one of the connection; HTTP/2 may then still be reading the bytes.
func write(w http.ResponseWriter, media string, a answer) error {
	before, data, after := encode(a.response, a.ran)
	h := w.Header()
	if a.allow != "" {
		h.Set("Allow", a.allow)
	}
	if a.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(a.retryAfter.Seconds()))))
	}
	if a.cacheControl != "" {
		h.Set("Cache-Control", a.cacheControl)
	}
	h["Content-Type"] = contentTypes[media]
	if size := len(before) + len(data) + len(after); size > countedByServer {
		h["Content-Length"] = []string{strconv.Itoa(size)}
	}
	if a.understood && media == mediaJSON {
		a.status = http.StatusOK
	}
	w.WriteHeader(a.status)
	if _, err := w.Write(before); err != nil {
		return err
	}
	// Most data has spare capacity for the few bytes after it. Written separately, they would be a packet of their own.
	_, err := w.Write(append(data, after...))
	return err
}

// countedByServer is the size, in bytes, up to which net/http sets Content-Length itself, because it buffers that much
// before it sends anything. Most larger answers have eight headers, as many as a map holds before it grows.
const countedByServer = 2 << 10

// contentTypes maps each media type to its Content-Type header.
var contentTypes = map[string][]string{
	mediaGraphQL: {mediaGraphQL + "; charset=utf-8"},
	mediaJSON:    {mediaJSON + "; charset=utf-8"},
}

// encodeErrors returns errors as a JSON array.
func encodeErrors(list gqlerror.List) []byte {
	errs, err := json.Marshal(list)
	if err != nil {
		return []byte(`[{"message":"internal error","extensions":{"code":"INTERNAL","retryable":false}}]`)
	}
	return errs
}

// writeArray sends the answers to a batch.
func writeArray(w http.ResponseWriter, members []answer) {
	var pieces net.Buffers
	size, separator := len("]"), "["
	for _, a := range members {
		before, data, after := encode(a.response, a.ran)
		for _, piece := range [][]byte{[]byte(separator), before, data, after} {
			pieces = append(pieces, piece)
			size += len(piece)
		}
		separator = ","
	}
	w.Header()["Content-Type"] = contentTypes[mediaJSON]
	w.Header().Set("Content-Length", strconv.Itoa(size))
	w.WriteHeader(http.StatusOK)
	pieces = append(pieces, []byte("]"))
	_, _ = pieces.WriteTo(w)
}

// encode returns a response as JSON in three pieces, so that the data need not be copied.
func encode(resp *graphql.Response, ran bool) (before, data, after []byte) {
	if len(resp.Errors) == 0 && len(resp.Extensions) == 0 && ran && len(resp.Data) > 0 {
		return dataAlone, resp.Data, objectEnd
	}
	var b, a bytes.Buffer
	b.WriteByte('{')
	if len(resp.Errors) > 0 {
		b.WriteString(`"errors":`)
		b.Write(encodeErrors(resp.Errors))
	}
	if ran {
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		b.WriteString(`"data":`)
		if data = resp.Data; len(data) == 0 {
			data = []byte("null")
		}
	}
	if len(resp.Extensions) > 0 {
		a.WriteString(`,"extensions":`)
		enc := json.NewEncoder(&a)
		enc.SetEscapeHTML(false) // keeps the URLs of calls readable
		if enc.Encode(resp.Extensions) != nil {
			a.Reset()
		} else {
			a.Truncate(a.Len() - len("\n"))
		}
	}
	a.WriteByte('}')
	return b.Bytes(), data, a.Bytes()
}

// What encode returns for most answers. Callers must not modify it.
var (
	dataAlone = []byte(`{"data":`)
	objectEnd = []byte("}")
)
