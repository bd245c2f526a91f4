package graph

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
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
	unknown list.List      // WebSockets whose caller is not known yet: *seat, oldest first
	callers map[string]int // WebSockets by caller name
	all     sync.WaitGroup // of subscriptions and WebSockets
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
	return unavailable(err.Error())
}

// begin counts a subscription until end is called.
func (s *Streams) begin() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closing.Err() != nil:
		return errStopping
	case s.open >= s.most:
		return errTooManyStreams
	}
	s.open++
	s.all.Add(1)
	return nil
}

func (s *Streams) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
	s.all.Done()
}

// seat is a WebSocket's place among the open ones.
type seat struct {
	streams *Streams
	unknown *list.Element // nil once the caller is known or the seat was taken away
	known   bool
	caller  string // its name, if known and it has one
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
	if s.unknown.Len() >= s.most {
		oldest := s.unknown.Front().Value.(*seat)
		s.unknown.Remove(oldest.unknown)
		oldest.unknown = nil
		oldest.evict()
	}
	p := &seat{streams: s, evict: evict}
	p.unknown = s.unknown.PushBack(p)
	s.sockets++
	s.all.Add(1)
	return p, nil
}

// keep marks the seat's caller as known. A caller with a name may keep at most so many seats; 0 is no limit.
func (p *seat) keep(caller string, most int) error {
	s := p.streams
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case p.unknown == nil || s.known >= s.most:
		return errTooManySockets
	case caller != "" && most > 0 && s.callers[caller] >= most:
		return fmt.Errorf("this caller has %d WebSockets open, the limit: one can run many operations", most)
	}
	s.unknown.Remove(p.unknown)
	p.unknown, p.known, p.caller = nil, true, caller
	s.known++
	s.callers[caller]++
	return nil
}

// leave gives up the seat.
func (p *seat) leave() {
	s := p.streams
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.unknown != nil {
		s.unknown.Remove(p.unknown)
		p.unknown = nil
	}
	if p.known {
		s.known--
		if s.callers[p.caller]--; s.callers[p.caller] == 0 {
			delete(s.callers, p.caller)
		}
	}
	s.sockets--
	s.all.Done()
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
	s.mu.Lock()
	s.close()
	s.mu.Unlock()
	none := make(chan struct{})
	go func() {
		s.all.Wait()
		close(none)
	}()
	select {
	case <-none:
	case <-ctx.Done():
	}
	if s.Open() > 0 {
		return ctx.Err()
	}
	return nil
}

type streamEndKey struct{}

// FailStream sets the error that ends the stream of the context's subscription. The resolver calls it before it closes
// its channel of events, because closing a channel cannot say that there was an error. The subscriber gets the error
// like any other error of a field. Only the first error counts, and nil is none.
func FailStream(ctx context.Context, err error) {
	if end, ok := ctx.Value(streamEndKey{}).(*atomic.Pointer[error]); ok && err != nil {
		end.CompareAndSwap(nil, &err)
	}
}
