package graph

import (
	"context"
	"net/http"
	"runtime/debug"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"deliverygraph/graph/columns"
)

// handler is the endpoint. Each transport handles a request in three steps: read it (request.go), execute it
// (execution.go), and write its responses (response.go).
type handler struct {
	engine    *engine
	documents *documents
	persisted *persisted
	load      *load
	vary      string // value of the Vary header
	o         Options
}

var nosniff = []string{"nosniff"}

// ServeHTTP answers one GraphQL request or batch.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header()["X-Content-Type-Options"] = nosniff
	w.Header().Add("Vary", h.vary)
	if r.Method == http.MethodGet {
		w.Header().Set("Cache-Control", "no-store") // replaced if the response may be cached
	}
	accepted := acceptedBy(r.Header["Accept"])
	media := accepted.media
	caller := r.Context()
	defer func() { h.recovered(caller, w, media, recover()) }()
	if h.o.Identify != nil {
		identified, err := h.o.Identify(caller, r, nil)
		if err != nil {
			h.refuseUnknown(caller, w, media, err)
			return
		}
		caller = identified
	}
	if accepted.nothing() {
		_ = write(w, media, refuse(http.StatusNotAcceptable,
			"responses are %s, %s, %s or %s; deferSpec=%s: accept one of them",
			mediaGraphQL, mediaJSON, mediaEvents, mediaParts, deferSpec).answer)
		return
	}
	if h.load.room.full() {
		_ = write(w, media, h.overloaded().answer)
		return
	}
	counted := h.load.room.counted(r)
	defer counted.release()
	h.answer(caller, w, r, accepted)
}

// refuseUnknown refuses a request whose caller is not identified.
func (h *handler) refuseUnknown(ctx context.Context, w http.ResponseWriter, media string, err error) {
	g := present(ctx, err)
	if g.Extensions["code"] == codeUnauthenticated && h.o.Challenge != "" {
		w.Header().Set("WWW-Authenticate", h.o.Challenge)
	}
	refuseRequest(w, media, g)
}

// answer answers a caller's request with the single response of its operation, in parts, or with a stream of events.
func (h *handler) answer(caller context.Context, w http.ResponseWriter, r *http.Request, accepted accepted) {
	media, events := accepted.media, accepted.events
	var params graphql.RawParams
	b, no := h.read(w, r, &params)
	if no != nil { // without an operation there is nothing to stream
		_ = h.reply(caller, w, media, no.answer)
		return
	}
	if b != nil {
		h.answerBatch(caller, w, r, b)
		return
	}
	x, no := h.start(caller, &params, means{
		safe: r.Method == http.MethodGet, streams: events != never, parts: accepted.parts,
	})
	switch {
	case no != nil && events == always && no.status != http.StatusServiceUnavailable: // clients retry 503 as it is
		streamRefusal(w, no)
	case no != nil:
		_ = h.reply(caller, w, media, no.answer)
	case x.deferred, !accepted.single && events == never: // the caller accepts only parts
		defer x.end()
		h.deliver(caller, w, x)
	case events == always || x.streams:
		defer x.end()
		h.stream(w, x)
	default:
		defer x.end()
		a := x.answer()
		if r.Method == http.MethodGet {
			h.cacheable(w, x, a.response)
		}
		if h.reply(caller, w, media, a) == nil {
			columns.Recycle(a.response.Data)
		}
	}
}

// reply writes an answer and the headers of Options.Headers.
func (h *handler) reply(caller context.Context, w http.ResponseWriter, media string, a answer) error {
	if h.o.Headers != nil {
		h.o.Headers(caller, w.Header())
	}
	return write(w, media, a)
}

// cacheable sets Cache-Control for the response to an operation.
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

// recovered answers with 500 if the handler panicked with value v, which is a bug. Panics in resolvers do not reach it.
func (h *handler) recovered(caller context.Context, w http.ResponseWriter, media string, v any) {
	switch v {
	case nil:
	case http.ErrAbortHandler:
		panic(v)
	default:
		_ = write(w, media, answer{status: http.StatusInternalServerError, response: h.broken(caller, v)})
	}
}

// broken logs a panic with value v and returns the response to send instead.
func (h *handler) broken(ctx context.Context, v any) *graphql.Response {
	h.o.Logger.ErrorContext(ctx, "failed", "code", codeInternal, "error", v, "stack", string(debug.Stack()))
	return &graphql.Response{Errors: gqlerror.List{requestError(codeInternal, "internal error")}}
}

// asGet turns a HEAD request into the GET whose headers it asks for. The server drops the body and computes
// Content-Length from it as for a GET. A stream never ends by itself, so it is cut off where its body begins.
func asGet(w http.ResponseWriter, r *http.Request) (http.ResponseWriter, *http.Request) {
	ctx, cancel := context.WithCancel(r.Context())
	r = r.WithContext(ctx)
	r.Method = http.MethodGet
	return headWriter{w, cancel}, r
}

type headWriter struct {
	http.ResponseWriter
	cancel context.CancelFunc // of the request
}

// Flush implements [http.Flusher]. Only streams flush.
func (w headWriter) Flush() {
	_ = http.NewResponseController(w.ResponseWriter).Flush()
	w.cancel()
}

// Unwrap implements the interface of [http.ResponseController].
func (w headWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
