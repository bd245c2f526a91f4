package graph

import (
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

// comeBack refuses what there is no room for at present.
func comeBack(err error) *refusal {
	e := requestError(codeRateLimited, err.Error())
	set(e, "retryAfterMs", time.Second.Milliseconds())
	return &refusal{status: http.StatusServiceUnavailable, retryAfter: time.Second, response: &graphql.Response{Errors: gqlerror.List{e}}}
}

// begin counts a subscription, which calls end when it has ended.
func (s *Streams) begin() error { return s.enter(&s.open, errTooManyStreams) }

func (s *Streams) end() { s.leave(&s.open) }

// beginSocket counts a WebSocket, which calls endSocket when it is closed.
func (s *Streams) beginSocket() error { return s.enter(&s.sockets, errTooManySockets) }

func (s *Streams) endSocket() { s.leave(&s.sockets) }

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
