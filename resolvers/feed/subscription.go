package feed

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"deliverygraph/upstream"
)

// Subscription is one reader of a feed. Its methods must not be called concurrently.
type Subscription struct {
	feed    *Feed
	topic   *topic
	caller  string
	binding string // list name of its cursors

	backlog   *backlog // nil once it has caught up
	at        atomic.Pointer[entry]
	delivered *mark  // at the start; superseded by last if that is not nil
	last      *Event // delivered last

	ended context.Context // its cause says why it has ended
	abort context.CancelCauseFunc
	left  sync.Once
}

// errSlow ends a subscription that is too far behind.
var errSlow = errors.New("feed: subscriber too slow")

// SlowError is the error of a subscription that was read too slowly.
type SlowError struct {
	Behind int    // how many events it may be behind
	Cursor string // the position of the last event delivered
}

// Error describes the error.
func (e *SlowError) Error() string { return "feed: the subscriber is too slow" }

// end ends the subscription with err. Only the first call has an effect.
func (s *Subscription) end(err error) {
	s.abort(err)
	s.at.Store(nil) // releases the unread events
}

// Close ends the subscription.
func (s *Subscription) Close() {
	s.end(ErrClosed)
	s.left.Do(func() { s.feed.leave(s) })
}

// Cursor returns the cursor of an event of this subscription.
func (s *Subscription) Cursor(e *Event) string { return e.seal(s.binding) }

// Next waits for the next event. It returns a [*SlowError], [ErrClosed] if the feed or the subscription is
// closed, the context's error, or the upstream's. An upstream error ends the subscription.
func (s *Subscription) Next(ctx context.Context) (*Event, error) {
	select {
	case <-s.ended.Done():
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
		<-s.ended.Done()
		return nil, s.reason()
	}
	select {
	case <-at.passed:
		if !s.at.CompareAndSwap(at, at.next) {
			<-s.ended.Done()
			return nil, s.reason()
		}
		s.last = at.next.event
		return s.last, nil
	case <-s.ended.Done():
		return nil, s.reason()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// reason returns why the subscription has ended.
func (s *Subscription) reason() error {
	if err := context.Cause(s.ended); err != errSlow {
		return err
	}
	m := s.delivered
	if s.last != nil {
		m = s.last.mark()
	}
	return &SlowError{Behind: s.feed.o.Buffer, Cursor: m.seal(s.binding)}
}

// resume makes the subscription continue from a cursor.
func (s *Subscription) resume(cursor string) error {
	o := &s.feed.o
	m, err := openMark(s.binding, cursor, upstream.Time(o.Now().Add(-reach-o.Overlap).Unix()))
	if err != nil {
		return err
	}
	s.delivered = m
	s.backlog = &backlog{s: s, from: m.start, known: m.shorts()}
	return nil
}

// backlog delivers what a subscription missed: first from the upstream's lists, up to the topic's window, then
// from that window.
type backlog struct {
	s         *Subscription
	from      upstream.Time                  // all rows before it have been delivered
	offset    int                            // number of rows since from that have been delivered
	known     map[uint32]struct{}            // rows since from that the cursor covers
	delivered []row                          // delivered rows of the second at from
	before    map[upstream.Identity]struct{} // rows of the previous page
	pending   []*Event
	done      bool // the subscription follows the topic
}

// next returns the next event, or nil once the subscription follows the topic.
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

// fill reads the next page, or switches to the topic.
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

// follow delivers the rows of the topic's window that the cursor does not cover, and continues with the topic's
// new events. The caller must hold the topic's mu.
func (b *backlog) follow(t *topic) {
	b.done = true
	var delivered, missed []row
	for _, r := range t.window {
		switch _, known := b.known[r.short]; {
		case r.BounceTime < b.from, known:
			delivered = append(delivered, r)
		default:
			missed = append(missed, r)
		}
	}
	b.s.at.Store(t.tail)
	b.s.delivered = markOf(max(b.from, t.start), delivered)
	w := upstream.Window{Start: t.start, End: max(t.start, t.newest()) + 1}
	b.events(&batch{mark: b.s.delivered, rows: missed, window: w})
}

// newest returns the time of the window's last row.
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
	page := map[upstream.Identity]struct{}{}
	for i := range rows {
		id := rows[i].Identity()
		if !q.Window.Contains(id.Time) {
			continue
		}
		page[id] = struct{}{}
		if _, twice := b.before[id]; twice {
			continue
		}
		r := copied(&rows[i])
		if r.BounceTime > b.from {
			b.from, b.delivered = r.BounceTime, nil
		}
		_, known := b.known[r.short]
		delete(b.known, r.short)
		if !known {
			b.event(r, q.Window)
		}
		b.delivered = append(b.delivered, r)
		b.delivered = b.delivered[max(0, len(b.delivered)-maxStamps):] // a mark has room for no more
	}
	b.before = page
	switch {
	case !full:
		b.from, b.offset, b.delivered = until, 0, nil
	case b.from > q.Window.Start:
		b.offset = 0 // the next page begins with the second in which this one ends
	default:
		b.offset = q.Offset + len(rows)
	}
	return nil
}

// event adds the event of a row from the lists.
func (b *backlog) event(r row, w upstream.Window) {
	m := &mark{start: b.from}
	for short := range b.known {
		m.seen = append(m.seen, stamp{short: short})
	}
	m = m.with(b.delivered)
	b.pending = append(b.pending, &Event{Bounce: r.Bounce, batch: &batch{mark: m, rows: []row{r}, window: w}})
}

// events adds the events of a batch.
func (b *backlog) events(of *batch) {
	for i, r := range of.rows {
		b.pending = append(b.pending, &Event{Bounce: r.Bounce, batch: of, at: i})
	}
}
