package graph

import (
	"context"
	"net/http"
	"runtime/debug"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"deliverygraph/graph/columns"
)

// handler is the endpoint. A request goes through three steps, of which each
// transport puts together its own: it is read (request.go), executed (execution.go),
// and its responses are written (answer.go).
type handler struct {
	engine    *engine
	documents *documents
	persisted *persisted
	load      *load
	accepts   accepts
	vary      string // value of the header of that name
	o         Options
}

var nosniff = []string{"nosniff"}

// ServeHTTP answers one GraphQL request.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header()["X-Content-Type-Options"] = nosniff
	w.Header().Add("Vary", h.vary)
	if r.Method == http.MethodGet {
		w.Header().Set("Cache-Control", "no-store") // unless it turns out otherwise
	}
	accepted := h.accepts.of(r.Header["Accept"])
	media := accepted.media
	if accepted.nothing() {
		_ = write(w, media, refuse(http.StatusNotAcceptable, "answers are %s, %s, %s or %s; deferSpec=%s: accept one of them",
			mediaGraphQL, mediaJSON, mediaEvents, mediaParts, deferSpec).answer(media))
		return
	}
	defer h.recovered(w, r, media)
	if h.load.room.full() {
		_ = write(w, media, h.overloaded().answer(media))
		return
	}
	h.decompress(w, r)
	counted := h.load.room.counted(r)
	defer counted.release()
	h.answer(w, r, accepted)
}

// answer answers a request by the one response of its operation, by parts, or by a stream of
// events.
func (h *handler) answer(w http.ResponseWriter, r *http.Request, accepted accepted) {
	media, events := accepted.media, accepted.events
	var params graphql.RawParams
	b, no := h.read(w, r, &params)
	if no != nil { // no operation: there is nothing to stream
		_ = h.reply(w, r, media, no.answer(media))
		return
	}
	if b != nil {
		h.answerBatch(w, r, b)
		return
	}
	x, no := h.start(r.Context(), &params, means{safe: r.Method == http.MethodGet, streams: events != never, parts: accepted.parts})
	switch {
	case no != nil && events == always && no.status != http.StatusServiceUnavailable: // of which clients try again
		h.stream(w, r, refused{no})
	case no != nil:
		_ = h.reply(w, r, media, no.answer(media))
	case x.deferred, !accepted.single && events == never: // the caller accepts parts and nothing else
		defer x.end()
		h.deliver(w, r, x)
	case events == always || x.streams:
		defer x.end()
		h.stream(w, r, x)
	default:
		defer x.end()
		a := x.answer()
		if r.Method == http.MethodGet {
			h.cacheable(w, x, a.response)
		}
		if h.reply(w, r, media, a) == nil {
			columns.Recycle(a.response.Data)
		}
	}
}

// reply sends an answer.
func (h *handler) reply(w http.ResponseWriter, r *http.Request, media string, a answer) error {
	if h.o.Headers != nil {
		h.o.Headers(r.Context(), w.Header())
	}
	return write(w, media, a)
}

// cacheable says how long the answer of an operation may be kept.
func (h *handler) cacheable(w http.ResponseWriter, x *execution, resp *graphql.Response) {
	if len(resp.Errors) > 0 || h.o.CacheControl == nil {
		return
	}
	if control := h.o.CacheControl(x.ctx); control != "" {
		w.Header().Set("Cache-Control", control)
	} else {
		w.Header().Del("Cache-Control")
	}
}

// recovered answers in the place of a handler that panicked, which none should:
// panics in resolvers do not come here.
func (h *handler) recovered(w http.ResponseWriter, r *http.Request, media string) {
	switch v := recover(); v {
	case nil:
	case http.ErrAbortHandler:
		panic(v)
	default:
		_ = write(w, media, answer{status: http.StatusInternalServerError, response: h.broken(r.Context(), v)})
	}
}

// broken is the response in the place of one whose making panicked with v.
func (h *handler) broken(ctx context.Context, v any) *graphql.Response {
	h.o.Logger.ErrorContext(ctx, "failed", "code", codeInternal, "error", v, "stack", string(debug.Stack()))
	return &graphql.Response{Errors: gqlerror.List{requestError(codeInternal, "internal error")}}
}
