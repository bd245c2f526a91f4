package graph

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// Streams counts and limits the open subscriptions and WebSockets, which outlive the deadlines of requests, and ends
// them when the gateway stops. It is safe for concurrent use.
type Streams struct {
	most    int
	closing context.Context
	close   context.CancelFunc

	mu      sync.Mutex
	open    int            // subscriptions
	sockets int            // WebSockets
	known   int            // WebSockets whose caller is known
	strange list.List      // those whose caller is not known yet: *seat, oldest first
	callers map[string]int // WebSockets by caller name
	none    chan struct{}  // closed when the last stream has ended; nil unless Shutdown waits
}

// NewStreams allows up to most open subscriptions and as many WebSockets.
func NewStreams(most int) *Streams {
	s := &Streams{most: most, callers: map[string]int{}}
	s.closing, s.close = context.WithCancel(context.Background())
	return s
}

// The errors that refuse a stream. errStopping also ends streams.
var (
	errTooManyStreams = errors.New("too many subscriptions are open on this gateway: try again later")
	errTooManySockets = errors.New("too many WebSockets are open on this gateway: try again later")
	errStopping       = errors.New("the gateway is stopping: connect again")
)

// noRoom returns the refusal of a stream because too many are open or the gateway is stopping.
func (h *handler) noRoom(err error) *refusal {
	if !errors.Is(err, errStopping) {
		h.shed(ShedForStreams)
	}
	e := requestError(codeRateLimited, err.Error())
	set(e, "retryAfterMs", time.Second.Milliseconds())
	return &refusal{
		status: http.StatusServiceUnavailable, retryAfter: time.Second,
		response: &graphql.Response{Errors: gqlerror.List{e}},
	}
}

// begin counts a subscription until end is called.
func (s *Streams) begin() error { return s.enter(&s.open, errTooManyStreams) }

func (s *Streams) end() { s.leave(&s.open) }

// seat is a WebSocket's place among the open ones.
type seat struct {
	streams *Streams
	strange *list.Element // nil once the caller is known or the seat was taken away
	known   bool
	evict   func() // must not block
}

// beginSocket gives a WebSocket a seat until leave is called. Sockets whose caller is unknown take no room from those
// whose caller is known: when too many of them wait, the oldest is evicted, so that no client can keep others out by
// never sending connection_init.
func (s *Streams) beginSocket(evict func()) (*seat, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closing.Err() != nil:
		return nil, errStopping
	case s.known >= s.most:
		return nil, errTooManySockets
	}
	if s.strange.Len() >= s.most {
		oldest := s.strange.Front().Value.(*seat)
		s.strange.Remove(oldest.strange)
		oldest.strange = nil
		oldest.evict()
	}
	p := &seat{streams: s, evict: evict}
	p.strange = s.strange.PushBack(p)
	s.sockets++
	return p, nil
}

// keep marks the seat's caller as known.
func (p *seat) keep() error {
	s := p.streams
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.strange == nil || s.known >= s.most {
		return errTooManySockets
	}
	s.strange.Remove(p.strange)
	p.strange, p.known = nil, true
	s.known++
	return nil
}

// leave gives up the seat.
func (p *seat) leave() {
	s := p.streams
	s.mu.Lock()
	if p.strange != nil {
		s.strange.Remove(p.strange)
		p.strange = nil
	}
	if p.known {
		s.known--
	}
	s.mu.Unlock()
	s.leave(&s.sockets)
}

func (s *Streams) enter(count *int, full error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closing.Err() != nil:
		return errStopping
	case *count >= s.most:
		return full
	}
	*count++
	return nil
}

func (s *Streams) leave(count *int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if *count--; s.open+s.sockets == 0 && s.none != nil {
		close(s.none)
		s.none = nil
	}
}

// own counts a WebSocket towards its caller's limit until leave is called; a limit of 0 is none. Callers without a name
// are not counted.
func (s *Streams) own(caller string, most int) (leave func(), err error) {
	if caller == "" {
		return func() {}, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if most > 0 && s.callers[caller] >= most {
		return nil, fmt.Errorf("this caller has %d WebSockets open, the limit: one can run many operations", most)
	}
	s.callers[caller]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.callers[caller]--; s.callers[caller] == 0 {
			delete(s.callers, caller)
		}
	}, nil
}

// Open returns the number of open subscriptions and WebSockets.
func (s *Streams) Open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open + s.sockets
}

// Shutdown ends all streams, and waits until they have ended or ctx is done. Streams are cut off rather than completed,
// so that clients reconnect; WebSockets first answer the queries in progress. New streams are refused. Shutdown may be
// called once.
func (s *Streams) Shutdown(ctx context.Context) error {
	s.close()
	s.mu.Lock()
	if s.open+s.sockets == 0 {
		s.mu.Unlock()
		return nil
	}
	none := make(chan struct{})
	s.none = none
	s.mu.Unlock()
	select {
	case <-none:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// StreamEnd says how a subscription's stream ended. Closing the channel of events cannot say that it ended because of
// an error. The endpoint puts a StreamEnd into the operation's context, and the resolver calls [FailStream] before it
// closes its channel.
type StreamEnd struct{ err atomic.Pointer[error] }

type streamEndKey struct{}

// WithStreamEnd returns a context for a stream, and how the stream ended.
func WithStreamEnd(ctx context.Context) (context.Context, *StreamEnd) {
	e := &StreamEnd{}
	return context.WithValue(ctx, streamEndKey{}, e), e
}

// FailStream sets the error that ends the context's stream. Its subscriber gets it like any other error of a field.
// Only the first call counts.
func FailStream(ctx context.Context, err error) {
	if e, ok := ctx.Value(streamEndKey{}).(*StreamEnd); ok {
		e.err.CompareAndSwap(nil, &err)
	}
}

// Err returns the error that ended the stream, or nil.
func (e *StreamEnd) Err() error {
	if err := e.err.Load(); err != nil {
		return *err
	}
	return nil
}
