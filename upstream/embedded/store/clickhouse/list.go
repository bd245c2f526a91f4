package clickhouse

import (
	"context"
	"fmt"
	"math"
	"slices"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

const (
	hour = upstream.Time(3600)
	day  = 24 * hour
)

// listOrder is the order of lists.
const listOrder = " order by time, email_id, " + recipient + ", user_id, sender_id"

// List returns a page of a list: see [store.View].
//
// A recipient's rows are found by the index. If few rows match other filters, it finds them in any version first, which
// is much faster than to merge the versions of all rows.
// Otherwise it counts rows by hour, from the start of the window on, until it knows in which hours the page lies, or
// starts where the page before ended. Then it sorts the rows of these hours by columns that are fast to read, and reads
// the whole rows of the page.
func (v *view) List(of upstream.Kind, q *upstream.ListQuery) (any, error) {
	const tries = 5
	var page []row
	err := errReplaced
	for n := 0; n < tries && err == errReplaced; n++ {
		page, err = v.list(kinds[of], q)
	}
	return store.Rows(of, func(yield func(*store.Event) bool) {
		for i := range page {
			if !yield(&page[i].Event) {
				return
			}
		}
	}), err
}

// list returns the rows of a page. It fails with errReplaced if some of them were replaced meanwhile.
func (v *view) list(k *kind, q *upstream.ListQuery) ([]row, error) {
	f, err := v.filter(k, q)
	if err != nil || f.none {
		return nil, err
	}
	l := &listing{view: v, kind: k, filter: f, window: clip(q.Window), skip: max(q.Offset, 0)}
	if err := l.resume(q); err != nil {
		return nil, err
	}
	keys, found, err := l.ofRecipient(q.Recipient)
	if err == nil && !found {
		keys, found, err = l.few()
	}
	if err == nil && !found {
		if err = l.seek(); err == nil {
			keys, err = l.keys("")
		}
	}
	if err != nil {
		return nil, err
	}
	rows, err := v.load(v.ctx, k, keys, false)
	if err == nil && len(rows) < len(keys) {
		err = errReplaced
	}
	if err == nil && len(rows) == upstream.PageSize {
		l.ended(rows)
	}
	return rows, err
}

// errReplaced is the error if events were replaced, or removed, between two queries for them.
var errReplaced error = &upstream.Error{
	Code: upstream.Unavailable, Message: "events were replaced while they were read: try again",
}

// ever is the window of all events.
var ever = upstream.Window{Start: math.MinInt64, End: math.MaxInt64}

// clip returns the part of a window that can have rows.
func clip(w upstream.Window) upstream.Window {
	return upstream.Window{Start: max(w.Start, -store.MaxTime), End: min(w.End, store.MaxTime+1)}
}

// listing is a list that is being read.
type listing struct {
	*view
	kind *kind
	filter
	window upstream.Window // without what is before the page
	skip   int             // rows to skip in the window
	page   store.Page
	before changes // those before anything was read
}

// few returns the keys of the page if few rows match the filters; all is false if there are more.
func (l *listing) few() (keys []version, all bool, err error) {
	const few = 2 * upstream.PageSize
	if len(l.where) == 0 {
		return nil, false, nil
	}
	found, err := l.versions(l.ctx, l.kind.table+" where "+l.in(l.window)+" limit "+number(few))
	if err != nil || len(found) == few {
		return nil, false, err
	}
	if len(found) > l.skip {
		keys, err = l.keys(among(found, func(v version) string { return fmt.Sprintf("(%d,%d)", v.time, v.id) },
			"(time, id)"))
	}
	return keys, true, err
}

// keys returns the keys of the page, in list order, among the rows that meet a further condition.
func (l *listing) keys(condition string) ([]version, error) {
	return l.versions(l.ctx, l.from(l.kind)+" where "+l.in(l.window)+condition+listOrder+" limit "+number(l.skip)+", "+
		number(upstream.PageSize))
}

// among returns the condition that rows are among those of versions, which finds them by their times without reading
// others.
func among(all []version, tuple func(version) string, columns string) string {
	lo, hi := all[0].time, all[0].time
	var in []string
	for _, v := range all {
		lo, hi = min(lo, v.time), max(hi, v.time)
		in = append(in, tuple(v))
	}
	return " and time >= " + number(lo) + " and time <= " + number(hi) + " and " + columns + " in (" +
		join(in) + ")"
}

// versions returns the versions of events that a query finds.
func (s *Store) versions(ctx context.Context, from string) ([]version, error) {
	var v version
	return collect(ctx, "select time, id, version from "+from, &v, &v.time, &v.id, &v.version)
}

// version is a version of an event.
type version struct {
	key
	version uint64
}

// load reads versions of events, in list order.
func (s *Store) load(ctx context.Context, k *kind, keys []version, details bool) (rows []row, err error) {
	if len(keys) == 0 {
		return nil, nil
	}
	condition := among(keys, func(v version) string { return fmt.Sprintf("(%d,%d,%d)", v.time, v.id, v.version) },
		"(time, id, version)")
	return s.rows(ctx, k, details, k.table+" prewhere 1"+condition+listOrder+" limit 1 by time, id")
}

// rows reads the rows of a query that follows after its columns.
func (s *Store) rows(ctx context.Context, k *kind, details bool, from string) (rows []row, err error) {
	columns := k.listed
	if details {
		columns += k.details
	}
	x := newScanner(k, details)
	err = each(ctx, "select "+columns+" from "+from, x.targets, func() { rows = append(rows, x.read()) })
	return rows, err
}

// Bounce returns a bounce: see [store.View].
func (v *view) Bounce(k upstream.BounceKey) (d upstream.BounceDetail, err error) {
	if v.only != nil && !slices.Contains(v.only, k.UserID) {
		return d, store.NoBounce(k)
	}
	bounces := kinds[upstream.Bounces]
	rows, err := v.rows(v.ctx, bounces, true, v.from(bounces)+" where time = "+number(k.BounceTime)+" and email_id = "+
		quote(k.EmailID)+" and user_id = "+number(k.UserID)+" and sender_id = "+number(k.SenderID)+" and removed = 0"+
		listOrder+" limit 1")
	if err != nil {
		return d, err
	} else if len(rows) == 0 {
		return d, store.NoBounce(k)
	}
	return rows[0].BounceDetail(), nil
}

// bucket returns the expression for the start of an hour or day, also before 1970.
func bucket(i upstream.Interval) string {
	n := number(i.Seconds())
	return "toInt64(floor(time / " + n + ")) * " + n
}
