package sqlite

import (
	"context"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// UserID returns the number of an account: see [store.Writer].
func (s *Store) UserID(ctx context.Context, account string) (id upstream.ID, err error) {
	err = s.change(ctx, "number an account", func(w *writer) {
		n := w.Number("select user_id from account where name = ?", account)
		if n == 0 {
			n = w.free(&w.lastUser, "user_id", "sender where user_id", "account where user_id")
			w.Exec("insert into account values (?, ?)", account, n)
		}
		id = upstream.ID(n)
	})
	return id, err
}

// accounts writes accounts with the numbers that they have in another store.
func (w *writer) accounts(all []store.Account) {
	for _, a := range all {
		w.Exec("insert or ignore into account values (?, ?)", a.Name, int64(a.UserID))
		for v := range w.Rows("select name, user_id from account"+
			" where name = ?1 and user_id <> ?2 or user_id = ?2 and name <> ?1", a.Name, int64(a.UserID)) {
			w.Fail(a.ErrTaken(store.Account{Name: text(v[0]), UserID: upstream.ID(integer(v[1]))}))
		}
	}
}

// ReserveUser reserves the number of a user: see [store.Writer].
func (s *Store) ReserveUser(ctx context.Context, id upstream.ID) (account string, err error) {
	reserved := store.ReservedName(id)
	err = s.change(ctx, "reserve the number of a user", func(w *writer) {
		w.Exec("insert or ignore into account values (?, ?)", reserved, int64(id))
		for v := range w.Rows("select name from account where user_id = ? and name <> ?", int64(id), reserved) {
			account = text(v[0])
		}
	})
	return account, err
}

// SenderID returns the number of a user's sender: see [store.Writer].
func (s *Store) SenderID(ctx context.Context, user upstream.ID, address string) (id upstream.ID, err error) {
	address = upstream.LowerAddress(address)
	err = s.change(ctx, "number a sender", func(w *writer) {
		id = upstream.ID(w.Number("select min(id) from sender where address = ? and user_id = ?", address, int64(user)))
		if id == 0 {
			id = upstream.ID(w.free(&w.lastSender, "sender_id", "sender where id"))
			w.senders([]store.Sender{{UserID: user, SenderID: id, Address: address}})
		}
	})
	return id, err
}

// free returns the first number after *last that no event has in a column, nor any of the other columns. It becomes
// *last.
func (w *writer) free(last *int64, column string, others ...string) int64 {
	for _, k := range kinds {
		others = append(others, "event_count where kind = '"+k.table+"' and "+column)
	}
	query := "with recursive n(i) as (values (? + 1) union all select i + 1 from n) select i from n where true"
	for _, o := range others {
		query += " and not exists (select 1 from " + o + " = i)"
	}
	*last = w.Number(query+" limit 1", *last)
	return *last
}
