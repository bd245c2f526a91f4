package sqlite

import (
	"context"
	"database/sql/driver"
	"fmt"
	"slices"
	"strconv"

	"deliverygraph/upstream"
)

// Emails lists emails: see [store.Reader].
func (s *Store) Emails(ctx context.Context, only []upstream.ID, q upstream.ListQuery) ([]upstream.Email, error) {
	return list(ctx, s, upstream.Emails, only, q, email)
}

// Bounces lists bounces: see [store.Reader].
func (s *Store) Bounces(ctx context.Context, only []upstream.ID, q upstream.ListQuery) ([]upstream.Bounce, error) {
	return list(ctx, s, upstream.Bounces, only, q, bounce)
}

// BlockedEmails lists blocked emails: see [store.Reader].
func (s *Store) BlockedEmails(
	ctx context.Context, only []upstream.ID, q upstream.ListQuery,
) ([]upstream.BlockedEmail, error) {
	return list(ctx, s, upstream.BlockedEmails, only, q, blockedEmail)
}

// list returns a page of a kind's list. Of makes its rows.
func list[R any](
	ctx context.Context, s *Store, k upstream.Kind, only []upstream.ID, q upstream.ListQuery, of func(*row) R,
) ([]R, error) {
	rows := []R{}
	err := s.readIndexed(ctx, "list "+k.String(), func(r *reader) error {
		l := &listing{reader: r, kind: kinds[k]}
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
			if err := l.kind.read(&x, v); err != nil {
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
		d = bounceDetail(&rows[0])
		return nil
	})
	return d, err
}

// load reads rows in list order, at most limit, or all if that is negative. Where is a condition on the event table as
// r.
func load(ctx context.Context, c *conn, k *kind, limit int, where string, args ...any) (rows []row, err error) {
	content, from := "null", k.table+" r"
	if k.Kind == upstream.Bounces {
		content, from = "c.content", "bounce r left join bounce_content c on c.id = r.id"
	}
	err = c.each(ctx, func(v []driver.Value) error {
		last := len(v) - 1
		var x row
		err := k.read(&x, v[:last])
		x.content = text(v[last])
		rows = append(rows, x)
		return err
	}, "select "+k.selection(len(k.columns))+", "+content+" from "+from+
		" left join domain d on d.id = r.domain_id where "+
		where+" order by r.id limit "+strconv.Itoa(limit), args...)
	return rows, err
}
