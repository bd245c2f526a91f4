package telemetry

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// phases are the phases of a request.
type phases struct{ read, upstream, own, write prometheus.Observer }

func newPhases(times *prometheus.HistogramVec) phases {
	of := func(phase string) prometheus.Observer { return times.WithLabelValues(phase) }
	return phases{read: of("read"), upstream: of("upstream"), own: of("own"), write: of("write")}
}

// The transports of streams.
const (
	sse       = "sse"
	webSocket = "websocket"
)

// Requests counts and times the requests to h. It must wrap everything that handles requests to the GraphQL endpoint,
// so that all of it counts as the gateway's own time. An event stream or WebSocket counts while it is open, but its
// time is not recorded.
func (m *Metrics) Requests(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.underWay.Inc()
		defer m.underWay.Dec()
		x := &request{start: time.Now()}
		out := &writer{ResponseWriter: w, m: m, x: x}
		r = r.WithContext(context.WithValue(r.Context(), requestKey{}, x))
		if r.Body != nil && r.Body != http.NoBody {
			r.Body = &reader{r.Body, x}
		}
		defer func() {
			out.end()
			m.requests.WithLabelValues(method(r.Method), strconv.Itoa(out.statusOr200())).Inc()
			if out.stream == "" {
				m.observe(x, time.Since(x.start))
			}
		}()
		h.ServeHTTP(out, r)
	})
}

// request accumulates the times of one request. The body may be read on one goroutine and the answer written on
// another.
type request struct {
	start               time.Time
	read, wrote, waited atomic.Int64 // nanoseconds
}

type requestKey struct{}

func (m *Metrics) observe(x *request, total time.Duration) {
	read, wrote := time.Duration(x.read.Load()), time.Duration(x.wrote.Load())
	// Concurrent operations in one request may together wait longer than it took.
	waited := min(time.Duration(x.waited.Load()), max(0, total-read-wrote))
	m.duration.Observe(total.Seconds())
	m.phases.read.Observe(read.Seconds())
	m.phases.upstream.Observe(waited.Seconds())
	m.phases.write.Observe(wrote.Seconds())
	m.phases.own.Observe(max(0, total-read-wrote-waited).Seconds())
}

// method returns the request's method, or "other" for unusual ones, which callers could invent.
func method(m string) string {
	switch m {
	case http.MethodGet, http.MethodPost, http.MethodOptions, http.MethodHead:
		return m
	}
	return "other"
}

func timing(to *atomic.Int64) func() {
	start := time.Now()
	return func() { to.Add(int64(time.Since(start))) }
}

type reader struct {
	io.ReadCloser
	x *request
}

func (r *reader) Read(p []byte) (int, error) {
	defer timing(&r.x.read)()
	return r.ReadCloser.Read(p)
}

// writer times writes and detects streams.
type writer struct {
	http.ResponseWriter
	m      *Metrics
	x      *request
	status int
	stream string
}

func (w *writer) statusOr200() int {
	if w.status == 0 {
		return http.StatusOK
	}
	return w.status
}

// Unwrap supports [http.ResponseController].
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *writer) WriteHeader(status int) {
	if w.status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		w.status = status
		if status == http.StatusSwitchingProtocols {
			w.begin(webSocket)
		} else if strings.HasPrefix(w.Header().Get("Content-Type"), "text/event-stream") {
			w.begin(sse)
		}
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *writer) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	defer timing(&w.x.wrote)()
	return w.ResponseWriter.Write(p)
}

// Flush implements [http.Flusher].
func (w *writer) Flush() { _ = w.FlushError() }

// FlushError supports [http.ResponseController].
func (w *writer) FlushError() error {
	defer timing(&w.x.wrote)()
	return http.NewResponseController(w.ResponseWriter).Flush()
}

func (w *writer) begin(stream string) {
	w.stream = stream
	w.m.streams.WithLabelValues(stream).Inc()
}

func (w *writer) end() {
	if w.stream != "" {
		w.m.streams.WithLabelValues(w.stream).Dec()
	}
}

// refusedForCalls is the reason for operations refused by Planned. Callers of Refused give their own.
const refusedForCalls = "calls"

// Planned records how many calls of the metrics API an operation plans, and whether it was refused because of them.
func (m *Metrics) Planned(calls int64, refused bool) {
	m.planned.Observe(float64(calls))
	if refused {
		m.refused.WithLabelValues(refusedForCalls).Inc()
	}
}

// Refused counts a request, operation or stream refused by a limit. The reasons are those of packages cost and graph.
func (m *Metrics) Refused(reason string) { m.refused.WithLabelValues(reason).Inc() }

// Operation is an [Observer].
func (m *Metrics) Operation(ctx context.Context) (context.Context, func(Operation)) {
	x, _ := ctx.Value(requestKey{}).(*request)
	return ctx, func(o Operation) {
		if x != nil {
			x.waited.Add(int64(o.Waited))
		}
		kind := o.Type
		if kind == "" {
			kind = "unknown"
		}
		m.operations.WithLabelValues(kind, o.Outcome()).Inc()
		for code, n := range o.Codes {
			m.errors.WithLabelValues(code).Add(float64(n))
		}
		if !o.Ran || kind == "subscription" {
			return
		}
		m.took.WithLabelValues(kind).Observe(o.Duration.Seconds())
		m.waited.Observe(o.Waited.Seconds())
		m.asked.Observe(float64(o.Asked))
		m.bytes.Observe(float64(o.Bytes))
	}
}
