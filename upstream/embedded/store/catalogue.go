package store

import (
	"context"
	"database/sql/driver"
	"slices"
	"time"

	"deliverygraph/upstream"
)

// The codes that the document lists, in its order, which is that of their letters.
var (
	documentCategories = []string{
		"bad-configuration", "bad-connection", "bad-domain", "bad-mailbox", "content-related", "inactive-mailbox",
		"invalid-sender", "message-expired", "no-answer-from-host", "other", "policy-related", "protocol-errors",
		"quota-issues", "relaying-issues", "routing-errors", "spam-related", "unclassified", "virus-related",
	}
	documentReasons = []string{"complaint", "hardbounce", "manual", "softbounce", "unsubscribe"}
)

// BounceCategories gives the document's bounce categories and any other that a bounce of
// the store has, sorted: GET /bounce/categories.
func (s *Store) BounceCategories(ctx context.Context) ([]string, error) {
	return s.codes(ctx, "bounce", "category", documentCategories)
}

// BlockedReasons gives the document's reasons for blocking and any other that a blocked
// email of the store has, sorted: GET /blocked-email/reasons.
func (s *Store) BlockedReasons(ctx context.Context) ([]string, error) {
	return s.codes(ctx, "blocked_email", "reason", documentReasons)
}

func (s *Store) codes(ctx context.Context, table, column string, documented []string) ([]string, error) {
	list := slices.Clone(documented)
	err := s.readIndexed(ctx, "list codes", func(r *reader) error {
		// From one code to the next by the index, past the rows that share it.
		return r.conn.each(ctx, func(v []driver.Value) error {
			if code := text(v[0]); code != "" {
				list = append(list, code)
			}
			return nil
		}, "with recursive met (c) as (select min("+column+") from "+table+
			" union all select (select min("+column+") from "+table+" where "+column+" > met.c) from met where met.c is not null) select c from met")
	})
	if err != nil {
		return nil, err
	}
	slices.Sort(list)
	return slices.Compact(list), nil
}

// Generation is the number of the last transaction that changed events which were at least
// so old then, or senders, or that removed events; 0 if there was none. What is kept of
// older events is right as long as it stays the same. Other processes' transactions count.
func (s *Store) Generation(ctx context.Context, age time.Duration) (n int64, err error) {
	err = s.read(ctx, "look for changes", func(r *reader) error {
		n, err = r.conn.number(ctx, "select max(generation) from change where age >= ?", int64(age/time.Second))
		return err
	})
	return n, err
}

// Info says how much a store holds.
type Info struct {
	Senders       int
	Emails        Extent
	Bounces       Extent
	BlockedEmails Extent
}

// Extent is how many rows of a kind there are, and the times of the first and the
// last, both 0 where there are none.
type Extent struct {
	Rows  int64
	First upstream.Time
	Last  upstream.Time
}

// Info says how much the store holds. It reads counts alone.
func (s *Store) Info(ctx context.Context) (Info, error) {
	var i Info
	err := s.read(ctx, "count all rows", func(r *reader) error {
		n, err := r.conn.number(ctx, "select count(*) from sender")
		i.Senders = int(n)
		for k, x := range map[upstream.Kind]*Extent{upstream.Emails: &i.Emails, upstream.Bounces: &i.Bounces, upstream.BlockedEmails: &i.BlockedEmails} {
			if err == nil {
				x.Rows, err = r.conn.number(ctx, "select sum(total) from event_count where kind = ?", kinds[k].table)
			}
			if err == nil && x.Rows > 0 {
				err = r.conn.each(ctx, func(v []driver.Value) error {
					x.First, x.Last = timeOf(integer(v[0])), timeOf(integer(v[1]))
					return nil
				}, "select (select min(id) from "+kinds[k].table+"), (select max(id) from "+kinds[k].table+")")
			}
		}
		return err
	})
	return i, err
}
