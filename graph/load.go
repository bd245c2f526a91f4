package graph

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// load is how much the endpoint has in hand at once. What is more waits a moment for
// its turn, and is then turned away, while there is memory left to do so: callers
// that are told to come back do, those of a process that was killed get nothing.
type load struct {
	turns chan struct{} // one for each operation under way; subscriptions have limits of their own
	end   func()        // gives a turn back
	most  int64         // bytes
	bytes atomic.Int64  // of requests that have been read so far and answers that are being written

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
	return &load{turns: turns, end: func() { <-turns }, most: o.MaxInFlight, own: map[string]*own{}}
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

// full says whether there is no room for more bytes.
func (l *load) full() bool { return l.bytes.Load() > l.most }

// hold counts the bytes of an answer until it has been written, and release is told how
// many these are.
func (l *load) hold(resp *graphql.Response) (bytes int64) {
	bytes = int64(len(resp.Data))
	l.bytes.Add(bytes)
	return bytes
}

func (l *load) release(bytes int64) { l.bytes.Add(-bytes) }

// errOverloaded is a body that there is no room for.
var errOverloaded = errors.New("no room for the body")

// body counts what is read of a request's body, as it comes: who announces much and
// sends nothing takes no room.
type body struct {
	io.ReadCloser
	load *load
	read int64
}

// Read reads, as long as there is room.
func (b *body) Read(p []byte) (int, error) {
	if b.load.full() {
		return 0, errOverloaded
	}
	n, err := b.ReadCloser.Read(p)
	b.read += int64(n)
	b.load.bytes.Add(int64(n))
	return n, err
}

// counted makes a request's body count, until its release.
func (l *load) counted(r *http.Request) *body {
	b := &body{ReadCloser: r.Body, load: l}
	r.Body = b
	return b
}

func (b *body) release() { b.load.release(b.read) }

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
