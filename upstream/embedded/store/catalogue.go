package store

import (
	"context"
	"maps"
	"slices"

	"deliverygraph/upstream"
)

// documentCodes are the codes that the document lists, whether or not a store has
// met them: of bounce categories and of blocked reasons, in its order, which is
// that of their letters.
var documentCodes = [...][]string{
	categories: {
		"bad-configuration", "bad-connection", "bad-domain", "bad-mailbox", "content-related", "inactive-mailbox",
		"invalid-sender", "message-expired", "no-answer-from-host", "other", "policy-related", "protocol-errors",
		"quota-issues", "relaying-issues", "routing-errors", "spam-related", "unclassified", "virus-related",
	},
	reasons: {"complaint", "hardbounce", "manual", "softbounce", "unsubscribe"},
}

// BounceCategories gives the document's bounce categories and any other that was
// ever written, sorted: GET /bounce/categories.
func (s *Store) BounceCategories(ctx context.Context) ([]string, error) {
	return s.codes(ctx, categories)
}

// BlockedReasons gives the document's reasons for blocking and any other that was
// ever written, sorted: GET /blocked-email/reasons.
func (s *Store) BlockedReasons(ctx context.Context) ([]string, error) {
	return s.codes(ctx, reasons)
}

func (s *Store) codes(ctx context.Context, kind int) ([]string, error) {
	var list []string
	err := s.read(ctx, "list codes", func(r *reader) error {
		list = slices.Sorted(maps.Keys(r.codes[kind]))
		return nil
	})
	if err != nil {
		return nil, err
	}
	list = append(list, documentCodes[kind]...)
	slices.Sort(list)
	return slices.Compact(list), nil
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

// Info says how much the store holds; it reads no rows.
func (s *Store) Info(ctx context.Context) (Info, error) {
	var i Info
	err := s.read(ctx, "count all rows", func(r *reader) error {
		i.Senders = len(r.senders.byID)
		for k, x := range map[upstream.Kind]*Extent{upstream.Emails: &i.Emails, upstream.Bounces: &i.Bounces, upstream.BlockedEmails: &i.BlockedEmails} {
			list := r.chunks[k]
			if len(list) == 0 {
				continue
			}
			x.First, x.Last = list[0].first.Time, list[len(list)-1].last.Time
			for _, c := range list {
				x.Rows += int64(c.rows)
			}
		}
		return nil
	})
	return i, err
}
