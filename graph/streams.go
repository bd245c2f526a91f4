package graph

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// Streams are the subscriptions and WebSockets that are open: what outlives a request's
// deadline, and has to be told when the gateway stops. They are safe for concurrent
// use.
type Streams struct {
	most    int
	closing context.Context
	close   context.CancelFunc

	mu      sync.Mutex
	open    int            // subscriptions
	sockets int            // WebSockets
	known   int            // of them, those whose caller is known
	strange list.List      // of them, those whose caller may yet become known: *seat, the oldest first
	callers map[string]int // WebSockets by their caller's name
	none    chan struct{}  // closed when the last one has ended; nil while nobody waits
}

// NewStreams allows as many open subscriptions as most, and as many WebSockets.
func NewStreams(most int) *Streams {
	s := &Streams{most: most, callers: map[string]int{}}
	s.closing, s.close = context.WithCancel(context.Background())
	return s
}

// errTooManyStreams, errTooManySockets and errStopping refuse a stream, and the last one
// ends it.
var (
	errTooManyStreams = errors.New("as many streams are open as this gateway takes: try again later")
	errTooManySockets = errors.New("as many sockets are open as this gateway takes: try again later")
	errStopping       = errors.New("the gateway is stopping: connect again")
)

// noRoom refuses a stream that there is no room for at present, or no time any more.
func (h *handler) noRoom(err error) *refusal {
	if !errors.Is(err, errStopping) {
		h.shed(ShedForStreams)
	}
	e := requestError(codeRateLimited, err.Error())
	set(e, "retryAfterMs", time.Second.Milliseconds())
	return &refusal{status: http.StatusServiceUnavailable, retryAfter: time.Second, response: &graphql.Response{Errors: gqlerror.List{e}}}
}

// begin counts a subscription, which calls end when it has ended.
func (s *Streams) begin() error { return s.enter(&s.open, errTooManyStreams) }

func (s *Streams) end() { s.leave(&s.open) }

// seat is a WebSocket's place among those that are open.
type seat struct {
	streams *Streams
	strange *list.Element // nil once its caller is known, or it has had to leave
	known   bool
	evict   func() // does not wait
}

// beginSocket gives a WebSocket a seat, which it leaves when it is closed. As long as
// nobody has said whose it is, it takes no room from those whose caller is known: where
// too many wait, the oldest is told to leave by evict, so that nobody can keep others
// out by saying nothing.
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

// keep makes the seat one of a known caller's.
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

// leave gives the seat up.
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

// own counts a WebSocket of a caller who may have so many, until leave; 0 is any number.
// Callers without a name are not counted.
func (s *Streams) own(caller string, most int) (leave func(), err error) {
	if caller == "" {
		return func() {}, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if most > 0 && s.callers[caller] >= most {
		return nil, fmt.Errorf("this caller has %d sockets open, the most it may have: one serves many operations", most)
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

// Open is the number of subscriptions and WebSockets that are open.
func (s *Streams) Open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open + s.sockets
}

// Shutdown tells all streams that they end, and waits until they have, or ctx does. They
// are cut off rather than completed, so that their readers connect again; operations
// that a WebSocket has under way are answered first. New ones are refused. It is called
// once.
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
