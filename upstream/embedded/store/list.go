package store

import (
	"context"
	"fmt"
	"slices"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store/internal/event"
)

// Emails lists at most [upstream.PageSize] emails of the window from q.Offset, by
// process time, oldest first, ties by email id, recipient, user and sender. Only
// names the users whose rows may be seen: nil is all, empty is none. All filters
// must hold; those that emails do not have are left aside. It is GET /emails.
func (s *Store) Emails(ctx context.Context, only []upstream.ID, q upstream.ListQuery) ([]upstream.Email, error) {
	return listRows(ctx, s, upstream.Emails, only, q, email)
}

// Bounces lists bounces by bounce time, else as Emails does: GET /bounces.
func (s *Store) Bounces(ctx context.Context, only []upstream.ID, q upstream.ListQuery) ([]upstream.Bounce, error) {
	return listRows(ctx, s, upstream.Bounces, only, q, bounce)
}

// BlockedEmails lists blocked emails as Emails does: GET /blocked-emails.
func (s *Store) BlockedEmails(ctx context.Context, only []upstream.ID, q upstream.ListQuery) ([]upstream.BlockedEmail, error) {
	return listRows(ctx, s, upstream.BlockedEmails, only, q, blockedEmail)
}

// Bounce gives one bounce in full, the first by recipient where an email bounced
// for several. A bounce that is not there, or not among only's, is a
// [upstream.NotFound] error. It is GET /bounce/….
func (s *Store) Bounce(ctx context.Context, only []upstream.ID, k upstream.BounceKey) (upstream.BounceDetail, error) {
	var d upstream.BounceDetail
	err := s.read(ctx, "get a bounce", func(r *reader) error {
		e, found, err := r.find(only, k)
		if err != nil {
			return err
		}
		if !found {
			return &upstream.Error{Code: upstream.NotFound, Message: fmt.Sprintf(
				"there is no bounce of user %d, sender %d, time %d and email %q", k.UserID, k.SenderID, k.BounceTime, k.EmailID)}
		}
		t, err := r.conn.texts(e.Detail)
		d = upstream.BounceDetail{Bounce: bounce(&e), DiagnosticCode: t.diagnostic, RuleName: t.rule, FullContent: t.content}
		return err
	})
	return d, err
}

// find finds the row that a bounce key names.
func (r *reader) find(only []upstream.ID, k upstream.BounceKey) (event.Event, bool, error) {
	from := startOf(k.BounceTime)
	from.EmailID = k.EmailID
	for _, ch := range overlapping(r.chunks[upstream.Bounces], upstream.Window{Start: k.BounceTime, End: k.BounceTime + 1}) {
		if ch.last.Compare(from) < 0 {
			continue
		}
		c, err := r.cursor(ch)
		if err != nil {
			return event.Event{}, false, err
		}
		n, err := c.before(from)
		for ; err == nil && n < ch.rows; n++ {
			var e event.Event
			if e, err = c.row(n); err != nil {
				break
			}
			if e.Time != k.BounceTime || e.EmailID != k.EmailID {
				return event.Event{}, false, nil
			}
			if e.User == k.UserID && e.Sender == k.SenderID && (only == nil || slices.Contains(only, e.User)) {
				return e, true, nil
			}
		}
		if err != nil {
			return event.Event{}, false, err
		}
	}
	return event.Event{}, false, nil
}

// listRows gives a page of a kind's list, each row made by row.
func listRows[R any](ctx context.Context, s *Store, k upstream.Kind, only []upstream.ID, q upstream.ListQuery, row func(*event.Event) R) ([]R, error) {
	rows := []R{}
	err := s.read(ctx, "list "+k.String(), func(r *reader) error {
		m := matcher{reader: r, filter: r.filter(k, only, &q)}
		if m.filter.none {
			return nil
		}
		skip := max(q.Offset, 0)
		var numbers []int
		var e event.Event // one for all rows: row gets it by address
		for _, ch := range overlapping(r.chunks[k], q.Window) {
			if err := ctx.Err(); err != nil {
				return err
			}
			lo, hi, err := r.within(ch, q.Window)
			if err != nil {
				return err
			}
			n, err := m.match(ch, lo, hi)
			if err != nil {
				return err
			}
			if skip >= n {
				skip -= n
				continue
			}
			numbers = m.rows(numbers[:0], skip, upstream.PageSize-len(rows))
			skip = 0
			c, err := r.cursor(ch)
			if err != nil {
				return err
			}
			rows = slices.Grow(rows, len(numbers))
			for _, n := range numbers {
				if e, err = c.row(n); err != nil {
					return err
				}
				rows = append(rows, row(&e))
			}
			if len(rows) == upstream.PageSize {
				break
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return rows, nil
}
