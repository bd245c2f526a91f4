package embedded

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"deliverygraph/upstream"
)

// MaxURL is the longest path and query string, in bytes, that is read. A longer one
// is answered 414. The longest sensible query, with every filter, has some 2,000.
const MaxURL = 16 << 10

// Options are the choices that [New] takes. Their zero value serves anyone, without
// limits.
type Options struct {
	// Keys are the API keys to ask for; nil asks for none. See CheckListener for
	// where that is safe.
	Keys *Keys
	// Duplicate202 answers a request 202, without data, while an identical one (same
	// path, same parameters in any order, same key) is being processed, as the
	// document's service did. Otherwise both are answered.
	Duplicate202 bool
	// MaxConcurrent is how many requests may be processed at once; another is
	// answered 503 with a Retry-After. 0 is no limit.
	MaxConcurrent int
	// APIHost is the api_host of a bounce's detail. Empty is the host that the
	// request was sent to.
	APIHost string
	// Now is the clock of recv_time and resp_time: time.Now where it is nil.
	Now func() time.Time
	// Logger gets an error line for each failure of ours, and a debug line for each
	// request; nil logs nothing. No line holds a key or a query string, which may name
	// recipients.
	Logger *slog.Logger
}

// New gives the nine endpoints of the metrics REST API over b.
//
// It answers GET, and HEAD likewise without a body, in JSON. A slash at the end of a
// path means nothing. Statuses are those of the document or, where it
// gives none, the settled ones: 404 for an unknown path or bounce, 405 with Allow, 406, 451 without a right key, 452 with
// the parameter at fault; and 500 when b fails or panics, of which a caller learns
// no more. Every error has the body
//
//	{"error": {"code": 452, "message": "…", "parameter": "…"}}
func New(b Backend, o Options) http.Handler {
	h := &handler{backend: b, options: o, endpoints: endpoints(b)}
	if o.Now == nil {
		h.options.Now = time.Now
	}
	if o.Logger == nil {
		h.options.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Duplicate202 {
		h.duplicates = &duplicates{running: map[identity]bool{}}
	}
	if o.MaxConcurrent > 0 {
		h.slots = make(chan struct{}, o.MaxConcurrent)
	}
	return h
}

type handler struct {
	backend    Backend
	options    Options
	endpoints  map[string]endpoint
	duplicates *duplicates   // nil: answer every one
	slots      chan struct{} // nil: no limit
}

// ServeHTTP answers one request. The body is complete before the first byte goes
// out, so that a failure never cuts an answer that has begun.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	received := h.options.Now()
	buffer := buffers.Get().(*[]byte)
	status, body, err := h.answer(r, received, (*buffer)[:0])
	if err != nil {
		body, status = h.fail(w, r, body, err)
	}
	writeJSON(w, status, body)
	if h.options.Logger.Enabled(r.Context(), slog.LevelDebug) {
		h.options.Logger.LogAttrs(r.Context(), slog.LevelDebug, "rest request",
			slog.String("method", r.Method), slog.String("path", excerpt(r.URL.Path)), slog.Int("status", status),
			slog.Int("bytes", len(body)), slog.Float64("ms", h.options.Now().Sub(received).Seconds()*1e3))
	}
	if cap(body) <= maxPooled {
		*buffer = body
		buffers.Put(buffer)
	}
}

// buffers are bodies that were sent.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// answer gives the body of an answer, appended to dst, and its status.
func (h *handler) answer(r *http.Request, received time.Time, dst []byte) (status int, body []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			status, body, err = 0, dst[:0], fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	answers, caller, err := h.admit(r, received)
	if err != nil {
		return 0, dst, err
	}
	req := request{path: withoutSlash(r.URL.EscapedPath()), query: r.URL.RawQuery}
	if caller != nil {
		req.only = caller.only
	}
	question, err := answers(req)
	if err != nil {
		return 0, dst, err
	}
	if h.duplicates != nil {
		// It ends before the answer is written: whoever has read an answer may ask again.
		end, first := h.duplicates.begin(identity{caller, req.path, sortedParameters(req.query)})
		if !first {
			return http.StatusAccepted, append(dst, question.nothing...), nil
		}
		defer end()
	}
	if h.slots != nil {
		select {
		case h.slots <- struct{}{}:
			defer func() { <-h.slots }()
		default:
			return 0, dst, overloaded
		}
	}
	body, err = question.ask(r.Context(), dst)
	return http.StatusOK, body, err
}

// admit finds the endpoint that a request is for, and its caller's key, nil without
// keys; or what is wrong with the request whatever it asks.
func (h *handler) admit(r *http.Request, received time.Time) (endpoint, *key, error) {
	if len(r.URL.Path)+len(r.URL.RawQuery) > MaxURL {
		return nil, nil, refuse(http.StatusRequestURITooLong, "the URL is longer than %d bytes", MaxURL)
	}
	answers, ok := h.endpoints[withoutSlash(r.URL.Path)]
	switch {
	case ok:
	case strings.HasPrefix(r.URL.EscapedPath(), upstream.BouncePath):
		answers = detail(h.backend, func() upstream.Envelope { return h.envelope(r, received) })
	default:
		return nil, nil, refuse(http.StatusNotFound,
			"there is no %q: paths are case sensitive, such as /bounces or /email/counts", excerpt(r.URL.Path))
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return nil, nil, refuse(http.StatusMethodNotAllowed, "the method must be GET or HEAD")
	}
	var caller *key
	if h.options.Keys != nil {
		if caller = h.options.Keys.find(r.Header["Authorization"]); caller == nil {
			return nil, nil, &upstream.Error{
				Code:    upstream.Unauthenticated,
				Message: "the API key is missing or wrong: send it as Authorization: apikey=KEY",
			}
		}
	}
	if !acceptsJSON(r.Header["Accept"]) {
		return nil, nil, refuse(http.StatusNotAcceptable, "answers are application/json alone: send that as Accept, or none")
	}
	return answers, caller, nil
}

// withoutSlash is a path without a slash at its end.
func withoutSlash(path string) string { return strings.TrimSuffix(path, "/") }

// fail makes an error body, appended to dst, of what went wrong, and logs what is
// our fault. Only errors that are about the request show their message.
func (h *handler) fail(w http.ResponseWriter, r *http.Request, dst []byte, err error) ([]byte, int) {
	shown := present(err)
	if r.Context().Err() != nil {
		shown = givenUp // nobody reads it, and it is not our fault
	}
	status := shown.Status
	if status == 0 {
		status = upstream.StatusOf(shown.Code)
	}
	switch status {
	case http.StatusMethodNotAllowed:
		w.Header().Set("Allow", "GET, HEAD")
	case http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", strconv.Itoa(max(1, int((shown.RetryAfter+time.Second-1)/time.Second))))
	case http.StatusInternalServerError:
		h.options.Logger.LogAttrs(context.WithoutCancel(r.Context()), slog.LevelError, "rest request failed",
			slog.String("method", r.Method), slog.String("path", excerpt(r.URL.Path)), slog.String("error", err.Error()))
	}
	return upstream.AppendError(dst[:0], status, shown), status
}

// envelope is what surrounds the detail of a bounce.
func (h *handler) envelope(r *http.Request, received time.Time) upstream.Envelope {
	host := h.options.APIHost
	if host == "" {
		host = r.Host
	}
	answered := h.options.Now()
	return upstream.Envelope{
		ProcessingTime: answered.Sub(received).Seconds(),
		RecvTime:       seconds(received),
		RespTime:       seconds(answered),
		APIHost:        host,
	}
}

func seconds(t time.Time) float64 { return float64(t.UnixNano()) / 1e9 }

// Values of headers that every answer has.
var (
	typeJSON = []string{"application/json"}
	noStore  = []string{"no-store"}
	noSniff  = []string{"nosniff"}
)

// writeJSON sends a whole answer.
func writeJSON(w http.ResponseWriter, status int, body []byte) {
	h := w.Header()
	h["Content-Type"] = typeJSON
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	h["Cache-Control"] = noStore // rows are personal data, and change
	h["X-Content-Type-Options"] = noSniff
	w.WriteHeader(status)
	_, _ = w.Write(body) // the server drops it where HEAD was asked; a caller that is gone gets nothing
}
