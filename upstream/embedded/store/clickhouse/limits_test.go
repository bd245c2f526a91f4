package clickhouse_test

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/embedded/store/clickhouse"
	"deliverygraph/upstream/embedded/store/storetest"
)

// openWithTables returns a new store, and a connection that sees its tables.
func openWithTables(t *testing.T) (*clickhouse.Store, driver.Conn) {
	t.Helper()
	address, cluster := server(t)
	if cluster != "" {
		t.Skip("the tables of a cluster have other names")
	}
	database := newDatabase(t)
	name := clickhouse.Scheme + address + "/" + database
	storetest.Must[int](t)(clickhouse.Migrate(t.Context(), name, ""))
	s := storetest.Must[*clickhouse.Store](t)(clickhouse.Open(t.Context(), name))
	tables, err := driver.Open(&driver.Options{
		Addr: strings.Split(address, ","), Auth: driver.Auth{Database: database},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(tables.Close(), s.Close()); err != nil {
			t.Error(err)
		}
	})
	return s, tables
}

// newDatabase returns the name of a database, which is dropped after the test.
func newDatabase(t *testing.T) string {
	t.Helper()
	address, cluster := server(t)
	database, onCluster := "test_"+strings.ToLower(rand.Text()), ""
	if cluster != "" {
		onCluster = " on cluster " + cluster
	}
	t.Cleanup(func() {
		admin, err := driver.Open(&driver.Options{Addr: strings.Split(address, ",")})
		if err == nil {
			err = admin.Exec(context.Background(), "drop database if exists "+database+onCluster)
			err = errors.Join(err, admin.Close())
		}
		if err != nil {
			t.Error(err)
		}
	})
	return database
}

func TestEraseDeletesRowsOfEventsThatMovedToAnotherTime(t *testing.T) {
	s, tables := openWithTables(t)
	for _, at := range []upstream.Time{100, 90} {
		storetest.Write(t, s, store.Batch{Merge: true, Emails: []upstream.Email{{
			UserID: 1, SenderID: 2, EmailID: "m", ProcessTime: at,
			EmailAddress: "gone@example.com", Local: "gone", Domain: "example.com",
		}}})
	}
	if n := storetest.Must[store.Erased](t)(s.Erase(t.Context(), "gone@example.com", false)); n.Rows() != 1 {
		t.Errorf("Erase returns %+v, want one email", n)
	}
	var left uint64
	if err := tables.QueryRow(t.Context(), "select count() from email where local = 'gone'").Scan(&left); err != nil {
		t.Fatal(err)
	}
	if left != 0 {
		t.Errorf("%d rows of the recipient are left", left)
	}
}

func TestEraseRemovesTheAddressFromVersionsThatWereReplaced(t *testing.T) {
	s, tables := openWithTables(t)
	merges := func(statement string) {
		for _, table := range []string{"email", "sender", "import_state"} {
			if err := tables.Exec(t.Context(), "system "+statement+" merges "+table); err != nil {
				t.Fatal(err)
			}
		}
	}
	merges("stop")
	email := upstream.Email{
		UserID: 1, SenderID: 2, EmailID: "m", EmailAddress: "a@example.com", Local: "a", Domain: "example.com",
		ProcessTime: 100,
	}
	unfinished := store.UnfinishedPrefix + "q"
	for _, header := range []string{"gone@example.com", ""} {
		email.XHeaders = []upstream.Header{{Name: "X-Copy", Value: header}}
		state := ""
		if header != "" {
			state = `[["` + header + `", 1]]`
		}
		storetest.Write(t, s, store.Batch{
			Emails: []upstream.Email{email},
			Senders: []store.Sender{{
				UserID: 1, SenderID: 2, Address: "bounce+gone=" + strings.TrimPrefix(header, "gone@") + "@example.net",
			}},
			State: map[string]string{unfinished: state},
		})
	}
	left := func() (n uint64) {
		for _, query := range []string{
			"select countIf(has(header_values, 'gone@example.com')) from email",
			"select countIf(position(address, 'gone=example.com') > 0) from sender",
			"select countIf(position(value, 'gone@example.com') > 0) from import_state",
		} {
			var some uint64
			if err := tables.QueryRow(t.Context(), query).Scan(&some); err != nil {
				t.Fatal(err)
			}
			n += some
		}
		return n
	}
	if n := left(); n != 3 {
		t.Fatalf("%d rows contain the address, want 3", n)
	}
	merges("start")
	storetest.Must[store.Erased](t)(s.Erase(t.Context(), "gone@example.com", false))
	if n := left(); n != 0 {
		t.Errorf("%d rows contain the address after Erase", n)
	}
}

// ClickHouse does not merge a part that a mutation should rewrite with later ones, but says that it has.
func TestEraseIsIncompleteUntilReplacedRowsAreMerged(t *testing.T) {
	s, tables := openWithTables(t)
	e := email("a", 1, 100)
	e.XHeaders = []upstream.Header{{Name: "X-Copy", Value: "gone@example.com"}}
	storetest.Write(t, s, store.Batch{Emails: []upstream.Email{e}})
	do(t, tables, "alter table email delete where toUInt8(email_id) = 1") // which fails
	if n, err := s.Erase(t.Context(), "gone@example.com", false); n.Edited != 1 || err == nil ||
		!strings.Contains(err.Error(), "has not yet merged all parts") {
		t.Errorf("Erase gives %+v, %v", n, err)
	}
	storetest.Must[store.Erased](t)(s.Erase(t.Context(), "another@example.com", false))
	if i := storetest.Must[store.Info](t)(s.Info(t.Context())); !i.Remains {
		t.Errorf("the store is said to have no remains: %+v", i)
	}
	do(t, tables, "alter table email drop partition 197001") // old servers cannot end mutations
	if n, err := s.Erase(t.Context(), "gone@example.com", false); n != (store.Erased{}) || err != nil {
		t.Errorf("the second Erase gives %+v, %v", n, err)
	}
	if i := storetest.Must[store.Info](t)(s.Info(t.Context())); i.Remains {
		t.Errorf("the store is said to have remains: %+v", i)
	}
}

func TestPruneEndsIfClickHouseDoesNotRemoveTheRows(t *testing.T) {
	s, tables := openWithTables(t)
	storetest.Write(t, s, storetest.Step(0))
	if err := tables.Exec(t.Context(), "system stop merges email"); err != nil {
		t.Fatal(err)
	}
	defer clickhouse.SetStalledLimit(10 * time.Millisecond)()
	last := storetest.Must[store.Info](t)(s.Info(t.Context())).Emails.Last
	_, err := s.Prune(t.Context(), last, false)
	if err == nil || !strings.Contains(err.Error(), "ClickHouse cannot remove rows of") {
		t.Errorf("Prune returns %v", err)
	}
	if err := tables.Exec(t.Context(), "system start merges email"); err != nil {
		t.Fatal(err)
	}
}

// The first import may have been interrupted when some rows were written, and caches read in between.
func TestCachesNoticeAnImportThatIsRepeated(t *testing.T) {
	s, _ := openWithTables(t)
	b := storetest.Step(0)
	storetest.Write(t, s, b)
	generation := func() int64 {
		last, _, err := s.Generation(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		return last
	}
	before := generation()
	if n := storetest.Write(t, s, b); n.New+n.Replaced != 0 {
		t.Errorf("the import writes %+v again", n)
	}
	if generation() == before {
		t.Error("no change is noticed")
	}
}

func TestStateIsReplacedThoughAnotherClockIsAhead(t *testing.T) {
	s, tables := openWithTables(t)
	err := tables.Exec(t.Context(), "insert into import_state (key, value, version) "+
		"select 'k', 'old', toUInt64(9000000000000000000)")
	if err != nil {
		t.Fatal(err)
	}
	storetest.Write(t, s, store.Batch{State: map[string]string{"k": "new"}})
	if state := storetest.Must[map[string]string](t)(s.State(t.Context(), "")); state["k"] != "new" {
		t.Errorf("the state is %v, want the new value", state)
	}
}

func TestWriteThatWaitsForAnotherEndsWithItsContext(t *testing.T) {
	s, _ := openWithTables(t)
	b := store.Batch{Bounces: []upstream.BounceDetail{{Bounce: upstream.Bounce{
		UserID: 1, SenderID: 2, EmailID: "m", EmailAddress: "a@example.com", Local: "a", Domain: "example.com",
		BounceTime: 100, ProcessTime: 100,
	}}}}
	storetest.Write(t, s, b)
	_, err := s.Reclassify(t.Context(), false, func(upstream.BounceDetail) store.Class {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		ended := make(chan error, 1)
		go func() {
			_, err := s.Write(ctx, b)
			ended <- err
		}()
		select {
		case err := <-ended:
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("the write returns %v", err)
			}
		case <-time.After(time.Minute):
			t.Error("the write does not end")
		}
		return store.Class{}
	})
	if err != nil {
		t.Error(err)
	}
}
