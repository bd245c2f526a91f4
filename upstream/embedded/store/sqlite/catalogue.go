package sqlite

import (
	"context"
	"database/sql/driver"
	"slices"
	"time"
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
