package graph

import (
	"net/http"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
)

// responses is the source of a stream: an execution or a refusal.
type responses interface {
	next() *graphql.Response    // nil at the end
	failure() *graphql.Response // why it ended, or nil
}

// refused is the response to an operation that was refused.
type refused struct{ *refusal }

func (n refused) next() *graphql.Response    { return nil }
func (n refused) failure() *graphql.Response { return n.response }

// stream answers a request with server-sent events, in the distinct connections mode of graphql-sse: an event "next"
// for each response, also for errors of the request, and "complete" at the end. The client ends the stream by closing
// its connection. When the gateway stops, the stream ends without "complete", so that clients reconnect.
func (h *handler) stream(w http.ResponseWriter, r *http.Request, of responses) {
	x, runs := of.(*execution)
	if runs && x.streams && h.o.Check != nil {
		defer every(h.o.Heartbeat, func() bool {
			err := h.o.Check(x.ctx)
			if err != nil {
				x.fail(err)
			}
			return err == nil
		})()
	}
	out := newEventStream(w, h.o.Heartbeat)
	defer out.stop()
	if runs {
		for n := 0; n == 0 || x.streams; n++ {
			resp := of.next()
			if resp == nil {
				break
			}
			if out.next(resp, !x.shed && (!x.streams || resp.Data != nil)) != nil {
				return
			}
			x.room.resize(0)
		}
	}
	if runs && x.streams && x.stopped() {
		return
	}
	if resp := of.failure(); resp != nil && out.next(resp, false) != nil {
		return
	}
	_ = out.event("complete", nil)
}

// eventStream writes server-sent events, and comments as heartbeats.
type eventStream struct {
	w       http.ResponseWriter
	control *http.ResponseController

	mu        sync.Mutex
	err       error // of the first write that failed
	heartbeat *time.Timer
	every     time.Duration
}

func newEventStream(w http.ResponseWriter, every time.Duration) *eventStream {
	s := &eventStream{w: w, control: http.NewResponseController(w), every: every}
	h := w.Header()
	h.Set("Content-Type", mediaEvents+"; charset=utf-8")
	h.Set("Cache-Control", "no-cache, no-transform") // compression would delay events
	h.Set("X-Accel-Buffering", "no")                 // nginx would buffer events
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heartbeat = time.AfterFunc(every, s.beat)
	s.w.WriteHeader(http.StatusOK)
	s.write([]byte(":\n\n")) // tells the client at once that it is connected
	return s
}

// next writes a response.
func (s *eventStream) next(resp *graphql.Response, ran bool) error {
	before, data, after := encode(resp, ran)
	return s.event("next", before, data, after)
}

// event writes an event. Its data is JSON without line breaks. Browsers drop events without data.
func (s *eventStream) event(name string, data ...[]byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	parts := make([][]byte, 0, 5)
	parts = append(parts, []byte("event: "+name+"\ndata: "))
	parts = append(append(parts, data...), []byte("\n\n"))
	return s.write(parts...)
}

// write writes and flushes. The caller must hold mu.
func (s *eventStream) write(parts ...[]byte) error {
	for _, p := range parts {
		if s.err == nil {
			_, s.err = s.w.Write(p)
		}
	}
	if s.err == nil {
		s.err = s.control.Flush()
	}
	s.heartbeat.Reset(s.every)
	return s.err
}

// beat sends a comment, which shows the client and proxies that the stream is alive.
func (s *eventStream) beat() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.every > 0 && s.err == nil {
		_ = s.write([]byte(":\n\n"))
	}
}

// stop ends the heartbeat. The stream must not be used afterwards.
func (s *eventStream) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.every = 0
	s.heartbeat.Stop()
}
