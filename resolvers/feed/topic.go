package feed

import (
	"context"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"deliverygraph/upstream"
)

// maxWindow is the number of rows that a topic remembers, and so bounds the pages that a poll reads when
// nothing is new. maxPages is the most pages that a poll reads, after an outage.
const (
	maxWindow = 4 * upstream.PageSize
	maxPages  = 20
)

// topic polls for the bounces of one filter.
type topic struct {
	feed  *Feed
	key   string
	api   upstream.API
	query upstream.ListQuery
	ctx   context.Context
	stop  context.CancelFunc
	phase time.Duration // see moment

	subscribers map[*Subscription]struct{} // guarded by feed.mu

	ready chan struct{} // closed when the first poll has succeeded or failed
	err   error         // error of the first poll

	mu     sync.Mutex
	start  upstream.Time      // older rows are ignored
	window []row              // the rows seen since start, in order
	seen   map[print]struct{} // the same rows as a set
	marked *mark              // mark of window; nil after a change
	tail   *entry             // the newest entry
}

// entry is an event in the linked list that subscribers follow. Only next changes.
type entry struct {
	event  *Event
	number int64
	next   *entry        // set before passed is closed
	passed chan struct{} // closed when next is set
}

func newTopic(f *Feed, key string, v View, q upstream.ListQuery) *topic {
	t := &topic{
		feed: f, key: key, api: upstream.API{Asker: v.API}, query: q,
		subscribers: map[*Subscription]struct{}{},
		ready:       make(chan struct{}),
		seen:        map[print]struct{}{},
		tail:        &entry{passed: make(chan struct{})},
	}
	hash := fnv.New64a()
	hash.Write([]byte(q.Encode()))
	t.phase = time.Duration(hash.Sum64() % uint64(f.o.Interval))
	t.start = upstream.Time(t.moment().Add(-f.o.Interval - f.o.Overlap).Unix()) // where the poll before would begin
	t.ctx, t.stop = context.WithCancel(v.Context)
	return t
}

// await waits for the first poll.
func (t *topic) await(ctx context.Context) error {
	select {
	case <-t.ready:
		return t.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// run polls until the last subscriber has left.
func (t *topic) run() {
	defer t.stop()
	more, err := t.poll(false)
	if t.err = err; err != nil {
		t.feed.drop(t)
	}
	close(t.ready)
	if err != nil {
		return
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for failures := 0; ; {
		wait := t.wait(failures)
		if more {
			wait = 0
		}
		timer.Reset(wait)
		select {
		case <-t.ctx.Done():
			return
		case <-timer.C:
		}
		switch more, err = t.poll(true); {
		case err == nil:
			failures = 0
		case permanent(err):
			t.endAll(err)
			return
		default:
			failures++
		}
	}
}

// moment returns when the last poll of the topic was due. That depends only on the filter, the interval and the time.
// Polls use it instead of the time, so that gateways that share answers ask the same question, and one call to the
// upstream serves all of them.
func (t *topic) moment() time.Time {
	now := t.feed.o.Now()
	return now.Add(-time.Duration(now.UnixNano()-int64(t.phase)) % t.feed.o.Interval)
}

// wait returns the time until the next poll, after the given number of failures. It is partly random, so that gateways
// do not ask at the same time.
func (t *topic) wait(failures int) time.Duration {
	interval := t.feed.o.Interval
	if failures == 0 {
		return max(interval/2, t.moment().Add(interval).Sub(t.feed.o.Now())) + rand.N(interval/10+1)
	}
	most := max(interval, time.Minute)
	wait := min(most, interval<<min(failures, 10))
	return wait/2 + rand.N(wait/2+1)
}

// permanent reports whether an error is permanent.
func permanent(err error) bool {
	switch upstream.CodeOf(err) {
	case upstream.InvalidArgument, upstream.Unauthenticated, upstream.PermissionDenied:
		return true
	}
	return false
}

// poll reads rows that have not been seen and delivers them if tell is true; the first poll delivers none. It
// returns more if there are further rows to read at once.
func (t *topic) poll(tell bool) (more bool, err error) {
	o := &t.feed.o
	moment := t.moment()
	settled := upstream.Time(moment.Add(-o.Overlap).Unix()) // no bounces from before this appear any more
	// The upstream's clock may be ahead of ours.
	w := upstream.Window{Start: t.start, End: upstream.Time(moment.Add(o.Interval+o.Overlap).Unix()) + 1}
	var fresh []row
	found := map[print]struct{}{}
	q := t.query
	q.Window = w
	last := w.Start // latest time read
	for n := 0; ; n++ {
		if n == maxPages {
			more = true
			break
		}
		rows, err := t.api.Bounces(t.ctx, q)
		if err != nil {
			return false, err
		}
		for i := range rows {
			if !w.Contains(rows[i].BounceTime) {
				continue
			}
			last = max(last, rows[i].BounceTime)
			p := printOf(&rows[i])
			if _, known := t.seen[p]; known { // only this goroutine writes seen
				continue
			}
			if _, twice := found[p]; twice {
				continue
			}
			found[p] = struct{}{}
			fresh = append(fresh, copied(&rows[i], p))
		}
		if len(rows) < upstream.PageSize {
			break
		}
		q.Offset += len(rows)
	}
	slices.SortFunc(fresh, row.compare)
	start := max(w.Start, settled)
	if more {
		start = max(w.Start, last) // give up rows that appear late before that
	}
	t.add(fresh, w, start, tell)
	return more && start > w.Start, nil
}

// add records new rows of a window, delivers them if tell is true, and moves the start of the topic's window.
func (t *topic) add(fresh []row, w upstream.Window, start upstream.Time, tell bool) {
	t.mu.Lock()
	if tell && len(fresh) > 0 {
		b := &batch{mark: t.markNow(), rows: fresh, window: w}
		for i := range fresh {
			next := &entry{
				event: &Event{Bounce: fresh[i].Bounce, batch: b, at: i}, number: t.tail.number + 1,
				passed: make(chan struct{}),
			}
			t.tail.next = next
			close(t.tail.passed)
			t.tail = next
		}
	}
	before := t.tail.number - int64(len(fresh))
	for _, r := range fresh {
		t.seen[r.print] = struct{}{}
	}
	if len(fresh) > 0 {
		t.window = append(t.window, fresh...)
		slices.SortFunc(t.window, row.compare)
	}
	if over := len(t.window) - maxWindow; over > 0 {
		newest := t.window[len(t.window)-1].BounceTime
		start = max(start, min(t.window[over-1].BounceTime+1, newest))
	}
	gone := 0
	for ; gone < len(t.window) && t.window[gone].BounceTime < start; gone++ {
		delete(t.seen, t.window[gone].print)
	}
	if gone > 0 {
		t.window = slices.Clone(t.window[gone:])
	}
	if gone > 0 || len(fresh) > 0 || start != t.start {
		t.marked = nil
	}
	t.start = start
	t.mu.Unlock()
	if tell && len(fresh) > 0 {
		t.endSlow(before)
	}
}

// markNow returns the mark of everything that has been seen. The caller must hold mu.
func (t *topic) markNow() *mark {
	if t.marked == nil {
		t.marked = markOf(t.start, t.window)
	}
	return t.marked
}

// attach makes a subscription follow the topic from now on.
func (t *topic) attach(s *Subscription) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s.delivered = t.markNow()
	s.at.Store(t.tail)
}

// endSlow ends the subscriptions that were too far behind when the event with number newest was the newest.
func (t *topic) endSlow(newest int64) {
	t.feed.mu.Lock()
	defer t.feed.mu.Unlock()
	for s := range t.subscribers {
		if at := s.at.Load(); at != nil && newest-at.number > int64(t.feed.o.Buffer) {
			s.end(errSlow)
		}
	}
}

// endAll ends all subscriptions and the topic.
func (t *topic) endAll(err error) {
	t.feed.drop(t)
	t.feed.mu.Lock()
	defer t.feed.mu.Unlock()
	for s := range t.subscribers {
		s.end(err)
	}
	t.stop()
}

// drop prevents further subscriptions from joining the topic.
func (f *Feed) drop(t *topic) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.topics[t.key] == t {
		delete(f.topics, t.key)
	}
}

// Event is a bounce that has appeared.
type Event struct {
	Bounce *upstream.Bounce
	batch  *batch
	at     int // index in the batch
	cursor atomic.Pointer[string]
}

// batch holds rows that one poll found.
type batch struct {
	mark   *mark // before these rows
	rows   []row
	window upstream.Window // in which the rows were found
}

// mark returns what has been delivered, including the event.
func (e *Event) mark() *mark { return e.batch.mark.with(e.batch.rows[:e.at+1]) }

// Window returns a window that contains the bounce. It is the same for all bounces found in one poll.
func (e *Event) Window() upstream.Window { return e.batch.window }

// seal returns the event's cursor. It is computed once for all subscribers.
func (e *Event) seal(binding string) string {
	if c := e.cursor.Load(); c != nil {
		return *c
	}
	c := e.mark().seal(binding)
	e.cursor.Store(&c)
	return c
}
