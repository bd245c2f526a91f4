package sqlite

import (
	"context"
	"database/sql/driver"
	"fmt"
	"strings"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// UserID returns the number of an account: see [store.Writer].
func (s *Store) UserID(ctx context.Context, account string) (id upstream.ID, err error) {
	err = s.change(ctx, "number an account", func(w *writer) error {
		n, err := w.conn.number(ctx, "select user_id from account where name = ?", account)
		if err == nil && n == 0 {
			n, err = w.free(&w.lastUser, "user_id",
				"select 1 from sender where user_id = ?", "select 1 from account where user_id = ?")
			if err == nil {
				err = w.conn.exec("insert into account values (?, ?)", account, n)
			}
		}
		id = upstream.ID(n)
		return err
	})
	return id, err
}

// ReserveUser reserves the number of a user: see [store.Writer].
func (s *Store) ReserveUser(ctx context.Context, id upstream.ID) (account string, err error) {
	reserved := fmt.Sprintf("--user %d", id) // which no account is called
	err = s.change(ctx, "reserve the number of a user", func(w *writer) error {
		name := ""
		err := w.conn.each(ctx, func(v []driver.Value) error {
			name = text(v[0])
			return nil
		}, "select name from account where user_id = ?", int64(id))
		switch {
		case err != nil:
			return err
		case name == "":
			return w.conn.exec("insert or ignore into account values (?, ?)", reserved, int64(id))
		case name != reserved:
			account = name
		}
		return nil
	})
	return account, err
}

// SenderID returns the number of a user's sender: see [store.Writer].
func (s *Store) SenderID(ctx context.Context, user upstream.ID, address string) (id upstream.ID, err error) {
	address = upstream.LowerAddress(address)
	err = s.change(ctx, "number a sender", func(w *writer) error {
		n, err := w.conn.number(ctx, "select min(id) from sender where address = ? and user_id = ?", address,
			int64(user))
		if err == nil && n == 0 {
			n, err = w.free(&w.lastSender, "sender_id", "select 1 from sender where id = ?")
			if err == nil {
				err = w.senders([]store.Sender{{UserID: user, SenderID: upstream.ID(n), Address: address}})
			}
		}
		id = upstream.ID(n)
		return err
	})
	return id, err
}

// free returns the first number after *last that no event has in a column and no query finds. It becomes *last.
func (w *writer) free(last *int64, column string, queries ...string) (int64, error) {
	for _, k := range kinds {
		queries = append(queries, "select 1 from event_count where kind = '"+k.table+"' and "+column+" = ? limit 1")
	}
	for {
		*last++
		used := false
		for _, q := range queries {
			n, err := w.conn.number(w.ctx, q, *last)
			if err != nil {
				return 0, err
			}
			used = used || n != 0
		}
		if !used {
			return *last, nil
		}
	}
}

// State returns what batches have stored: see [store.Writer].
func (s *Store) State(ctx context.Context, prefix string) (map[string]string, error) {
	state := map[string]string{}
	err := s.read(ctx, "read the state of imports", func(r *reader) error {
		return r.conn.each(ctx, func(v []driver.Value) error {
			if key := text(v[0]); strings.HasPrefix(key, prefix) {
				state[key] = text(v[1])
			}
			return nil
		}, "select key, value from import_state where key >= ?", prefix)
	})
	return state, err
}

// keep writes the state of an import. An empty value removes its key.
func (w *writer) keep(state map[string]string) error {
	for key, value := range state {
		err := w.conn.exec("delete from import_state where key = ?", key)
		if err == nil && value != "" {
			err = w.conn.exec("insert into import_state values (?, ?)", key, value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
