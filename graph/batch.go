package graph

import (
	"bytes"
	"context"
	"net/http"
	"sync"

	"github.com/99designs/gqlgen/graphql"

	"deliverygraph/internal/web"
)

// batch holds the requests of a POST whose body is an array of them, as Apollo's BatchHttpLink sends it. No
// specification covers batches. Each request is treated as if it had come alone: admitted, charged, limited, counted
// and logged. A batch saves round trips and nothing else.
type batch [][]byte // each member as JSON

// isArray reports whether a JSON text is an array.
func isArray(text []byte) bool { return bytes.HasPrefix(bytes.TrimLeft(text, " \t\r\n"), []byte("[")) }

// readBatch splits an array into its members.
func (h *handler) readBatch(text []byte) (batch, *refusal) {
	if problem := jsonProblem(text); problem != "" {
		return nil, refuse(http.StatusBadRequest, "the request's body is not JSON: %s", problem)
	}
	most := h.o.MaxBatch
	if most == 0 {
		return nil, refuse(http.StatusBadRequest,
			"the request's body must be one JSON object, such as %s: arrays are disabled (--batch-limit)", anOperation)
	}
	var b batch
	d := decoders.Get().(*decoder)
	defer d.done()
	d.reset(text)
	_, err := d.ReadToken() // [
	for err == nil && d.PeekKind() != ']' {
		if len(b) == most {
			return nil, refuse(http.StatusBadRequest,
				"an array may hold at most %d requests (--batch-limit): send the rest in another array", most)
		}
		var one []byte
		one, err = d.raw(text)
		b = append(b, one)
	}
	if len(b) == 0 {
		return nil, refuse(http.StatusBadRequest, "the array is empty: it must hold at least one request, such as [%s]",
			anOperation)
	}
	return b, nil
}

// answerBatch answers a batch with an array of responses in the same order and status 200. An error in one request
// appears in its own response and does not affect the others. The array is plain JSON for all callers, since
// mediaGraphQL holds a single response.
func (h *handler) answerBatch(caller context.Context, w http.ResponseWriter, r *http.Request, b batch) {
	accept := web.ParseAccept(r.Header["Accept"])
	if weight, _ := accept.Weight(mediaJSON); weight == 0 && len(accept) > 0 {
		_ = write(w, mediaJSON, refuse(http.StatusNotAcceptable, "an array is answered as %s: accept that as well",
			mediaJSON).answer)
		return
	}
	members := make([]answer, len(b))
	var all sync.WaitGroup
	for i, raw := range b {
		all.Go(func() { members[i] = h.answerMember(caller, r.Header, raw) })
	}
	all.Wait()
	defer func() {
		for i := range members {
			members[i].room.release()
		}
	}()
	if h.o.Headers != nil {
		h.o.Headers(caller, w.Header())
	}
	writeArray(w, members)
}

// answerMember answers one request of a batch.
func (h *handler) answerMember(caller context.Context, header http.Header, raw []byte) (a answer) {
	defer func() {
		if v := recover(); v != nil { // it would end the process, as net/http does not recover in this goroutine
			a = answer{response: h.broken(caller, v)}
		}
	}()
	if h.load.room.full() {
		return h.overloaded().answer
	}
	var params graphql.RawParams
	if no := readRequest(raw, "the request", header, &params); no != nil {
		return no.answer
	}
	x, no := h.start(caller, &params, means{batched: true})
	if no != nil {
		return no.answer
	}
	defer x.end()
	a = x.answer()
	a.room, x.room = x.room, reservation{} // released once the whole array is sent
	return a
}
