package graph

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// refusal is why a request is not executed: nothing of it has run.
type refusal struct {
	status int    // of HTTP
	allow  string // the methods that are taken, where this one is not
	// retryAfter is when to come back; 0 is not said.
	retryAfter time.Duration
	// cacheControl is the value of the header of that name; "" is none.
	cacheControl string
	// understood says that the request is a GraphQL request, and what is wrong is in its
	// document or variables. Callers that want plain JSON are told so with the status
	// 200: to them another one may be a proxy's.
	understood bool
	response   *graphql.Response
}

// Error gives the first message, which is for the caller.
func (n *refusal) Error() string { return n.response.Errors[0].Message }

// refuse refuses what is no GraphQL request at all.
func refuse(status int, format string, args ...any) *refusal {
	return &refusal{status: status, response: &graphql.Response{Errors: gqlerror.List{requestError(codeBadUserInput, fmt.Sprintf(format, args...))}}}
}

// refuseOperation refuses a GraphQL request that is not sound.
func refuseOperation(errs ...*gqlerror.Error) *refusal {
	return &refusal{status: http.StatusBadRequest, understood: true, response: &graphql.Response{Errors: errs}}
}

// refuseOver refuses what is sound, and over a limit of its caller's.
func refuseOver(errs ...*gqlerror.Error) *refusal {
	no := refuseOperation(errs...)
	if wait, ok := errs[0].Extensions["retryAfterMs"].(int64); ok && errs[0].Extensions["code"] == codeRateLimited {
		no.status, no.understood, no.retryAfter = http.StatusTooManyRequests, false, time.Duration(wait)*time.Millisecond
	}
	return no
}

// answer is what a request is answered by.
type answer struct {
	status   int
	allow    string // value of the Allow header
	cache    string // of Cache-Control
	retry    time.Duration
	response *graphql.Response
	ran      bool // there is data, if only null
	room     held // of one of a batch
}

func (n *refusal) answer(media string) answer {
	a := answer{status: n.status, allow: n.allow, cache: n.cacheControl, retry: n.retryAfter, response: n.response}
	if n.understood && media == mediaJSON {
		a.status = http.StatusOK
	}
	return a
}

// write sends an answer. The data's bytes go out as they are: they are JSON already,
// and marshalling them again costs as much as making them. Its error is of the
// connection: HTTP/2 may then still be reading the bytes.
func write(w http.ResponseWriter, media string, a answer) error {
	before, data, after := encode(a.response, a.ran)
	h := w.Header()
	if a.allow != "" {
		h.Set("Allow", a.allow)
	}
	if a.retry > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(a.retry.Seconds()))))
	}
	if a.cache != "" {
		h.Set("Cache-Control", a.cache)
	}
	h["Content-Type"] = contentTypes[media]
	if size := len(before) + len(data) + len(after); size > countedByServer {
		h["Content-Length"] = []string{strconv.Itoa(size)}
	}
	w.WriteHeader(a.status)
	if _, err := w.Write(before); err != nil {
		return err
	}
	// The end goes with the data, which most often has room behind it: apart, it would be
	// a packet of its own.
	_, err := w.Write(append(data, after...))
	return err
}

// countedByServer is the size up to which the server itself tells the length of an
// answer: so much it gathers before it sends any. Eight headers, as most small answers
// have then, are a map without overhead.
const countedByServer = 2 << 10

// contentTypes are the values of the header for each media type.
var contentTypes = map[string][]string{
	mediaGraphQL: {mediaGraphQL + "; charset=utf-8"},
	mediaJSON:    {mediaJSON + "; charset=utf-8"},
}

// encodeErrors gives errors as a JSON array.
func encodeErrors(list gqlerror.List) []byte {
	errs, err := json.Marshal(list)
	if err != nil {
		return []byte(`[{"message":"internal error","extensions":{"code":"INTERNAL","retryable":false}}]`)
	}
	return errs
}

// writeArray sends the answers of a batch.
func writeArray(w http.ResponseWriter, members []answer) {
	var pieces [][]byte
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
	for _, piece := range append(pieces, []byte("]")) {
		_, _ = w.Write(piece)
	}
}

// encode gives a response as JSON in three pieces, so that its data need not be
// copied.
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
		enc.SetEscapeHTML(false) // queries of calls stay legible
		if enc.Encode(resp.Extensions) != nil {
			a.Reset()
		} else {
			a.Truncate(a.Len() - len("\n"))
		}
	}
	a.WriteByte('}')
	return b.Bytes(), data, a.Bytes()
}

// What encode gives for most answers, which is not to be changed.
var (
	dataAlone = []byte(`{"data":`)
	objectEnd = []byte("}")
)
