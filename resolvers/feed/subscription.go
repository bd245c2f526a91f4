package feed

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"deliverygraph/upstream"
)

// Subscription is one reader of a feed. Its methods are for one goroutine.
type Subscription struct {
	feed    *Feed
	topic   *topic
	caller  string
	binding string // of cursors

	backlog *backlog // nil when nothing is to be made up for
	at      atomic.Pointer[entry]
	told    *mark  // of the start; of last where that is not nil
	last    *Event // told last

	once  sync.Once
	ended chan struct{}
	err   error // why; set before ended is closed
	left  sync.Once
}

// errSlow ends a subscription that is too far behind.
var errSlow = errors.New("feed: subscriber too slow")

// SlowError ends a subscription that read too slowly.
type SlowError struct {
	Behind int    // how many events it may be behind
	Cursor string // of what was told of last
}

// Error says what happened.
func (e *SlowError) Error() string { return "feed: the subscriber is too slow" }

// end ends the subscription, for the first reason given.
func (s *Subscription) end(err error) {
	s.once.Do(func() {
		s.err = err
		close(s.ended)
		s.at.Store(nil) // lets go of what it has not read
	})
}

// Close ends the subscription.
func (s *Subscription) Close() {
	s.end(ErrClosed)
	s.left.Do(func() { s.feed.leave(s) })
}

// Cursor marks an event of this subscription.
func (s *Subscription) Cursor(e *Event) string { return e.seal(s.binding) }

// Next waits for the next event. Errors are a [*SlowError], [ErrClosed] when the feed
// or the subscription is closed, the context's, or the upstream's: then it has ended.
func (s *Subscription) Next(ctx context.Context) (*Event, error) {
	select {
	case <-s.ended:
		return nil, s.reason()
	default:
	}
	if s.backlog != nil {
		e, err := s.backlog.next(ctx)
		if e != nil || err != nil {
			if e != nil {
				s.last = e
			}
			return e, err
		}
		s.backlog = nil
	}
	at := s.at.Load()
	if at == nil {
		<-s.ended
		return nil, s.reason()
	}
	select {
	case <-at.passed:
		if !s.at.CompareAndSwap(at, at.next) {
			<-s.ended
			return nil, s.reason()
		}
		s.last = at.next.event
		return s.last, nil
	case <-s.ended:
		return nil, s.reason()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// reason is why the subscription has ended.
func (s *Subscription) reason() error {
	if s.err != errSlow {
		return s.err
	}
	m := s.told
	if s.last != nil {
		m = s.last.mark()
	}
	return &SlowError{Behind: s.feed.o.Buffer, Cursor: m.seal(s.binding)}
}

// resume makes the subscription go on from a cursor.
func (s *Subscription) resume(cursor string) error {
	o := &s.feed.o
	oldest := upstream.Time(o.Now().Add(-o.Reach - o.Overlap).Unix())
	m, err := openMark(s.binding, cursor, oldest, o.Reach.Round(time.Second))
	if err != nil {
		return err
	}
	s.told = m
	s.backlog = &backlog{s: s, from: m.start, known: m.shorts(), before: map[print]struct{}{}}
	return nil
}

// backlog is what a subscription missed: from the upstream's lists up to the topic's
// window, and then from that.
type backlog struct {
	s       *Subscription
	from    upstream.Time       // all before it has been told
	offset  int                 // likewise, of the rows since from
	known   map[uint32]struct{} // rows since from that the cursor knows
	told    []row               // those of the second at from
	before  map[print]struct{}  // of the page before
	pending []*Event
	done    bool // the subscription follows the topic
}

// next is the next event, or nil when the topic is being followed.
func (b *backlog) next(ctx context.Context) (*Event, error) {
	for len(b.pending) == 0 {
		if b.done {
			return nil, nil
		}
		if err := b.fill(ctx); err != nil {
			return nil, err
		}
	}
	e := b.pending[0]
	b.pending = b.pending[1:]
	return e, nil
}

// fill reads on, or begins to follow.
func (b *backlog) fill(ctx context.Context) error {
	t := b.s.topic
	t.mu.Lock()
	until := t.start
	if b.from >= until {
		b.follow(t)
		t.mu.Unlock()
		return nil
	}
	t.mu.Unlock()
	return b.read(ctx, until)
}

// follow takes what the topic's window has and the cursor does not know, and goes on
// with what comes behind it. The caller holds the topic's mu.
func (b *backlog) follow(t *topic) {
	b.done = true
	var told, missed []row
	for _, r := range t.window {
		switch _, known := b.known[r.print.short()]; {
		case r.BounceTime < b.from, known:
			told = append(told, r)
		default:
			missed = append(missed, r)
		}
	}
	b.s.at.Store(t.tail)
	b.s.told = markOf(max(b.from, t.start), told)
	b.events(&batch{mark: b.s.told, rows: missed, window: upstream.Window{Start: t.start, End: max(t.start, t.newest()) + 1}})
}

// newest is the time of the window's last row.
func (t *topic) newest() upstream.Time {
	if n := len(t.window); n > 0 {
		return t.window[n-1].BounceTime
	}
	return t.start
}

// read reads a page of the list up to a moment.
func (b *backlog) read(ctx context.Context, until upstream.Time) error {
	q := b.s.topic.query
	q.Window, q.Offset = upstream.Window{Start: b.from, End: until}, b.offset
	rows, err := b.s.topic.api.Bounces(ctx, q)
	if err != nil {
		return err
	}
	full := len(rows) >= upstream.PageSize
	page := map[print]struct{}{}
	for i := range rows {
		r := row{&rows[i], printOf(&rows[i])}
		if !q.Window.Contains(r.BounceTime) {
			continue
		}
		page[r.print] = struct{}{}
		if _, twice := b.before[r.print]; twice {
			continue
		}
		if r.BounceTime > b.from {
			b.from, b.told = r.BounceTime, nil
		}
		r = copied(r.Bounce, r.print)
		_, known := b.known[r.print.short()]
		delete(b.known, r.print.short())
		if !known {
			b.event(r, q.Window)
		}
		b.told = append(b.told, r)
	}
	b.before = page
	switch {
	case !full:
		b.from, b.offset, b.told = until, 0, nil
	case b.from > q.Window.Start:
		b.offset = 0 // the next page begins with the second that this one ends in
	default:
		b.offset = q.Offset + len(rows)
	}
	return nil
}

// event adds the event of a row of the lists.
func (b *backlog) event(r row, w upstream.Window) {
	m := &mark{start: b.from}
	for short := range b.known {
		m.seen = append(m.seen, stamp{short: short})
	}
	m = m.with(b.told)
	b.pending = append(b.pending, &Event{Bounce: r.Bounce, batch: &batch{mark: m, rows: []row{r}, window: w}})
}

// events adds those of a batch.
func (b *backlog) events(of *batch) {
	for i, r := range of.rows {
		b.pending = append(b.pending, &Event{Bounce: r.Bounce, batch: of, at: i})
	}
}
