package store

import (
	"bytes"
	"context"
	"encoding/gob"
	"slices"
	"strings"

	"deliverygraph/upstream"
)

type event struct {
	upstream.BounceDetail
	Time      upstream.Time
	Delivered bool
	Reason    string
	NilHeader bool
}

// Write adds the batch, all of it or nothing.
func (s *Store) Write(ctx context.Context, b Batch) (Written, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var w Written
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return Written{}, err
	}
	defer tx.Rollback() //nolint:errcheck // after Commit it is a no-op
	note := func(had, same bool) {
		switch {
		case !had:
			w.New++
		case same:
			w.Unchanged++
		default:
			w.Replaced++
		}
	}
	for _, x := range b.Senders {
		var u upstream.ID
		var a string
		had := tx.QueryRowContext(ctx, "select user_id, address from sender where sender_id = ?", x.SenderID).Scan(&u, &a) == nil
		note(had, u == x.UserID && a == x.Address)
		if _, err := tx.ExecContext(ctx, "insert or replace into sender values (?,?,?)", x.SenderID, x.UserID, x.Address); err != nil {
			return Written{}, err
		}
	}
	put := func(k upstream.Kind, e event) error {
		e.NilHeader = e.XHeaders == nil
		var buf bytes.Buffer
		if err := gob.NewEncoder(&buf).Encode(e); err != nil {
			return err
		}
		var old []byte
		key := []any{k, e.Time, []byte(e.EmailID), []byte(e.EmailAddress), e.UserID, e.SenderID}
		had := tx.QueryRowContext(ctx, "select data from event where kind=? and time=? and email_id=? and recipient=? and user_id=? and sender_id=?", key...).Scan(&old) == nil
		note(had, bytes.Equal(old, buf.Bytes()))
		_, err := tx.ExecContext(ctx, "insert or replace into event values (?,?,?,?,?,?,?)", append(key, buf.Bytes())...)
		return err
	}
	for _, x := range b.Emails {
		e := event{Time: x.ProcessTime, Delivered: x.Delivered}
		e.UserID, e.SenderID, e.EmailID, e.EmailAddress, e.Local, e.Domain, e.ProcessTime, e.XHeaders = x.UserID, x.SenderID, x.EmailID, x.EmailAddress, x.Local, x.Domain, x.ProcessTime, x.XHeaders
		if err := put(upstream.Emails, e); err != nil {
			return Written{}, err
		}
	}
	for _, x := range b.Bounces {
		if err := put(upstream.Bounces, event{Time: x.BounceTime, BounceDetail: x}); err != nil {
			return Written{}, err
		}
	}
	for _, x := range b.BlockedEmails {
		e := event{Time: x.ProcessTime, Reason: x.Reason}
		e.UserID, e.SenderID, e.EmailID, e.EmailAddress, e.Local, e.Domain, e.ProcessTime, e.PostbackTime, e.XHeaders = x.UserID, x.SenderID, x.EmailID, x.EmailAddress, x.Local, x.Domain, x.ProcessTime, x.PostbackTime, x.XHeaders
		if err := put(upstream.BlockedEmails, e); err != nil {
			return Written{}, err
		}
	}
	return w, tx.Commit()
}

func (s *Store) addresses(ctx context.Context) (map[upstream.ID]string, error) {
	rows, err := s.db.QueryContext(ctx, "select sender_id, address from sender")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	m := map[upstream.ID]string{}
	for rows.Next() {
		var id upstream.ID
		var a string
		if err := rows.Scan(&id, &a); err != nil {
			return nil, err
		}
		m[id] = a
	}
	return m, rows.Err()
}

func (s *Store) each(ctx context.Context, k upstream.Kind, only []upstream.ID, q upstream.ListQuery, f func(event) bool) error {
	addr, err := s.addresses(ctx)
	if err != nil {
		return err
	}
	rows, err := s.db.QueryContext(ctx, "select data from event where kind=? and time>=? and time<? order by time, email_id, recipient, user_id, sender_id", k, q.Window.Start, q.Window.End)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var data []byte
		if err := rows.Scan(&data); err != nil {
			return err
		}
		var e event
		if err := gob.NewDecoder(bytes.NewReader(data)).Decode(&e); err != nil {
			return err
		}
		if !e.NilHeader && e.XHeaders == nil {
			e.XHeaders = []upstream.Header{}
		}
		a, known := addr[e.SenderID]
		if only != nil && !slices.Contains(only, e.UserID) ||
			q.UserID != 0 && e.UserID != q.UserID || q.SenderID != 0 && e.SenderID != q.SenderID ||
			q.Sender != "" && (!known || a != q.Sender) ||
			q.Domain != "" && e.Domain != q.Domain || q.Local != "" && e.Local != q.Local ||
			q.Recipient != "" && e.EmailAddress != q.Recipient ||
			q.BounceType != "" && k == upstream.Bounces && e.Type != q.BounceType ||
			q.BounceCategory != "" && k == upstream.Bounces && e.Category != q.BounceCategory ||
			q.Delivered && k == upstream.Emails && !e.Delivered ||
			q.BlockedReason != "" && k == upstream.BlockedEmails && e.Reason != q.BlockedReason {
			continue
		}
		all := true
		for _, h := range q.XHeaders {
			all = all && slices.ContainsFunc(e.XHeaders, func(x upstream.Header) bool {
				return strings.EqualFold(x.Name, h.Name) && x.Value == h.Value
			})
		}
		if all && !f(e) {
			return nil
		}
	}
	return rows.Err()
}

func list[T any](ctx context.Context, s *Store, k upstream.Kind, only []upstream.ID, q upstream.ListQuery, row func(event) T) ([]T, error) {
	out := []T{}
	skip := q.Offset
	err := s.each(ctx, k, only, q, func(e event) bool {
		if skip > 0 {
			skip--
			return true
		}
		out = append(out, row(e))
		return len(out) < upstream.PageSize
	})
	return out, err
}

// Bounces lists bounces.
func (s *Store) Bounces(ctx context.Context, only []upstream.ID, q upstream.ListQuery) ([]upstream.Bounce, error) {
	return list(ctx, s, upstream.Bounces, only, q, func(e event) upstream.Bounce { return e.Bounce })
}

// Emails lists emails.
func (s *Store) Emails(ctx context.Context, only []upstream.ID, q upstream.ListQuery) ([]upstream.Email, error) {
	return list(ctx, s, upstream.Emails, only, q, func(e event) upstream.Email {
		return upstream.Email{UserID: e.UserID, SenderID: e.SenderID, EmailID: e.EmailID, EmailAddress: e.EmailAddress, Local: e.Local, Domain: e.Domain, ProcessTime: e.ProcessTime, Delivered: e.Delivered, XHeaders: e.XHeaders}
	})
}

// BlockedEmails lists blocked emails.
func (s *Store) BlockedEmails(ctx context.Context, only []upstream.ID, q upstream.ListQuery) ([]upstream.BlockedEmail, error) {
	return list(ctx, s, upstream.BlockedEmails, only, q, func(e event) upstream.BlockedEmail {
		return upstream.BlockedEmail{UserID: e.UserID, SenderID: e.SenderID, EmailID: e.EmailID, EmailAddress: e.EmailAddress, Local: e.Local, Domain: e.Domain, Reason: e.Reason, ProcessTime: e.ProcessTime, PostbackTime: e.PostbackTime, XHeaders: e.XHeaders}
	})
}

// Bounce finds one bounce in full.
func (s *Store) Bounce(ctx context.Context, only []upstream.ID, k upstream.BounceKey) (upstream.BounceDetail, error) {
	var found *upstream.BounceDetail
	err := s.each(ctx, upstream.Bounces, only, upstream.ListQuery{Window: upstream.Window{Start: k.BounceTime, End: k.BounceTime + 1}}, func(e event) bool {
		if e.Key() == k {
			found = &e.BounceDetail
		}
		return found == nil
	})
	if err == nil && found == nil {
		err = &upstream.Error{Code: upstream.NotFound, Message: "there is no such bounce"}
	}
	if err != nil {
		return upstream.BounceDetail{}, err
	}
	return *found, nil
}

// Series counts per hour or day.
func (s *Store) Series(ctx context.Context, only []upstream.ID, k upstream.Kind, q upstream.SeriesQuery) ([]upstream.Series, error) {
	all := map[upstream.ID]map[upstream.Time]upstream.Tally{}
	lq := upstream.ListQuery{Window: q.Window, UserID: q.UserID, SenderID: q.SenderID, BounceType: q.BounceType}
	err := s.each(ctx, k, only, lq, func(e event) bool {
		id := e.SenderID
		if q.Rollup == upstream.ByUser {
			id = e.UserID
		}
		t := upstream.Tally{Total: 1}
		switch {
		case k != upstream.Bounces:
		case e.Type == upstream.Hard:
			t.Hard = 1
		case e.Type == upstream.Soft:
			t.Soft = 1
		}
		m := all[id]
		if m == nil {
			m = map[upstream.Time]upstream.Tally{}
			all[id] = m
		}
		var at upstream.Time
		if q.Interval != 0 {
			at = q.Interval.Floor(e.Time)
		}
		m[at] = m[at].Add(t)
		return true
	})
	if err != nil {
		return nil, err
	}
	out := []upstream.Series{}
	for id, m := range all {
		x := upstream.Series{ID: id}
		for at, t := range m {
			x.Points = append(x.Points, upstream.Point{Start: at, Tally: t})
		}
		slices.SortFunc(x.Points, func(a, b upstream.Point) int { return int(a.Start - b.Start) })
		out = append(out, x)
	}
	slices.SortFunc(out, func(a, b upstream.Series) int { return int(a.ID - b.ID) })
	return out, nil
}

// Counts counts by sender or user.
func (s *Store) Counts(ctx context.Context, only []upstream.ID, k upstream.Kind, q upstream.CountQuery) ([]upstream.Count, error) {
	series, err := s.Series(ctx, only, k, upstream.SeriesQuery{CountQuery: q})
	if err != nil {
		return nil, err
	}
	addr, err := s.addresses(ctx)
	if err != nil {
		return nil, err
	}
	out := []upstream.Count{}
	for _, x := range series {
		c := upstream.Count{ID: x.ID, Tally: x.Points[0].Tally}
		if q.Rollup == upstream.BySender {
			c.Sender = addr[x.ID]
		}
		out = append(out, c)
	}
	return out, nil
}

// BounceCategories gives the document's categories and any other seen in the data.
func (s *Store) BounceCategories(ctx context.Context) ([]string, error) {
	return s.seen(ctx, upstream.Bounces, documentCategories, func(e event) string { return e.Category })
}

// BlockedReasons gives the document's reasons and any other seen in the data.
func (s *Store) BlockedReasons(ctx context.Context) ([]string, error) {
	return s.seen(ctx, upstream.BlockedEmails, documentReasons, func(e event) string { return e.Reason })
}

func (s *Store) seen(ctx context.Context, k upstream.Kind, known []string, of func(event) string) ([]string, error) {
	out := slices.Clone(known)
	err := s.each(ctx, k, nil, upstream.ListQuery{Window: upstream.Window{Start: -1 << 62, End: 1 << 62}}, func(e event) bool {
		if v := of(e); v != "" && !slices.Contains(out, v) {
			out = append(out, v)
		}
		return true
	})
	slices.Sort(out)
	return out, err
}

// Info says how much the store holds.
func (s *Store) Info(ctx context.Context) (Info, error) {
	var i Info
	if err := s.db.QueryRowContext(ctx, "select count(*) from sender").Scan(&i.Senders); err != nil {
		return i, err
	}
	for k, x := range map[upstream.Kind]*Extent{upstream.Emails: &i.Emails, upstream.Bounces: &i.Bounces, upstream.BlockedEmails: &i.BlockedEmails} {
		if err := s.db.QueryRowContext(ctx, "select count(*), coalesce(min(time),0), coalesce(max(time),0) from event where kind=?", k).Scan(&x.Rows, &x.First, &x.Last); err != nil {
			return i, err
		}
	}
	return i, nil
}

var documentCategories = []string{
	"bad-configuration", "bad-connection", "bad-domain", "bad-mailbox", "content-related", "inactive-mailbox",
	"invalid-sender", "message-expired", "no-answer-from-host", "other", "policy-related", "protocol-errors",
	"quota-issues", "relaying-issues", "routing-errors", "spam-related", "unclassified", "virus-related",
}

var documentReasons = []string{"complaint", "hardbounce", "manual", "softbounce", "unsubscribe"}
