package rest

import (
	"container/list"
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
	turns   list.List        // the same lanes in order, next first

	mean    float64 // moving average of the seconds that a request holds its slot
	refused int64   // because the queue was full
}

// lane is the queue of one caller's waiters.
type lane struct {
	caller  string
	waiters list.List // of *waiter
	turn    *list.Element
}

// waiter is a request waiting for a slot. Several callers may have joined its call: it then waits in the lane of each,
// and is let through when the first of them has its turn.
type waiter struct {
	places []place       // usually one; none when it no longer waits
	room   [1]place      // backs places
	gone   bool          // let through, refused or given up
	ready  chan struct{} // closed when it is let through or refused
	among  int           // requests under way when it was let through, including itself
	f      *failure      // why it was refused
}

// place is a waiter's position in a lane.
type place struct {
	lane *lane
	at   *list.Element
}

func (w *waiter) waitsIn(l *lane) bool {
	return slices.ContainsFunc(w.places, func(p place) bool { return p.lane == l })
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
	w.places = w.room[:0]
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
	for e := g.turns.Front(); e != nil; e = g.turns.Front() {
		g.refuse(e.Value.(*lane).waiters.Front().Value.(*waiter), f)
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
		l := g.turns.Front().Value.(*lane)
		g.turns.MoveToBack(l.turn)
		w := l.waiters.Front().Value.(*waiter)
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
	if w.gone || l != nil && w.waitsIn(l) {
		return
	}
	if len(w.places) == 0 && g.waiting >= g.most && !g.makeRoom(l) {
		g.refused++
		w.gone, w.f = true, g.full()
		close(w.ready)
		return
	}
	if l == nil {
		l = &lane{caller: caller}
		l.turn = g.turns.PushBack(l)
		g.lanes[caller] = l
	}
	if len(w.places) == 0 {
		g.waiting++
	}
	w.places = append(w.places, place{l, l.waiters.PushBack(w)})
	g.next() // a slot may have become free in the meantime
}

// makeRoom refuses the newest waiter of the longest lane, if that lane is longer than the newcomer's would be. It
// reports whether it did.
func (g *gate) makeRoom(newcomers *lane) bool {
	length := 1
	if newcomers != nil {
		length += newcomers.waiters.Len()
	}
	var longest *lane
	for _, l := range g.lanes {
		if n := l.waiters.Len(); n > length {
			longest, length = l, n
		}
	}
	if longest == nil {
		return false
	}
	for e := longest.waiters.Back(); e != nil; e = e.Prev() {
		if w := e.Value.(*waiter); len(w.places) == 1 { // no other caller waits for it
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
	if len(w.places) > 0 {
		g.waiting--
	}
	for _, p := range w.places {
		p.lane.waiters.Remove(p.at)
		if p.lane.waiters.Len() == 0 {
			g.turns.Remove(p.lane.turn)
			delete(g.lanes, p.lane.caller)
		}
	}
	w.places = nil
}

// full returns the failure for a full queue. Its RetryAfter estimates when those waiting now will have been served.
func (g *gate) full() *failure {
	wait := time.Duration(float64(g.waiting) / g.limit.now * g.mean * float64(time.Second))
	wait = min(max(wait.Round(time.Millisecond), time.Second), 30*time.Second)
	return refusal("too many calls wait for the metrics API; try again later", wait)
}
