package resolvers

import (
	"cmp"
	"context"
	"strconv"
	"sync/atomic"

	"deliverygraph/graph/model"
	"deliverygraph/resolvers/page"
	"deliverygraph/upstream"
)

// event is a row of any kind in a timeline.
type event struct {
	kind upstream.Kind
	id   upstream.Identity
	node model.DeliveryEvent
}

// compare orders events by time, then by kind, then as the lists of one kind are ordered.
func (e *event) compare(o *event) int {
	return cmp.Or(cmp.Compare(e.id.Time, o.id.Time), cmp.Compare(e.kind, o.kind), e.id.Compare(o.id))
}

// key identifies the event in the timeline. It begins the email id with the kind, so that keys are ordered like events.
func (e *event) key() page.Key {
	k := e.id
	k.EmailID = strconv.Itoa(int(e.kind)) + k.EmailID
	return k
}

// timeline merges the lists of all kinds, filtered alike, to one list in order of time.
type timeline struct {
	window upstream.Window
	lists  [len(upstream.Kinds)]func(ctx context.Context, w upstream.Window, offset int) ([]event, error)
	totals [len(upstream.Kinds)]func(context.Context, upstream.Window) (int64, error)
	pages  atomic.Int64 // read so far, besides the first ones
}

func newTimeline(ctx context.Context, q upstream.ListQuery) *timeline {
	t := &timeline{window: q.Window}
	include(ctx, t, emailList, q)
	include(ctx, t, bounceList, q)
	include(ctx, t, blockedEmailList, q)
	return t
}

// include adds the list of a kind to a timeline.
func include[R, T any](ctx context.Context, t *timeline, k kindOf[R, T], q upstream.ListQuery) {
	source := sourceOf(ctx, k, q)
	o := &model.Origin{Kind: k.kind, Window: q.Window, UserID: q.UserID, SenderID: q.SenderID}
	t.lists[k.kind] = func(ctx context.Context, w upstream.Window, offset int) ([]event, error) {
		rows, err := source.Fetch(ctx, w, offset)
		return eventsOf(k, rows, o), err
	}
	t.totals[k.kind] = func(ctx context.Context, w upstream.Window) (int64, error) {
		source := source
		source.Window = w
		return source.Total(ctx)
	}
}

// eventsOf returns the events of rows.
func eventsOf[R, T any](k kindOf[R, T], rows []R, o *model.Origin) []event {
	made := k.nodes(rows, o)
	events := make([]event, len(rows))
	for i := range rows {
		events[i] = event{k.kind, k.key(&rows[i]), any(&made[i]).(model.DeliveryEvent)}
	}
	return events
}

// source returns the timeline as a list.
func (t *timeline) source() page.Source[event] {
	return page.Source[event]{
		Window: t.window, Fetch: t.fetch, Count: t.count,
		Key: (*event).key, Time: func(e *event) upstream.Time { return e.id.Time }, Brief: true,
	}
}

// maxTimelinePages limits the upstream pages that a timeline reads for one connection, besides the first of each list.
const maxTimelinePages = 100

var errLongTimeline = badArgument("window",
	"there are too many events in this window to be read from so far away: use a shorter window")

// fetch returns a page of the merged list. It reads each list from the start of w as far as the page needs it.
func (t *timeline) fetch(ctx context.Context, w upstream.Window, offset int) ([]event, error) {
	type reader struct {
		rows []event // not yet merged
		next int     // offset of the page after rows
		more bool
	}
	var readers [len(upstream.Kinds)]reader
	fill := func(k int) error {
		r := &readers[k]
		if r.next > 0 && t.pages.Add(1) > maxTimelinePages {
			return errLongTimeline
		}
		rows, err := t.lists[k](ctx, w, r.next)
		r.rows, r.next, r.more = rows, r.next+len(rows), len(rows) >= upstream.PageSize
		return err
	}
	var errs [len(readers)]error
	upstream.Concurrently(len(readers), func(k int) { errs[k] = fill(k) })
	if err := cmp.Or(errs[:]...); err != nil {
		return nil, err
	}
	var merged []event
	for len(merged) < upstream.PageSize {
		var first *reader
		for k := range readers {
			r := &readers[k]
			if len(r.rows) == 0 && r.more {
				if err := fill(k); err != nil {
					return nil, err
				}
			}
			if len(r.rows) > 0 && (first == nil || r.rows[0].compare(&first.rows[0]) < 0) {
				first = r
			}
		}
		switch {
		case first == nil:
			return merged, nil
		case offset > 0:
			offset--
		default:
			merged = append(merged, first.rows[0])
		}
		first.rows = first.rows[1:]
	}
	return merged, nil
}

// count returns the number of events in w.
func (t *timeline) count(ctx context.Context, w upstream.Window) (n int64, err error) {
	var totals [len(upstream.Kinds)]int64
	var errs [len(upstream.Kinds)]error
	upstream.Concurrently(len(totals), func(k int) { totals[k], errs[k] = t.totals[k](ctx, w) })
	for k := range totals {
		n += totals[k]
	}
	return n, cmp.Or(errs[:]...)
}
