package clickhouse

import (
	"context"
	"fmt"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// named is the key of a remembered number: an address of a user.
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
		known, err := s.accounts(ctx, "name = "+quote(account))
		if err != nil {
			return 0, err
		} else if len(known) > 0 {
			return known[0].UserID, nil
		}
		id, err := s.free(ctx, "user_id", "select user_id from sender final", "select user_id from account final")
		if err == nil {
			err = addAccount(ctx, store.Account{Name: account, UserID: id})
		}
		return id, err
	})
}

func addAccount(ctx context.Context, a store.Account) error {
	return on(ctx).Exec(ctx, fmt.Sprintf("insert into account (name, user_id) select %s, toInt64(%d)",
		quote(a.Name), a.UserID))
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
			if err := addAccount(ctx, a); err != nil {
				return err
			}
		}
	}
	return nil
}

// ReserveUser reserves the number of a user: see [store.Writer].
func (s *Store) ReserveUser(ctx context.Context, id upstream.ID) (account string, err error) {
	reserved := store.ReservedName(id)
	err = s.inTurn(repeatable(ctx), "reserve the number of a user", func(ctx context.Context) error {
		others, err := s.accounts(ctx, "user_id = "+number(id)+" and name != "+quote(reserved))
		if err != nil {
			return err
		} else if len(others) > 0 {
			account = others[0].Name
			return nil
		}
		return addAccount(ctx, store.Account{Name: reserved, UserID: id})
	})
	return account, err
}

// SenderID returns the number of a user's sender: see [store.Writer].
func (s *Store) SenderID(ctx context.Context, user upstream.ID, address string) (upstream.ID, error) {
	address = upstream.LowerAddress(address)
	return s.remembered(ctx, "number a sender", named{user, address}, func(ctx context.Context) (upstream.ID, error) {
		ids, err := values[upstream.ID](ctx, "select id from sender final where address = "+quote(address)+
			" and user_id = "+number(user)+" order by id limit 1")
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

// free returns the first positive number that no event has in a column of hourly, nor any of the other queries'
// answers.
func (s *Store) free(ctx context.Context, column string, others ...string) (upstream.ID, error) {
	used := map[upstream.ID]bool{}
	use := func(query string) error {
		ids, err := values[upstream.ID](ctx, query)
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
