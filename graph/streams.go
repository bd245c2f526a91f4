package graph

import (
	"context"
	"errors"
	"sync"
)

// Streams are the subscriptions that are open: what outlives a request's
// deadline, and has to be told when the gateway stops. They are safe for concurrent
// use.
type Streams struct {
	most    int
	closing context.Context
	close   context.CancelFunc

	mu   sync.Mutex
	open int
	none chan struct{} // closed when the last one has ended; nil while nobody waits
}

// NewStreams allows as many open streams as most.
func NewStreams(most int) *Streams {
	s := &Streams{most: most}
	s.closing, s.close = context.WithCancel(context.Background())
	return s
}

// errTooManyStreams and errClosing refuse a stream.
var (
	errTooManyStreams = errors.New("as many streams are open as this gateway takes: try again later")
	errClosing        = errors.New("the gateway is stopping: connect again")
)

// begin counts a stream, which calls end when it has ended.
func (s *Streams) begin() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closing.Err() != nil:
		return errClosing
	case s.open >= s.most:
		return errTooManyStreams
	}
	s.open++
	return nil
}

func (s *Streams) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open--; s.open == 0 && s.none != nil {
		close(s.none)
		s.none = nil
	}
}

// Open is the number of streams that are open.
func (s *Streams) Open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open
}

// Shutdown tells all streams that they end, and waits until they have, or ctx does. A
// subscription is completed. New ones are refused. It is called once.
func (s *Streams) Shutdown(ctx context.Context) error {
	s.close()
	s.mu.Lock()
	if s.open == 0 {
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
