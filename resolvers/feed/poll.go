package feed

import (
	"math/rand/v2"
	"slices"
	"time"

	"deliverygraph/upstream"
)

// run polls until the last subscriber has left.
func (t *topic) run() {
	defer t.stop()
	more, err := true, error(nil)
	for more && err == nil { // until it has read all bounces from before the subscription
		more, err = t.poll(false)
	}
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

// poll reads rows that have not been seen and delivers them if tell is true. It returns more if there are further rows
// to read at once.
func (t *topic) poll(tell bool) (more bool, err error) {
	o := &t.feed.o
	moment := t.moment()
	settled := upstream.Time(moment.Add(-o.Overlap).Unix()) // no bounces from before this appear any more
	// The upstream's clock may be ahead of ours.
	w := upstream.Window{Start: t.start, End: upstream.Time(moment.Add(o.Interval+o.Overlap).Unix()) + 1}
	var fresh []row
	q := t.query
	q.Window = w
	last := w.Start // latest time read
	_, more, err = upstream.Search(t.ctx, t.api.Bounces, q, maxPages, func(rows []upstream.Bounce) bool {
		for i := range rows {
			if !w.Contains(rows[i].BounceTime) {
				continue
			}
			last = max(last, rows[i].BounceTime)
			if !t.saw(rows[i].Identity()) {
				fresh = append(fresh, copied(&rows[i]))
			}
		}
		return false
	})
	if err != nil {
		return false, err
	}
	slices.SortFunc(fresh, row.compare)
	// Rows may move to the next page, and are then read twice.
	fresh = slices.CompactFunc(fresh, func(a, b row) bool { return a.compare(b) == 0 })
	start := max(w.Start, settled)
	if more {
		start = max(w.Start, last) // give up rows that appear late before that
	}
	t.add(fresh, w, start, tell)
	return more && start > w.Start, nil
}

// saw reports whether the window has a row. Only polls call it: no other goroutine changes the window.
func (t *topic) saw(id upstream.Identity) bool {
	_, found := slices.BinarySearchFunc(t.window, id, func(r row, id upstream.Identity) int {
		return r.Identity().Compare(id)
	})
	return found
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
	if len(fresh) > 0 {
		t.window = append(t.window, fresh...)
		slices.SortFunc(t.window, row.compare)
	}
	if over := len(t.window) - maxWindow; over > 0 {
		newest := t.window[len(t.window)-1].BounceTime
		start = max(start, min(t.window[over-1].BounceTime+1, newest))
	}
	gone := 0
	for gone < len(t.window) && t.window[gone].BounceTime < start {
		gone++
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
