package sqlite

import (
	"iter"
	"slices"
	"strconv"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// List returns a page of a list: see [store.View].
func (v *view) List(of upstream.Kind, q *upstream.ListQuery) (rows any, err error) {
	rows = store.Rows(of, func(yield func(*store.Event) bool) {
		l := v.listing(kinds[of], q)
		if l.none {
			return
		}
		l.seek(q)
		var x row // reused, to save allocations
		n := 0
		query, args := l.query(upstream.PageSize)
		for values := range v.Rows(query, args...) {
			before := x.id
			v.Fail(x.read(l.kind, values))
			if n++; n > 1 && x.id <= before {
				v.Fail(store.ErrDamaged)
			}
			if !yield(&x.Event) {
				return
			}
		}
		if n == upstream.PageSize {
			l.ended(x.id)
		}
	})
	return rows, v.Err
}

// Bounce returns a bounce: see [store.View].
func (v *view) Bounce(k upstream.BounceKey) (d upstream.BounceDetail, err error) {
	rows := v.load(kinds[upstream.Bounces], 1,
		"r.id >= ? and r.id < ? and r.email_id = ? and r.user_id = ? and r.sender_id = ?",
		firstID(k.BounceTime), firstID(k.BounceTime+1), k.EmailID, int64(k.UserID), int64(k.SenderID))
	if len(rows) == 0 || v.only != nil && !slices.Contains(v.only, k.UserID) {
		v.Fail(store.NoBounce(k))
		return d, v.Err
	}
	return rows[0].BounceDetail(), v.Err
}

// load reads rows in list order, at most limit, or all if that is negative. Where is a condition on the event table as
// r.
func (c conn) load(k *kind, limit int, where string, args ...any) []row {
	return slices.Collect(c.events(k, limit, where, args...))
}

// events is load, row by row.
func (c conn) events(k *kind, limit int, where string, args ...any) iter.Seq[row] {
	return func(yield func(row) bool) {
		for v := range c.Rows("select "+k.listed+k.details+
			" from "+k.table+" r left join domain d on d.id = r.domain_id"+k.apart+
			" where "+where+" order by r.id limit "+strconv.Itoa(limit), args...) {
			var x row
			if c.Fail(x.read(k, v)); !yield(x) {
				return
			}
		}
	}
}
