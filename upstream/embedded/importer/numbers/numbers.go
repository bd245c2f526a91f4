// Package numbers gives the accounts and senders of imported files their numbers: the user ids
// and sender ids of the API. They lie in the tables account and sender of the store's file, so
// that they are the same for all imports, whichever process runs them.
package numbers

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"deliverygraph/upstream"
)

// Numbers gives numbers. It is not safe for concurrent use.
type Numbers struct {
	db       *sql.DB
	reserved upstream.ID
}

// Open opens the file of a store that exists. No account gets the reserved number, or a lower
// one: it is the user of mail without an account.
func Open(path string, reserved upstream.ID) (*Numbers, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if path = filepath.ToSlash(path); !strings.HasPrefix(path, "/") {
		path = "/" + path // a drive letter
	}
	// Writers wait for imports, which end.
	q := url.Values{"mode": {"rw"}, "_pragma": {"busy_timeout(86400000)", "synchronous(normal)"}, "_txlock": {"immediate"}}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}).String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	return &Numbers{db, reserved}, nil
}

// Close ends the use of the file.
func (n *Numbers) Close() error { return n.db.Close() }

// User gives the number of an account.
func (n *Numbers) User(ctx context.Context, account string) (id upstream.ID, err error) {
	err = n.number(ctx, &id, "select user_id from account where name = ?", []any{account},
		`insert into account (name, user_id) values (?, 1 + max(?, coalesce((select max(user_id) from (
			select user_id from account union all select user_id from sender union all select user_id from event_count)), 0)))
		returning user_id`, []any{account, int64(n.reserved)})
	if err != nil {
		return 0, fmt.Errorf("number the account %q: %w", account, err)
	}
	return id, nil
}

// Sender gives the number of a user's sender. The address is empty for the user's mail whose
// sender is unknown.
func (n *Numbers) Sender(ctx context.Context, user upstream.ID, address string) (id upstream.ID, err error) {
	err = n.number(ctx, &id, "select min(id) from sender where address = ? and user_id = ? having min(id) > 0", []any{address, int64(user)},
		`insert into sender (id, user_id, address) values (1 + coalesce((select max(id) from (
			select id from sender union all select sender_id from event_count)), 0), ?, ?)
		returning id`, []any{int64(user), address})
	if err != nil {
		return 0, fmt.Errorf("number the sender %q: %w", address, err)
	}
	return id, nil
}

// number looks for a number, and makes one if there is none.
func (n *Numbers) number(ctx context.Context, id *upstream.ID, find string, by []any, insert string, values []any) error {
	err := n.db.QueryRowContext(ctx, find, by...).Scan(id)
	if !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	tx, err := n.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()                                                                     //nolint:errcheck // after Commit it does nothing
	if err = tx.QueryRowContext(ctx, find, by...).Scan(id); errors.Is(err, sql.ErrNoRows) { // another import may have been first
		err = tx.QueryRowContext(ctx, insert, values...).Scan(id)
	}
	if err != nil {
		return err
	}
	return tx.Commit()
}
