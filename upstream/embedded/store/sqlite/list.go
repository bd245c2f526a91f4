package sqlite

import (
	"context"
	"database/sql/driver"
	"fmt"
	"slices"
	"strconv"

	"deliverygraph/upstream"
)

// list returns a page of a kind's list. Of makes its rows.
func list[R any](
	ctx context.Context, s *Store, k *kind, only []upstream.ID, q upstream.ListQuery, of func(*row) R,
) ([]R, error) {
	rows := []R{}
	err := s.readIndexed(ctx, "list "+k.String(), func(r *reader) error {
		l := &listing{reader: r, kind: k}
		if err := l.filter(only, &q); err != nil || l.none {
			return err
		}
		if err := l.seek(only, q); err != nil {
			return err
		}
		var x row // reused, to save allocations
		query, args := l.query(upstream.PageSize)
		err := r.conn.each(ctx, func(v []driver.Value) error {
			before := x.id
			if err := x.read(k, v); err != nil {
				return err
			}
			if len(rows) > 0 && x.id <= before {
				return errDamaged
			}
			rows = append(rows, of(&x))
			return nil
		}, query, args...)
		if err == nil && len(rows) == upstream.PageSize {
			err = l.ended(x.id)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return rows, nil
}

// Bounce returns one bounce: see [store.Reader].
func (s *Store) Bounce(
	ctx context.Context, only []upstream.ID, k upstream.BounceKey,
) (upstream.BounceDetail, error) {
	var d upstream.BounceDetail
	err := s.read(ctx, "get a bounce", func(r *reader) error {
		rows, err := load(ctx, r.conn, kinds[upstream.Bounces], 1,
			"r.id >= ? and r.id < ? and r.email_id = ? and r.user_id = ? and r.sender_id = ?",
			firstID(k.BounceTime), firstID(k.BounceTime+1), k.EmailID, int64(k.UserID), int64(k.SenderID))
		if err != nil {
			return err
		}
		if len(rows) == 0 || only != nil && !slices.Contains(only, k.UserID) {
			return &upstream.Error{Code: upstream.NotFound, Message: fmt.Sprintf(
				"there is no bounce of user %d, sender %d, time %d and email %q",
				k.UserID, k.SenderID, k.BounceTime, k.EmailID)}
		}
		d = rows[0].bounceDetail()
		return nil
	})
	return d, err
}

// load reads rows in list order, at most limit, or all if that is negative. Where is a condition on the event table as
// r.
func load(ctx context.Context, c *conn, k *kind, limit int, where string, args ...any) (rows []row, err error) {
	err = c.each(ctx, func(v []driver.Value) error {
		var x row
		err := x.read(k, v)
		rows = append(rows, x)
		return err
	}, "select "+k.listed+k.details+" from "+k.table+" r left join domain d on d.id = r.domain_id"+k.apart+
		" where "+where+" order by r.id limit "+strconv.Itoa(limit), args...)
	return rows, err
}
