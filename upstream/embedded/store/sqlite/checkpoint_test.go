package sqlite_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/embedded/store/sqlite"
	"deliverygraph/upstream/embedded/store/storetest"
)

// fileAlone opens a copy of a store's file, without the files beside it.
func fileAlone(t *testing.T, path string) *sqlite.Store {
	t.Helper()
	image, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	alone := filepath.Join(t.TempDir(), "copy.db")
	if err := os.WriteFile(alone, image, 0o600); err != nil {
		t.Fatal(err)
	}
	return open(t, alone)
}

func TestCheckpointCompletesTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.db")
	s := open(t, path)
	for b := range storetest.Batches(400, 100) {
		storetest.Write(t, s, b)
	}
	if err := s.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := storetest.Must[store.Info](t)(s.Info(t.Context()))
	if got := storetest.Must[store.Info](t)(fileAlone(t, path).Info(t.Context())); got.Emails != want.Emails ||
		got.Bounces != want.Bounces || got.Emails.Rows != 400 {
		t.Errorf("the copy of the file has %+v, the store %+v", got, want)
	}
	storetest.Write(t, s, store.Batch{Emails: []upstream.Email{{UserID: 20, ProcessTime: 5}}}) // as before
}

// reading reads the store until release, like another process.
func reading(t *testing.T, path string) (release func()) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var n int
	if err := tx.QueryRow("select count(*) from sqlite_schema").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := tx.Rollback(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCheckpointWaitsForReadersUntilItsContextEnds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.db")
	s := open(t, path)
	release := reading(t, path)
	storetest.Write(t, s, store.Batch{Emails: []upstream.Email{{UserID: 20, ProcessTime: 5}}})
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := s.Checkpoint(ctx); !errors.Is(err, store.ErrInUse) {
		t.Errorf("while another process reads it gives %v", err)
	}
	done := make(chan error)
	go func() { done <- s.Checkpoint(t.Context()) }()
	release()
	if err := <-done; err != nil {
		t.Errorf("after that it gives %v", err)
	}
	if got := storetest.Must[store.Info](t)(fileAlone(t, path).Info(t.Context())); got.Emails.Rows != 1 {
		t.Errorf("the copy of the file has %+v", got)
	}
}

func TestCheckpointFailsOnReadOnlyAndClosedStores(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.db")
	s := open(t, path)
	r := storetest.Must[*sqlite.Store](t)(sqlite.Open(t.Context(), sqlite.Options{Path: path, ReadOnly: true}))
	if err := r.Checkpoint(t.Context()); err == nil {
		t.Error("a store that is only read is written")
	}
	if err := errors.Join(r.Close(), s.Close()); err != nil {
		t.Fatal(err)
	}
	if err := s.Checkpoint(t.Context()); !errors.Is(err, store.ErrClosed) {
		t.Errorf("after Close it gives %v", err)
	}
}

// While there is always a transaction that reads, SQLite empties the -wal only if a writer waits for it.
func TestWALIsEmptiedThoughOthersAlwaysRead(t *testing.T) { // not parallel, as it changes all stores
	defer sqlite.SetMaxWAL(1 << 20)()
	path := filepath.Join(t.TempDir(), "events.db")
	s := open(t, path)
	stop, ended := make(chan struct{}), make(chan struct{})
	db := storetest.Must[*sql.DB](t)(sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(60000)"))
	defer db.Close()
	read := func() *sql.Tx {
		tx, err := db.BeginTx(context.Background(), nil)
		n := 0
		if err == nil {
			err = tx.QueryRow("select count(*) from sqlite_schema").Scan(&n)
		}
		if err != nil {
			t.Error(err)
		}
		return tx
	}
	last := read()
	go func() {
		defer close(ended)
		for !t.Failed() { // each begins before the one before it ends
			before := last
			last = read()
			if err := before.Rollback(); err != nil {
				t.Error(err)
			}
			select {
			case <-stop:
				return
			default:
			}
		}
	}()
	for n := range 20 {
		storetest.Write(t, s, store.Batch{Bounces: []upstream.BounceDetail{
			bounceFor(n, "someone", "example.com", strings.Repeat("x", 1<<20)),
		}})
	}
	st, err := os.Stat(path + "-wal")
	if err != nil || st.Size() > 8<<20 {
		t.Errorf("the -wal has %d bytes, %v", st.Size(), err)
	}
	close(stop)
	<-ended
	if err := last.Rollback(); err != nil {
		t.Error(err)
	}
}
