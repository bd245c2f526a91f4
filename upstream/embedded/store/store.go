// Package store holds the events of the metrics API in time order over SQLite:
// import, list, find and count them.
//
// Start reading at [Open], then [Store.Write] and the calls that answer the
// nine endpoints.
package store

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"

	"deliverygraph/upstream"

	_ "modernc.org/sqlite" // the database driver
)

// Options say where a store lies and what it may use.
type Options struct {
	// Path is the store's file, made if it is absent. Empty means a private
	// store in a temporary file, removed at Close.
	Path string
	// CacheBytes bounds the memory kept for reading; 0 is 64 MiB.
	CacheBytes int64
	// ReadOnly opens an existing store and refuses Write.
	ReadOnly bool
}

// Store is a set of events. It is safe for concurrent use: reads go on while
// a Write is under way, and each read sees one moment of the store.
type Store struct {
	db   *sql.DB
	temp string
	mu   sync.Mutex
}

// Open opens the store at o.Path, or makes it.
func Open(ctx context.Context, o Options) (*Store, error) {
	s := &Store{}
	if o.Path == "" {
		dir, err := os.MkdirTemp("", "deliverygraph-*")
		if err != nil {
			return nil, err
		}
		s.temp, o.Path = dir, filepath.Join(dir, "store.db")
	}
	dsn := "file:" + (&url.URL{Path: o.Path}).EscapedPath() + "?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)"
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, err
	}
	s.db = db
	const schema = `
create table if not exists event (kind integer, time integer, email_id text, recipient text, user_id integer, sender_id integer, data blob,
	primary key (kind, time, email_id, recipient, user_id, sender_id)) without rowid;
create table if not exists sender (sender_id integer primary key, user_id integer, address text);`
	if _, err := db.ExecContext(ctx, schema); err != nil {
		_ = s.Close()
		return nil, fmt.Errorf("open store %s: %w", o.Path, err)
	}
	return s, nil
}

// Close ends the store's use; a private store is removed.
func (s *Store) Close() error {
	err := s.db.Close()
	if s.temp != "" {
		if rm := os.RemoveAll(s.temp); err == nil {
			err = rm
		}
	}
	return err
}

// Sender is an approved From address of a user.
type Sender struct {
	UserID   upstream.ID
	SenderID upstream.ID
	Address  string
}

// Batch is what one Write takes: any mix of rows, in any order.
type Batch struct {
	Senders       []Sender
	Emails        []upstream.Email
	Bounces       []upstream.BounceDetail
	BlockedEmails []upstream.BlockedEmail
}

// Written says what a Write did to the batch's rows, senders included.
type Written struct {
	New       int // rows that the store did not have
	Replaced  int // rows that the store had with other content
	Unchanged int // rows that the store had
}

// Info says how much a store holds.
type Info struct {
	Senders       int64
	Emails        Extent
	Bounces       Extent
	BlockedEmails Extent
}

// Extent is the number of rows of one kind, and the times of the first and the last.
type Extent struct {
	Rows        int64
	First, Last upstream.Time // 0 where there are no rows
}
