package clickhouse

import (
	"context"
	"iter"
	"slices"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// Scan returns a kind's events with their details: see [store.Maintainer].
func (s *Store) Scan(ctx context.Context, of upstream.Kind, w upstream.Window) iter.Seq2[store.Event, error] {
	k := kinds[of]
	return func(yield func(store.Event, error) bool) {
		var parts []upstream.Window
		err := s.read(ctx, "read "+k.String(), func(ctx context.Context) (err error) {
			parts, err = s.parts(ctx, k, clip(w), k.most())
			return err
		})
		for _, part := range parts {
			var rows []row
			err = s.read(ctx, "read "+k.String(), func(ctx context.Context) (err error) {
				rows, err = s.rows(ctx, k, true, s.from(k)+" where "+within(part)+" and removed = 0"+listOrder)
				return err
			})
			if err != nil {
				break
			}
			for i := range rows {
				if !yield(rows[i].Event, nil) {
					return
				}
			}
		}
		if err != nil {
			yield(store.Event{}, err)
		}
	}
}

// most is the number of events that are read at a time with their details.
func (k *kind) most() uint64 {
	if k.Kind == upstream.Bounces {
		return 1000 // they may have whole messages
	}
	return 10_000
}

// parts returns the parts of a window that have events, in order of time. Each has at most that number of events, or
// more if all are of one second.
func (s *Store) parts(
	ctx context.Context, k *kind, w upstream.Window, most uint64,
) (parts []upstream.Window, err error) {
	sum := uint64(0) // in the last part
	add := func(start, end upstream.Time, n uint64) {
		if sum += n; len(parts) > 0 && sum <= most {
			parts[len(parts)-1].End = min(end, w.End)
			return
		}
		sum = n
		parts = append(parts, upstream.Window{Start: max(start, w.Start), End: min(end, w.End)})
	}
	hours, err := s.rowsBy(ctx, k, bucket(upstream.Hour), w)
	for _, h := range hours {
		end := h.time + hour
		if h.n <= most {
			add(h.time, end, h.n)
			continue
		}
		seconds, err := s.rowsBy(ctx, k, "time", upstream.Window{Start: max(h.time, w.Start), End: min(end, w.End)})
		if err != nil {
			return nil, err
		}
		start := h.time
		for i, x := range seconds {
			next := end
			if i+1 < len(seconds) {
				next = seconds[i+1].time
			}
			add(start, next, x.n)
			start = next
		}
	}
	return parts, err
}

// rowsAt is the number of rows, in all versions, at a time or in a part of time.
type rowsAt struct {
	time upstream.Time
	n    uint64
}

// rowsBy returns the numbers of rows by an expression of their time, in order.
func (s *Store) rowsBy(ctx context.Context, k *kind, by string, w upstream.Window) ([]rowsAt, error) {
	var x rowsAt
	return collect(ctx, "select "+by+" as start, count() from "+k.table+" where "+within(w)+
		" group by start order by start", &x, &x.time, &x.n)
}

// Senders returns all senders: see [store.Maintainer].
func (s *Store) Senders(ctx context.Context) (all []store.Sender, err error) {
	err = s.read(ctx, "list senders", func(ctx context.Context) error {
		var x store.Sender
		all, err = collect(ctx, "select user_id, id, address from sender final order by id",
			&x, &x.UserID, &x.SenderID, &x.Address)
		return err
	})
	return all, err
}

// Accounts returns all accounts: see [store.Maintainer].
func (s *Store) Accounts(ctx context.Context) (all []store.Account, err error) {
	err = s.read(ctx, "list accounts", func(ctx context.Context) error {
		all, err = s.accounts(ctx, "1")
		return err
	})
	return slices.DeleteFunc(all, func(a store.Account) bool { return a.Name == store.ReservedName(a.UserID) }), err
}

func (s *Store) accounts(ctx context.Context, where string) ([]store.Account, error) {
	var a store.Account
	return collect(ctx, "select name, user_id from account final where "+where+" order by name",
		&a, &a.Name, &a.UserID)
}
