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

	"deliverygraph/internal/web"
	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/grouped"
)

// MaxURL is the maximum length of path and query string together, in bytes. Longer
// URLs get 414. The longest useful query, with every filter, has about 2,000 bytes.
const MaxURL = 16 << 10

// Options configures [New]. The zero value serves all callers without limits.
type Options struct {
	// Keys are the valid API keys. If nil, callers need no key; see CheckListener for
	// where that is safe.
	Keys *Keys
	// Duplicate202 answers a request with 202 and no data while an identical one (same
	// question, however it is written, and same key) is being processed, as the
	// document's service did. Otherwise both get the data.
	Duplicate202 bool
	// MaxConcurrent is the maximum number of requests being processed at the same time.
	// Further requests get 503 with Retry-After. 0 means no limit.
	MaxConcurrent int
	// APIHost is the api_host in a bounce's details. If empty, it is the host that the
	// request was sent to.
	APIHost string
	// Providers are the providers of mailboxes to group by. Default [grouped.DefaultProviders].
	Providers *grouped.Providers
	// Now is the clock for recv_time and resp_time. Default time.Now.
	Now func() time.Time
	// Logger receives an error line for each internal failure and a debug line for each
	// request. If nil, nothing is logged. No line contains a key or a query string,
	// since that may name recipients.
	Logger *slog.Logger
}

// New returns a handler for the nine endpoints of the metrics REST API over b, and for the three of its extension that
// group events.
//
// It answers GET and HEAD with JSON. It ignores a trailing slash. Statuses are those of
// the document or, where that is silent, those settled by this project: 404 for an
// unknown path or bounce, 405 with Allow, 406, 451 without a valid key, 452 with the
// name of the invalid parameter. If b fails or panics, the caller gets 500 and no
// details. Every error has the body
//
//	{"error": {"code": 452, "message": "…", "parameter": "…"}}
func New(b store.Reader, o Options) http.Handler {
	if o.Providers == nil {
		o.Providers = grouped.DefaultProviders()
	}
	h := &handler{backend: b, options: o}
	if o.Now == nil {
		h.options.Now = time.Now
	}
	if o.Logger == nil {
		h.options.Logger = slog.New(slog.DiscardHandler)
	}
	if o.MaxConcurrent > 0 {
		h.slots = make(chan struct{}, o.MaxConcurrent)
	}
	return h
}

type handler struct {
	backend store.Reader
	options Options
	running sync.Map      // the calls being processed, with Duplicate202
	slots   chan struct{} // nil if there is no limit
}

// A call is what identical requests have in common.
type call struct {
	caller   *key // nil without keys
	question upstream.Question
}

// ServeHTTP answers one request. It completes the body before it sends the first byte,
// so a failure never truncates an answer.
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
			slog.String("method", r.Method), slog.String("path", logged(r.URL.Path)), slog.Int("status", status),
			slog.Int("bytes", len(body)), slog.Float64("ms", h.options.Now().Sub(received).Seconds()*1e3))
	}
	if cap(body) <= maxPooled {
		*buffer = body
		buffers.Put(buffer)
	}
}

// buffers holds buffers of bodies for reuse.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// answer appends the body of the answer to dst and returns it with the status.
func (h *handler) answer(r *http.Request, received time.Time, dst []byte) (status int, body []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			status, body, err = 0, dst[:0], fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	endpoint, caller, err := h.admit(r)
	if err != nil {
		return 0, dst, err
	}
	q, err := parse(endpoint, withoutSlash(r.URL.EscapedPath()), r.URL.RawQuery)
	if err != nil {
		return 0, dst, err
	}
	if h.options.Duplicate202 {
		call := call{caller, q}
		if _, running := h.running.LoadOrStore(call, true); running {
			return http.StatusAccepted, append(dst, nothing[q.Shape]...), nil
		}
		defer h.running.Delete(call) // before the answer is written, so that a caller who has read it may ask again
	}
	if h.slots != nil {
		select {
		case h.slots <- struct{}{}:
			defer func() { <-h.slots }()
		default:
			return 0, dst, overloaded
		}
	}
	var only []upstream.ID // all users
	if caller != nil {
		only = caller.only
	}
	found, err := h.backend.Ask(r.Context(), only, &q, h.options.Providers)
	if err != nil {
		return 0, dst, err
	}
	if d, ok := found.(upstream.BounceDetail); ok {
		return http.StatusOK, upstream.AppendBounceDetail(dst, d, h.envelope(r, received)), nil
	}
	return http.StatusOK, q.Append(dst, found), nil
}

// admit returns the endpoint for a request and the caller's key, which is nil if no
// keys are configured. It checks everything but the parameters.
func (h *handler) admit(r *http.Request) (endpoint upstream.Question, caller *key, err error) {
	if len(r.URL.Path)+len(r.URL.RawQuery) > MaxURL {
		return endpoint, nil, refuse(http.StatusRequestURITooLong, "the URL is longer than %d bytes", MaxURL)
	}
	endpoint, ok := endpoints[withoutSlash(r.URL.Path)]
	switch {
	case ok:
	case strings.HasPrefix(r.URL.EscapedPath(), upstream.BouncePath):
		endpoint.Shape = upstream.ShapeDetail
	default:
		return endpoint, nil, refuse(http.StatusNotFound,
			"no such endpoint: %q: paths are case sensitive, such as /bounces or /email/counts", excerpt(r.URL.Path))
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return endpoint, nil, refuse(http.StatusMethodNotAllowed, "the method must be GET or HEAD")
	}
	if h.options.Keys != nil {
		if caller = h.options.Keys.find(r.Header["Authorization"]); caller == nil {
			return endpoint, nil, &upstream.Error{
				Code:    upstream.Unauthenticated,
				Message: "the API key is missing or invalid: send it as Authorization: apikey=KEY",
			}
		}
	}
	if !acceptsJSON(r.Header["Accept"]) {
		return endpoint, nil, refuse(http.StatusNotAcceptable,
			"answers are always application/json: send that as Accept, or no Accept header")
	}
	return endpoint, caller, nil
}

// acceptsJSON reports whether these Accept headers allow JSON. No header allows everything.
func acceptsJSON(values []string) bool {
	if len(values) == 1 && (values[0] == "application/json" || values[0] == "*/*") {
		return true // what nearly every client sends
	}
	accept := web.ParseAccept(values)
	weight, _ := accept.Weight("application/json")
	return weight > 0 || len(accept) == 0
}

// withoutSlash removes a trailing slash.
func withoutSlash(path string) string { return strings.TrimSuffix(path, "/") }

// fail appends the error body for err to dst and logs internal errors and those of an unavailable store. Callers see
// the message only of errors that are about their request.
func (h *handler) fail(w http.ResponseWriter, r *http.Request, dst []byte, err error) ([]byte, int) {
	shown := present(err)
	if r.Context().Err() != nil {
		shown = canceled // the caller has left, so this is not an internal error
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
	}
	if status == http.StatusInternalServerError || shown.Err != nil && status == http.StatusServiceUnavailable {
		h.options.Logger.LogAttrs(context.WithoutCancel(r.Context()), slog.LevelError, "rest request failed",
			slog.String("method", r.Method), slog.String("path", logged(r.URL.Path)),
			slog.String("error", err.Error()))
	}
	return upstream.AppendError(dst[:0], status, shown), status
}

// logged returns a path for the log, without the key of a bounce: its email id may contain an address.
func logged(path string) string {
	if _, known := endpoints[withoutSlash(path)]; !known && strings.HasPrefix(path, upstream.BouncePath) {
		return upstream.BouncePath + "…"
	}
	return excerpt(path)
}

// envelope returns the envelope of a bounce's details.
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

// Header values of every answer, shared to save allocations.
var (
	typeJSON = []string{"application/json"}
	noStore  = []string{"no-store"}
	noSniff  = []string{"nosniff"}
)

// writeJSON sends an answer.
func writeJSON(w http.ResponseWriter, status int, body []byte) {
	h := w.Header()
	h["Content-Type"] = typeJSON
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	h["Cache-Control"] = noStore // rows change and are personal data
	h["X-Content-Type-Options"] = noSniff
	w.WriteHeader(status)
	_, _ = w.Write(body) // net/http drops the body for HEAD; an error means that the caller has left
}
