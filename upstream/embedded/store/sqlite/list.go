package sqlite

import (
	"context"
	"iter"
	"slices"
	"strconv"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// list returns a page of a kind's list. Of makes its rows.
func list[R any](
	ctx context.Context, s *Store, k *kind, only []upstream.ID, q upstream.ListQuery, of func(*row) R,
) (upstream.Page, error) {
	rows := []R{}
	err := s.readIndexed(ctx, "list "+k.String(), func(r *reader) {
		l := r.listing(k, only, &q)
		if l.none {
			return
		}
		l.seek(only, q)
		var x row // reused, to save allocations
		query, args := l.query(upstream.PageSize)
		for v := range r.Rows(query, args...) {
			before := x.id
			r.Fail(x.read(k, v))
			if len(rows) > 0 && x.id <= before {
				r.Fail(store.ErrDamaged)
			}
			rows = append(rows, of(&x))
		}
		if len(rows) == upstream.PageSize {
			l.ended(x.id)
		}
	})
	return upstream.PageOf(rows), err
}

// Bounce returns one bounce: see [store.Reader].
func (s *Store) Bounce(
	ctx context.Context, only []upstream.ID, k upstream.BounceKey,
) (d upstream.BounceDetail, err error) {
	err = s.read(ctx, "get a bounce", func(r *reader) {
		rows := r.load(kinds[upstream.Bounces], 1,
			"r.id >= ? and r.id < ? and r.email_id = ? and r.user_id = ? and r.sender_id = ?",
			firstID(k.BounceTime), firstID(k.BounceTime+1), k.EmailID, int64(k.UserID), int64(k.SenderID))
		if len(rows) == 0 || only != nil && !slices.Contains(only, k.UserID) {
			r.Fail(store.NoBounce(k))
			return
		}
		d = rows[0].BounceDetail()
	})
	return d, err
}

// load reads rows in list order, at most limit, or all if that is negative. Where is a condition on the event table as
// r.
func (c conn) load(k *kind, limit int, where string, args ...any) []row {
	return slices.Collect(c.events(k, limit, where, args...))
}

// events is load, row by row.
func (c conn) events(k *kind, limit int, where string, args ...any) iter.Seq[row] {
	return func(yield func(row) bool) {
		for v := range c.Rows("select "+k.listed+k.details+" from "+k.table+" r left join domain d on d.id = r.domain_id"+
			k.apart+" where "+where+" order by r.id limit "+strconv.Itoa(limit), args...) {
			var x row
			if c.Fail(x.read(k, v)); !yield(x) {
				return
			}
		}
	}
}
