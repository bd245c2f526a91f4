package sqlite

import (
	"context"
	"database/sql/driver"
	"slices"
	"time"
)

// The documented codes, sorted.
var (
	documentCategories = []string{
		"bad-configuration", "bad-connection", "bad-domain", "bad-mailbox", "content-related", "inactive-mailbox",
		"invalid-sender", "message-expired", "no-answer-from-host", "other", "policy-related", "protocol-errors",
		"quota-issues", "relaying-issues", "routing-errors", "spam-related", "unclassified", "virus-related",
	}
	documentReasons = []string{"complaint", "hardbounce", "manual", "softbounce", "unsubscribe"}
)

// BounceCategories lists the bounce categories: see [store.Reader].
func (s *Store) BounceCategories(ctx context.Context) ([]string, error) {
	return s.codes(ctx, "bounce", "category", documentCategories)
}

// BlockedReasons lists the reasons for blocking: see [store.Reader].
func (s *Store) BlockedReasons(ctx context.Context) ([]string, error) {
	return s.codes(ctx, "blocked_email", "reason", documentReasons)
}

func (s *Store) codes(ctx context.Context, table, column string, documented []string) ([]string, error) {
	list := slices.Clone(documented)
	err := s.readIndexed(ctx, "list codes", func(r *reader) error {
		// The index leads from one code to the next, past the rows that share it.
		return r.conn.each(ctx, func(v []driver.Value) error {
			if code := text(v[0]); code != "" {
				list = append(list, code)
			}
			return nil
		}, "with recursive seen (c) as (select min("+column+") from "+table+" union all"+
			" select (select min("+column+") from "+table+" where "+column+" > c) from seen where c is not null)"+
			" select c from seen")
	})
	if err != nil {
		return nil, err
	}
	slices.Sort(list)
	return slices.Compact(list), nil
}

// Generation returns the numbers of the last change, and of the last one of old events: see [store.Store]. It is one
// statement, and so needs no transaction.
func (s *Store) Generation(ctx context.Context, age time.Duration) (last, old int64, err error) {
	c, err := s.reader(ctx)
	if err == nil {
		defer s.readers.put(c)
		err = c.each(context.Background(), func(v []driver.Value) error {
			last, old = integer(v[0]), integer(v[1])
			return nil
		}, "select ("+lastChange+"), ("+changeOf+")", int64(age/time.Second))
	}
	return last, old, s.explain(ctx, "look for changes: the store cannot be read", err)
}
