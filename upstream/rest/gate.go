package rest

import (
	"context"
	"slices"
	"sync"
	"time"

	"deliverygraph/upstream"
)

// gate limits how many requests are under way at once. The others wait in one lane per caller, and the lanes take
// turns: a caller with one waiting request does not queue behind another caller's five hundred.
type gate struct {
	mu       sync.Mutex
	limit    limit
	underWay int

	most    int // may wait
	waiting int
	lanes   map[string]*lane // by caller; only those with a waiter
	turns   []*lane          // the same lanes in order, next first

	mean    float64 // moving average of the seconds that a request holds its slot
	refused int64   // because the queue was full
}

// lane is the queue of one caller's waiters.
type lane struct {
	caller  string
	waiters []*waiter
}

// waiter is a request waiting for a slot. Several callers may have joined its call: it then waits in the lane of each,
// and is let through when the first of them has its turn.
type waiter struct {
	lanes []*lane       // usually one; none when it no longer waits
	room  [1]*lane      // backs lanes
	gone  bool          // let through, refused or given up
	ready chan struct{} // closed when it is let through or refused
	among int           // requests under way when it was let through, including itself
	f     *failure      // why it was refused
}

func newGate(least, most, waiting int) *gate {
	return &gate{limit: newLimit(least, most), most: waiting, lanes: make(map[string]*lane)}
}

// enter waits for a slot and returns the number of requests under way, including this one. It returns ctx.Err() if ctx
// ends first. If the queue is full it fails at once, unless it can displace a waiter of a caller with more waiters.
func (g *gate) enter(ctx context.Context) (among int, f *failure, err error) {
	g.mu.Lock()
	if g.underWay < g.limit.slots() && g.waiting == 0 {
		defer g.mu.Unlock()
		return g.let(), nil, nil
	}
	g.limit.reached = true
	g.mu.Unlock()

	w := &waiter{ready: make(chan struct{})}
	w.lanes = w.room[:0]
	if stop := upstream.EachCaller(ctx, func(name string) { g.queue(w, name) }); stop != nil {
		defer stop()
	}
	select {
	case <-w.ready:
		return w.among, w.f, nil
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if !w.gone {
		g.remove(w)
	} else if w.f == nil { // let through at the same moment
		g.underWay--
		g.next()
	}
	return 0, nil, ctx.Err()
}

// leave returns the slot and learns from t.
func (g *gate) leave(t *trial, endpoint string) {
	now := time.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.underWay--
	if t.outcome != unknown {
		g.mean += (now.Sub(t.sent).Seconds() - g.mean) / 16
		g.limit.learn(t, endpoint, now)
	}
	g.next()
}

// turnAway refuses all waiters with f.
func (g *gate) turnAway(f *failure) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for len(g.turns) > 0 {
		g.refuse(g.turns[0].waiters[0], f)
	}
}

// let takes a slot and returns how many are taken.
func (g *gate) let() int {
	g.underWay++
	if g.underWay >= g.limit.slots() {
		g.limit.reached = true
	}
	return g.underWay
}

// next gives free slots to waiters, one per lane in turn.
func (g *gate) next() {
	for g.underWay < g.limit.slots() && g.waiting > 0 {
		l := g.turns[0]
		copy(g.turns, g.turns[1:])
		g.turns[len(g.turns)-1] = l
		w := l.waiters[0]
		g.remove(w)
		w.among = g.let()
		close(w.ready)
	}
}

// queue appends a waiter to its caller's lane, or refuses it.
func (g *gate) queue(w *waiter, caller string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	l := g.lanes[caller]
	if w.gone || l != nil && slices.Contains(w.lanes, l) {
		return
	}
	if len(w.lanes) == 0 && g.waiting >= g.most && !g.makeRoom(l) {
		g.refused++
		w.gone, w.f = true, g.full()
		close(w.ready)
		return
	}
	if l == nil {
		l = &lane{caller: caller}
		g.turns = append(g.turns, l)
		g.lanes[caller] = l
	}
	if len(w.lanes) == 0 {
		g.waiting++
	}
	l.waiters = append(l.waiters, w)
	w.lanes = append(w.lanes, l)
	g.next() // a slot may have become free in the meantime
}

// makeRoom refuses the newest waiter of the longest lane, if that lane is longer than the newcomer's would be. It
// reports whether it did.
func (g *gate) makeRoom(newcomers *lane) bool {
	length := 1
	if newcomers != nil {
		length += len(newcomers.waiters)
	}
	var longest *lane
	for _, l := range g.lanes {
		if n := len(l.waiters); n > length {
			longest, length = l, n
		}
	}
	if longest == nil {
		return false
	}
	for _, w := range slices.Backward(longest.waiters) {
		if len(w.lanes) == 1 { // no other caller waits for it
			g.refused++
			g.refuse(w, g.full())
			return true
		}
	}
	return false
}

func (g *gate) refuse(w *waiter, f *failure) {
	g.remove(w)
	w.f = f
	close(w.ready)
}

// remove takes w out of its lanes.
func (g *gate) remove(w *waiter) {
	w.gone = true
	if len(w.lanes) > 0 {
		g.waiting--
	}
	for _, l := range w.lanes {
		if l.waiters = without(l.waiters, w); len(l.waiters) == 0 {
			g.turns = without(g.turns, l)
			delete(g.lanes, l.caller)
		}
	}
	w.lanes = nil
}

// without removes an element of s, which must be there.
func without[T comparable](s []T, v T) []T {
	i := slices.Index(s, v)
	return slices.Delete(s, i, i+1)
}

// full returns the failure for a full queue. Its RetryAfter estimates when those waiting now will have been served.
func (g *gate) full() *failure {
	wait := time.Duration(float64(g.waiting) / g.limit.now * g.mean * float64(time.Second))
	wait = min(max(wait.Round(time.Millisecond), time.Second), 30*time.Second)
	return refusal("too many calls wait for the metrics API; try again later", wait)
}
