package sqlite

import (
	"context"
	"iter"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// Scan returns a kind's events with their details: see [store.Maintainer]. It reads pages, so that no transaction is
// open while the caller works.
func (s *Store) Scan(ctx context.Context, of upstream.Kind, w upstream.Window) iter.Seq2[store.Event, error] {
	const (
		most  = 500
		large = 4 << 20 // bytes after which a page ends early
	)
	k := kinds[of]
	return func(yield func(store.Event, error) bool) {
		where, args := in(w)
		for {
			var page []row
			more := false
			err := s.read(ctx, "read "+k.String(), func(r *reader) {
				bytes := 0
				for x := range r.events(k, most, where, args...) {
					page = append(page, x)
					bytes += len(x.FullContent)
					if more = bytes >= large || len(page) == most; more {
						break
					}
				}
			})
			if err != nil {
				yield(store.Event{}, err)
				return
			}
			for i := range page {
				if !yield(page[i].Event, nil) {
					return
				}
			}
			if !more {
				return
			}
			where, args = after(page[len(page)-1].Identity, w)
		}
	}
}

// in is the condition that rows are in a window.
func in(w upstream.Window) (where string, args []any) {
	return "r.id >= ? and r.id < ?", []any{firstID(w.Start), firstID(w.End)}
}

// after is the condition that rows are in a window after one that an earlier transaction has read. That row may have
// got another id meanwhile.
func after(last upstream.Identity, w upstream.Window) (where string, args []any) {
	where, args = in(upstream.Window{Start: last.Time, End: w.End})
	return where + " and (r.id >= ? or " +
			"(r.email_id, coalesce(r.address, r.local || '@' || d.name), r.user_id, r.sender_id) > (?, ?, ?, ?))",
		append(args, firstID(last.Time+1), last.EmailID, last.Recipient, int64(last.UserID), int64(last.SenderID))
}

// Senders returns all senders: see [store.Maintainer].
func (s *Store) Senders(ctx context.Context) (all []store.Sender, err error) {
	err = s.read(ctx, "list senders", func(r *reader) {
		for v := range r.Rows("select user_id, id, address from sender order by id") {
			all = append(all, store.Sender{
				UserID: upstream.ID(integer(v[0])), SenderID: upstream.ID(integer(v[1])), Address: text(v[2]),
			})
		}
	})
	return all, err
}

// Accounts returns all accounts: see [store.Maintainer].
func (s *Store) Accounts(ctx context.Context) (all []store.Account, err error) {
	err = s.read(ctx, "list accounts", func(r *reader) {
		for v := range r.Rows("select name, user_id from account order by name") {
			a := store.Account{Name: text(v[0]), UserID: upstream.ID(integer(v[1]))}
			if a.Name != store.ReservedName(a.UserID) {
				all = append(all, a)
			}
		}
	})
	return all, err
}
