package rest

import (
	"container/list"
	"context"
	"slices"
	"sync"
	"time"

	"deliverygraph/upstream/flight"
)

// gate lets requests through, as many at once as its limit says. The others wait,
// each caller's in a lane of its own, and the lanes take turns: whoever has one
// request waiting is not behind another's five hundred.
type gate struct {
	mu       sync.Mutex
	limit    limit
	underWay int

	most    int // that may wait
	waiting int
	lanes   map[string]*lane // those with a waiter, by caller
	turns   list.List        // the same lanes, the next first

	mean    float64 // seconds that a request keeps its slot, recently
	refused int64   // for want of room
}

// lane is a caller's waiters, the first first.
type lane struct {
	caller  string
	waiters list.List // of *waiter
	turn    *list.Element
}

// waiter is a request that waits for a slot. Calls of several callers may be
// joined in it: it waits in each one's lane, and goes when the first of them has
// its turn.
type waiter struct {
	gate   *gate
	places []place       // mostly one; none once it waits no more
	room   [1]place      // of places, while it is
	gone   bool          // let through, refused or given up
	ready  chan struct{} // closed when it is let through or refused
	among  int           // how many were under way when it was let through, itself included
	f      *failure      // why it was refused, if it was
}

// place is a waiter's in a lane.
type place struct {
	lane *lane
	at   *list.Element
}

func (w *waiter) waitsIn(l *lane) bool {
	return slices.ContainsFunc(w.places, func(p place) bool { return p.lane == l })
}

// Board has the waiter wait for another caller too.
func (w *waiter) Board(caller context.Context) { w.gate.queue(w, callerOf(caller)) }

func newGate(least, most, waiting int) *gate {
	return &gate{limit: newLimit(least, most), most: waiting, lanes: make(map[string]*lane)}
}

// enter waits for a slot, or for the context's end, and says how many are under way
// with it. It fails at once where too many wait, but room is made for those who
// have fewer waiting than another.
func (g *gate) enter(ctx context.Context) (among int, f *failure, err error) {
	g.mu.Lock()
	if g.underWay < g.limit.slots() && g.waiting == 0 {
		defer g.mu.Unlock()
		return g.let(), nil, nil
	}
	g.limit.reached = true
	g.mu.Unlock()

	w := &waiter{gate: g, ready: make(chan struct{})}
	w.places = w.room[:0]
	defer flight.EachCaller(ctx, w).Stop()
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

// leave gives the slot back, with what the trial has shown.
func (g *gate) leave(t *trial, endpoint string) {
	now := time.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.underWay--
	if t.outcome != untold {
		g.mean += (now.Sub(t.sent).Seconds() - g.mean) / 16
		g.limit.learn(t, endpoint, now)
	}
	g.next()
}

// turnAway refuses all who wait.
func (g *gate) turnAway(f *failure) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for e := g.turns.Front(); e != nil; e = g.turns.Front() {
		g.refuse(e.Value.(*lane).waiters.Front().Value.(*waiter), f)
	}
}

// let gives a slot, and says how many have one now.
func (g *gate) let() int {
	g.underWay++
	if g.underWay >= g.limit.slots() {
		g.limit.reached = true
	}
	return g.underWay
}

// next lets through those for whom there is a slot, one of each lane in turn.
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

// queue puts a waiter at the end of a caller's lane, or refuses it.
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
	g.next() // a slot may have come free since
}

// makeRoom refuses the newest waiter of the longest lane, if that is longer than
// the newcomer's would be.
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
		if w := e.Value.(*waiter); len(w.places) == 1 { // wanted by this caller alone
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

// remove takes a waiter out of its lanes.
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

// full is the refusal for want of room. By what it says, those who wait will have
// had their turn.
func (g *gate) full() *failure {
	wait := time.Duration(float64(g.waiting) / g.limit.now * g.mean * float64(time.Second))
	wait = min(max(wait.Round(time.Millisecond), time.Second), 30*time.Second)
	return refusal("too many calls wait for the metrics API; try again later", wait)
}
