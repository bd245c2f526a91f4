package clickhouse

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// Scan returns a kind's events with their details: see [store.Maintainer].
func (s *Store) Scan(ctx context.Context, of upstream.Kind, w upstream.Window) iter.Seq2[store.Event, error] {
	k, most := kinds[of], 10_000
	if of == upstream.Bounces {
		most = 1000 // they may have whole messages
	}
	return func(yield func(store.Event, error) bool) {
		var parts []upstream.Window
		err := s.read(ctx, "read "+k.String(), func(ctx context.Context) (err error) {
			parts, err = s.parts(ctx, k, clip(w), most)
			return err
		})
		for _, part := range parts {
			var rows []row
			err = s.read(ctx, "read "+k.String(), func(ctx context.Context) (err error) {
				rows, err = s.rows(ctx, k, true, s.from(k)+" where time >= "+number(part.Start)+" and time < "+
					number(part.End)+" and removed = 0"+listOrder)
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

// parts returns the parts of a window that have events, in order of time, each with at most so many. More of them are
// in one part only if they have the same second.
func (s *Store) parts(ctx context.Context, k *kind, w upstream.Window, most int) (parts []upstream.Window, err error) {
	var at upstream.Time
	var n, sum uint64
	err = s.each(ctx, "select "+bucket(upstream.Hour)+" as hour, count() from "+k.table+" where time >= "+
		number(w.Start)+" and time < "+number(w.End)+" group by hour order by hour", []any{(*int64)(&at), &n}, func() {
		if sum += n; len(parts) > 0 && sum <= uint64(most) {
			parts[len(parts)-1].End = min(at+hour, w.End)
			return
		}
		sum = n
		step := max(1, hour/upstream.Time(1+(n-1)/uint64(most)))
		for start := at; start < at+hour; start += step {
			parts = append(parts, upstream.Window{Start: max(start, w.Start), End: min(start+step, at+hour, w.End)})
		}
	})
	return parts, err
}

// Senders returns all senders: see [store.Maintainer].
func (s *Store) Senders(ctx context.Context) (all []store.Sender, err error) {
	var user, id int64
	var address string
	err = s.read(ctx, "list senders", func(ctx context.Context) error {
		all = nil
		return s.each(ctx, "select user_id, id, address from sender final order by id", []any{&user, &id, &address}, func() {
			all = append(all, store.Sender{UserID: upstream.ID(user), SenderID: upstream.ID(id), Address: address})
		})
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

func (s *Store) accounts(ctx context.Context, where string) (all []store.Account, err error) {
	var a store.Account
	err = s.each(ctx, "select name, user_id from account final where "+where+" order by name",
		[]any{&a.Name, (*int64)(&a.UserID)}, func() { all = append(all, a) })
	return all, err
}

// addAccounts writes accounts with the numbers that they have in another store.
func (s *Store) addAccounts(ctx context.Context, all []store.Account) error {
	for _, a := range all {
		others, err := s.accounts(ctx, "name = "+quote(a.Name)+" or user_id = "+number(a.UserID))
		if err != nil {
			return err
		}
		for _, other := range others {
			if other != a {
				return a.ErrTaken(other)
			}
		}
		if len(others) == 0 {
			if err := s.conn.Exec(ctx, fmt.Sprintf("insert into account (name, user_id) select %s, toInt64(%d)",
				quote(a.Name), a.UserID)); err != nil {
				return err
			}
		}
	}
	return nil
}
