package resolvers

import (
	"cmp"
	"context"
	"strconv"
	"sync/atomic"

	"deliverygraph/graph/model"
	"deliverygraph/resolvers/cost"
	"deliverygraph/resolvers/page"
	"deliverygraph/upstream"
)

// event is a row of any kind in a timeline.
type event struct {
	kind upstream.Kind
	id   upstream.Identity
	node model.DeliveryEvent
}

func (e *event) time() upstream.Time { return e.id.Time }

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
	lists  [len(upstream.Kinds)]page.Source[event]
	totals [len(upstream.Kinds)]func(context.Context) (int64, error)
	pages  atomic.Int64 // read so far, besides the first ones
}

func newTimeline(ctx context.Context, q upstream.ListQuery) *timeline {
	lists := [...]page.Source[event]{ // as many as there are kinds, or this does not compile
		eventList(ctx, emailList, q), eventList(ctx, bounceList, q), eventList(ctx, blockedEmailList, q),
	}
	totals := [...]func(context.Context) (int64, error){ // of the rows as they are, without making events of them
		sourceOf(ctx, emailList, q).Total, sourceOf(ctx, bounceList, q).Total, sourceOf(ctx, blockedEmailList, q).Total,
	}
	return &timeline{window: q.Window, lists: lists, totals: totals}
}

// eventList returns a list as package page reads it, with events as its rows.
func eventList[R, T any](ctx context.Context, k kindOf[R, T], q upstream.ListQuery) page.Source[event] {
	list, o := sourceOf(ctx, k, q), originOf(k.kind, q)
	return page.Source[event]{
		Window: q.Window, Brief: list.Brief, Room: list.Room,
		Fetch: func(ctx context.Context, w upstream.Window, offset int) ([]event, error) {
			rows, err := list.Fetch(ctx, w, offset)
			return eventsOf(k, rows, o), err
		},
		Key: func(e *event) page.Key { return e.id }, Time: (*event).time,
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
		Key: (*event).key, Time: (*event).time, Brief: true,
	}
}

var errLongTimeline = badArgument("window",
	"there are too many events in this window to be read from so far away: use a shorter window")

// fetch returns a page of the merged list. It reads each list from the start of w as far as the page needs it.
func (t *timeline) fetch(ctx context.Context, w upstream.Window, offset int) ([]event, error) {
	var read [len(upstream.Kinds)]int // rows of each list
	next := func(ctx context.Context, k int) (rows []event, more bool, err error) {
		if read[k] > 0 && t.pages.Add(1) > cost.MaxTimelinePages {
			return nil, false, errLongTimeline
		}
		rows, err = t.lists[k].Fetch(ctx, w, read[k])
		read[k] += len(rows)
		return rows, len(rows) >= upstream.PageSize, err
	}
	return upstream.MergeLists(ctx, len(read), offset, next, (*event).compare)
}

// count returns the number of events.
func (t *timeline) count(ctx context.Context, _ upstream.Window) (n int64, err error) {
	var totals [len(upstream.Kinds)]int64
	var errs [len(upstream.Kinds)]error
	upstream.Concurrently(len(totals), func(k int) { totals[k], errs[k] = t.totals[k](ctx) })
	for k := range totals {
		n += totals[k]
	}
	return n, cmp.Or(errs[:]...)
}
