package graph

import (
	"net"
	"net/http"
	"slices"
	"sync"

	"github.com/99designs/gqlgen/graphql"
)

// stream answers a request with server-sent events, in the distinct connections mode of graphql-sse: an event "next"
// for each response, also for errors of the request, and "complete" at the end. The client ends the stream by closing
// its connection. When the gateway stops, the stream ends without "complete", so that clients reconnect.
func (h *handler) stream(w http.ResponseWriter, x *execution) {
	out := newEventStream(w)
	defer every(h.o.Heartbeat, func() bool {
		if x.streams && h.o.Check != nil {
			if err := h.o.Check(x.ctx); err != nil {
				x.fail(err)
				return false
			}
		}
		return out.beat() == nil
	})()
	for resp, ran := range x.responses() {
		if out.next(resp, ran) != nil {
			return
		}
	}
	if !x.stopped() {
		_ = out.event("complete")
	}
}

// streamRefusal answers a request that was refused with server-sent events.
func streamRefusal(w http.ResponseWriter, no *refusal) {
	out := newEventStream(w)
	if out.next(no.response, false) == nil {
		_ = out.event("complete")
	}
}

// eventStream writes server-sent events, and comments as heartbeats.
type eventStream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	mu      sync.Mutex
}

func newEventStream(w http.ResponseWriter) *eventStream {
	h := w.Header()
	h.Set("Content-Type", mediaEvents+"; charset=utf-8")
	h.Set("Cache-Control", "no-cache, no-transform") // compression would delay events
	h.Set("X-Accel-Buffering", "no")                 // nginx would buffer events
	w.WriteHeader(http.StatusOK)
	s := &eventStream{w: w, control: http.NewResponseController(w)}
	_ = s.beat() // tells the client at once that it is connected
	return s
}

// next writes a response.
func (s *eventStream) next(resp *graphql.Response, ran bool) error {
	before, data, after := encode(resp, ran)
	return s.event("next", before, data, after)
}

// event writes an event. Its data is JSON without line breaks. Browsers drop events without data.
func (s *eventStream) event(name string, data ...[]byte) error {
	return s.write(slices.Concat([][]byte{[]byte("event: " + name + "\ndata: ")}, data, [][]byte{[]byte("\n\n")})...)
}

// beat sends a comment, which shows the client and proxies that the stream is alive.
func (s *eventStream) beat() error { return s.write([]byte(":\n\n")) }

// write writes and flushes.
func (s *eventStream) write(parts ...[]byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	pieces := net.Buffers(parts)
	if _, err := pieces.WriteTo(s.w); err != nil {
		return err
	}
	return s.control.Flush()
}
