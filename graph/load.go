package graph

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// load bounds the operations that run at once. Further ones wait a moment for their turn,
// and are then turned away, while there is memory left to do so: callers that are told to
// come back do, those of a process that was killed get nothing. An operation has its turn
// until its answer is made; what then waits to be sent takes room (room.go).
type load struct {
	turns chan struct{} // one for each operation under way; subscriptions have limits of their own
	end   func()        // gives a turn back
	room  *room

	mu  sync.Mutex
	own map[string]*own // of callers who have operations under way, or wait
}

// own are the turns that one caller may have.
type own struct {
	turns chan struct{}
	users int
}

// patience is how long an operation waits for its turn.
const patience = time.Second

func newLoad(o *Options) *load {
	turns := make(chan struct{}, o.MaxOperations)
	return &load{turns: turns, end: func() { <-turns }, room: newRoom(o.MaxInFlight), own: map[string]*own{}}
}

// begin waits for an operation's turn, among its caller's and among all. It gives what
// ends it; nil is that there was none.
func (l *load) begin(ctx context.Context, caller string) (end func()) {
	turns, leave := l.ownTurns(caller)
	if turns != nil && !take(ctx, turns) {
		leave()
		return nil
	}
	got := take(ctx, l.turns)
	if got && turns == nil {
		return l.end
	}
	giveBack := func() {
		if got {
			l.end()
		}
		if turns != nil {
			<-turns
		}
		leave()
	}
	if !got {
		giveBack()
		return nil
	}
	return giveBack
}

// take takes a turn, if there is one before patience ends.
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

// ownTurns are the turns of a caller, until leave; nil are those of one without a name.
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

// shed counts what is turned away.
func (h *handler) shed(reason string) {
	if h.o.Shed != nil {
		h.o.Shed(reason)
	}
}

// overloaded turns a request away.
func (h *handler) overloaded() *refusal {
	h.shed(ShedForLoad)
	e := requestError(codeRateLimited, fmt.Sprintf("the gateway has as much in hand as it can: try again in %v", patience))
	set(e, "retryAfterMs", patience.Milliseconds())
	return &refusal{status: http.StatusServiceUnavailable, retryAfter: patience, response: &graphql.Response{Errors: gqlerror.List{e}}}
}
