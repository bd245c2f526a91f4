package clickhouse

import (
	"context"
	"fmt"
	"strings"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

func join(list []string) string { return strings.Join(list, ", ") }

// named identifies an account, or a sender of a user, in the memory of their numbers.
type named struct {
	user upstream.ID
	name string
}

// remembered returns a number that never changes, from memory if it was given before.
func (s *Store) remembered(
	ctx context.Context, what string, of any, give func(context.Context) (upstream.ID, error),
) (upstream.ID, error) {
	if id, ok := s.numbers.Load(of); ok && ctx.Err() == nil {
		return id.(upstream.ID), nil
	}
	var id upstream.ID
	err := s.inTurn(repeatable(ctx), what, func(ctx context.Context) (err error) {
		id, err = give(ctx)
		return err
	})
	if err == nil {
		s.numbers.Store(of, id)
	}
	return id, err
}

// UserID returns the number of an account: see [store.Writer].
func (s *Store) UserID(ctx context.Context, account string) (upstream.ID, error) {
	return s.remembered(ctx, "number an account", account, func(ctx context.Context) (upstream.ID, error) {
		ids, err := s.ids(ctx, "select user_id from account final where name = "+quote(account))
		if err != nil || len(ids) > 0 {
			return append(ids, 0)[0], err
		}
		id, err := s.free(ctx, "user_id", "select user_id from sender final", "select user_id from account final")
		if err == nil {
			err = s.conn.Exec(ctx, fmt.Sprintf("insert into account (name, user_id) select %s, toInt64(%d)", quote(account), id))
		}
		return id, err
	})
}

// ReserveUser reserves the number of a user: see [store.Writer].
func (s *Store) ReserveUser(ctx context.Context, id upstream.ID) (account string, err error) {
	reserved := store.ReservedName(id)
	err = s.inTurn(repeatable(ctx), "reserve the number of a user", func(ctx context.Context) error {
		others, err := s.texts(ctx, "select name from account final where user_id = "+number(id)+" and name != "+
			quote(reserved)+" order by name limit 1")
		if err != nil || len(others) > 0 {
			account = join(others)
			return err
		}
		return s.conn.Exec(ctx, fmt.Sprintf("insert into account (name, user_id) select %s, toInt64(%d)",
			quote(reserved), id))
	})
	return account, err
}

// SenderID returns the number of a user's sender: see [store.Writer].
func (s *Store) SenderID(ctx context.Context, user upstream.ID, address string) (upstream.ID, error) {
	address = upstream.LowerAddress(address)
	return s.remembered(ctx, "number a sender", named{user, address}, func(ctx context.Context) (upstream.ID, error) {
		ids, err := s.ids(ctx, "select id from sender final where address = "+quote(address)+" and user_id = "+
			number(user)+" order by id limit 1")
		if err != nil || len(ids) > 0 {
			return append(ids, 0)[0], err
		}
		id, err := s.free(ctx, "sender_id", "select id from sender final")
		if err != nil {
			return 0, err
		}
		w := &writer{Store: s}
		if err := w.senders(ctx, []store.Sender{{UserID: user, SenderID: id, Address: address}}); err != nil {
			return 0, err
		}
		return id, w.flush(ctx, nil)
	})
}

func (s *Store) ids(ctx context.Context, query string) (all []upstream.ID, err error) {
	var id int64
	err = s.each(ctx, query, []any{&id}, func() { all = append(all, upstream.ID(id)) })
	return all, err
}

// free returns the first positive number that no event has in a column of hourly, nor any of the other queries'
// answers.
func (s *Store) free(ctx context.Context, column string, others ...string) (upstream.ID, error) {
	used := map[upstream.ID]bool{}
	use := func(query string) error {
		ids, err := s.ids(ctx, query)
		for _, id := range ids {
			used[id] = true
		}
		return err
	}
	for _, query := range others {
		if err := use(query); err != nil {
			return 0, err
		}
	}
	for _, k := range kinds {
		if err := s.hourly(ctx, k, clip(ever), filter{}, func(from string) error {
			return use("select distinct " + column + " from " + from + " where total > 0")
		}); err != nil {
			return 0, err
		}
	}
	id := upstream.ID(1)
	for used[id] {
		id++
	}
	return id, nil
}

// State returns what batches have stored: see [store.Writer].
func (s *Store) State(ctx context.Context, prefix string) (state map[string]string, err error) {
	err = s.read(ctx, "read the state of imports", func(ctx context.Context) (err error) {
		state, err = s.state(ctx, prefix)
		return err
	})
	return state, err
}

func (s *Store) state(ctx context.Context, prefix string) (map[string]string, error) {
	state := map[string]string{}
	var key, value string
	err := s.each(ctx, "select key, value from import_state final where value != '' and substring(key, 1, "+
		number(len(prefix))+") = "+quote(prefix), []any{&key, &value}, func() { state[key] = value })
	return state, err
}

// require fails with [store.ErrChanged] if the state differs from what is given.
func (s *Store) require(ctx context.Context, given map[string]string) error {
	if len(given) == 0 {
		return nil
	}
	kept, err := s.state(ctx, "")
	for key, value := range given {
		if err == nil && kept[key] != value {
			err = store.ErrChanged
		}
	}
	return err
}

// keep writes the state of an import. An empty value removes its key.
func (s *Store) keep(ctx context.Context, state map[string]string) error {
	type entry struct{ key, value string }
	var all []entry
	for key, value := range state {
		all = append(all, entry{key, value})
	}
	if len(all) == 0 {
		return nil
	}
	// The clock of another process may be ahead.
	last, err := first[uint64](ctx, s, "select max(version) from import_state")
	if err != nil {
		return err
	}
	return insert(ctx, s, "import_state (key, value, version)", all, func(e *entry) []any {
		return []any{e.key, e.value, s.next(last)}
	})
}
