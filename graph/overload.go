package graph

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// load limits the operations that run at once. Further ones wait briefly for a turn and are then refused, while there
// is still memory to do so: callers that are asked to retry do, those of a killed process get nothing. An operation
// keeps its turn until its response is made; a response that waits to be sent takes room instead (memory_limit.go).
type load struct {
	turns chan struct{} // one for each running operation; subscriptions have limits of their own
	end   func()        // gives up a turn
	room  *memoryLimit

	mu  sync.Mutex
	own map[string]*own // of callers who have operations running or waiting
}

// own holds the turns of one caller.
type own struct {
	turns chan struct{}
	users int
}

// patience is how long an operation waits for a turn.
const patience = time.Second

func newLoad(o *Options) *load {
	turns := make(chan struct{}, o.MaxOperations)
	return &load{turns: turns, end: func() { <-turns }, room: newMemoryLimit(o.MaxInFlight), own: map[string]*own{}}
}

// begin waits for a turn for an operation, first among its caller's and then among all. It returns the function that
// gives up the turn, or nil if there was no turn in time.
func (l *load) begin(ctx context.Context, caller string) (end func()) {
	turns, leave := l.ownTurns(caller)
	if turns != nil && !take(ctx, turns) {
		leave()
		return nil
	}
	got := take(ctx, l.turns)
	switch {
	case got && turns == nil:
		return l.end
	case got:
		return func() {
			l.end()
			<-turns
			leave()
		}
	case turns != nil:
		<-turns
	}
	leave()
	return nil
}

// take waits for a turn for at most patience, and reports whether it got one.
func take(ctx context.Context, turns chan struct{}) bool {
	select {
	case turns <- struct{}{}:
		return true
	default:
	}
	wait := time.NewTimer(patience)
	defer wait.Stop()
	select {
	case turns <- struct{}{}:
		return true
	case <-wait.C:
	case <-ctx.Done():
	}
	return false
}

// ownTurns returns the turns of a caller, which are valid until leave is called; nil for a caller without a name.
func (l *load) ownTurns(caller string) (turns chan struct{}, leave func()) {
	if caller == "" {
		return nil, func() {}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	o := l.own[caller]
	if o == nil {
		o = &own{turns: make(chan struct{}, max(1, cap(l.turns)/2))}
		l.own[caller] = o
	}
	o.users++
	return o.turns, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if o.users--; o.users == 0 {
			delete(l.own, caller)
		}
	}
}

// shed reports a refused request to Options.Shed.
func (h *handler) shed(reason string) {
	if h.o.Shed != nil {
		h.o.Shed(reason)
	}
}

// overloaded returns the refusal for an overloaded server.
func (h *handler) overloaded() *refusal {
	h.shed(ShedForLoad)
	return unavailable(fmt.Sprintf("the server is overloaded: try again in %v", patience))
}
