package clickhouse_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/embedded/store/clickhouse"
	"deliverygraph/upstream/embedded/store/storetest"
)

func email(local string, n int, at upstream.Time) upstream.Email {
	return upstream.Email{UserID: 1, SenderID: 2, EmailID: fmt.Sprint("m", n), EmailAddress: local + "@example.com",
		Local: local, Domain: "example.com", ProcessTime: at, Delivered: true}
}

func do(t *testing.T, tables driver.Conn, query string) {
	t.Helper()
	if err := tables.Exec(t.Context(), query); err != nil {
		t.Fatal(err)
	}
}

func number(t *testing.T, tables driver.Conn, query string) (n uint64) {
	t.Helper()
	if err := tables.QueryRow(t.Context(), query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestRecipientsOfManyEventsArePagedCompletely(t *testing.T) {
	s, _ := openWithTables(t)
	var b store.Batch
	o := &storetest.Model{}
	for n := range 1700 { // two at each time
		b.Emails = append(b.Emails, email([]string{"a", "b"}[n%3%2], n, upstream.Time(1e9+n/2*1000)))
	}
	storetest.WriteBoth(t, s, o, b)
	for _, local := range []string{"a", "b", "c"} {
		for offset := 0; offset <= len(b.Emails); offset += upstream.PageSize {
			q := upstream.ListQuery{Window: storetest.Ever, Recipient: local + "@EXAMPLE.com", Offset: offset}
			storetest.Same(t, s, o, nil, q.Question(upstream.Emails))
		}
	}
}

func TestEraseClearsTheIndexOfRecipients(t *testing.T) {
	s, tables := openWithTables(t)
	storetest.Write(t, s, store.Batch{Emails: []upstream.Email{
		email("Gone", 1, 100), email("gone", 2, 100), email("gone", 3, 200), email("stays", 4, 100),
	}})
	if n := number(t, tables, "select count() from recipient"); n != 4 {
		t.Fatalf("the index has %d entries, want 4", n)
	}
	storetest.Must[store.Erased](t)(s.Erase(t.Context(), "gone@example.com", false))
	if n := number(t, tables, "select count() from recipient"); n != 1 {
		t.Errorf("the index has %d entries after Erase, want 1", n)
	}
	storetest.Sound(t, s)
}

func TestReclassifyEndsItsTurnSoThatOthersWrite(t *testing.T) {
	s, tables := openWithTables(t)
	const many = 1001 // more than are read at a time
	var b store.Batch
	for n := range many {
		b.Bounces = append(b.Bounces, upstream.BounceDetail{Bounce: upstream.Bounce{EmailID: fmt.Sprint(n),
			BounceTime: upstream.Time(1000 + n)}})
	}
	storetest.Write(t, s, b)
	turns, seen := map[uint64]bool{}, 0
	changed, err := s.Reclassify(t.Context(), false, func(upstream.BounceDetail) store.Class {
		if seen++; seen == 1 || seen == many {
			turns[number(t, tables, "select max(version) from turn")] = true
		}
		return store.Class{Type: upstream.Hard}
	})
	if err != nil || changed != many || len(turns) != 2 {
		t.Errorf("it changes %d bounces in %d turns, %v, want %d in more than one", changed, len(turns), err, many)
	}
	storetest.Sound(t, s)
}

func TestCheckFindsRowsWithTheContentOfAnotherMessage(t *testing.T) {
	s, tables := openWithTables(t)
	storetest.Write(t, s, store.Batch{Emails: []upstream.Email{email("größe", 1, 100), email("other", 2, 200)}})
	storetest.Sound(t, s)
	do(t, tables, "insert into email (time, id, version, email_id, local, domain) "+
		"select time, id, version + 1, 'other', local, domain from email where time = 100")
	problems := storetest.Must[store.Problems](t)(s.Check(t.Context()))
	if len(problems) != 1 || !strings.Contains(problems[0], "email of time 100") {
		t.Errorf("it finds %q", problems)
	}
}

// observed is a context that calls a function when it is looked at.
type observed struct {
	context.Context
	look func()
}

func (c observed) Err() error {
	c.look()
	return c.Context.Err()
}

func TestEraseLetsOthersWriteWhileItMerges(t *testing.T) {
	s, tables := openWithTables(t)
	storetest.Write(t, s, store.Batch{Emails: []upstream.Email{email("gone", 1, 100), email("stays", 2, 100)}})
	free := false // the rows are gone, something remains to be merged, and it is no one's turn
	ctx := observed{t.Context(), func() {
		free = free || number(t, tables, "select toUInt64((select count() from email where local = 'gone') = 0 and "+
			"(select count() from import_state final where startsWith(key, '"+store.Remains+"') and value != '') = 1 "+
			"and (select count() from turn final where until > toUInt64(now()) * 1000) = 0)") == 1
	}}
	if n, err := s.Erase(ctx, "gone@example.com", false); err != nil || n.Emails != 1 {
		t.Fatalf("it gives %+v, %v", n, err)
	}
	if !free {
		t.Error("others could not write before all was merged")
	}
	if i := storetest.Must[store.Info](t)(s.Info(t.Context())); i.Remains {
		t.Errorf("the store is said to have remains: %+v", i)
	}
}

func TestEraseLooksForTheAddressBeforeItsTurn(t *testing.T) {
	s, tables := openWithTables(t)
	storetest.Write(t, s, store.Batch{Emails: []upstream.Email{email("gone", 1, 100), email("stays", 2, 100)}})
	looks := 0
	ctx := observed{t.Context(), func() {
		if looks++; looks == 2 { // it has looked
			if n := number(t, tables, "select count() from turn"); n != 0 {
				t.Errorf("the table of turns has %d rows, want none yet", n)
			}
			writing, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			b := store.Batch{Emails: []upstream.Email{email("gone", 3, 200)}}
			storetest.Must[store.Written](t)(s.Write(writing, b))
		}
	}}
	if n, err := s.Erase(ctx, "gone@example.com", false); err != nil || n.Emails != 2 {
		t.Errorf("it gives %+v, %v", n, err)
	}
	if n := number(t, tables, "select count() from email"); n != 1 {
		t.Errorf("%d emails are left, want 1", n)
	}
	storetest.Sound(t, s)
}

func TestPruneLetsOthersWriteWhileItRemovesRows(t *testing.T) {
	s, tables := openWithTables(t)
	storetest.Write(t, s, store.Batch{Emails: []upstream.Email{email("r", 1, 100), email("r", 2, 200)},
		State: map[string]string{store.UnfinishedPrefix + "a": "{}"}})
	free := false // the rows are gone, Prune has not looked at the state, and it is no one's turn
	ctx := observed{t.Context(), func() {
		free = free || number(t, tables, "select toUInt64((select count() from email where time = 100) = 0 and "+
			"(select count() from import_state final where key = 'queue/a' and value != '') = 1 and "+
			"(select count() from turn final where until > toUInt64(now()) * 1000) = 0)") == 1
	}}
	if n, err := s.Prune(ctx, 200, false); err != nil || n.Emails != 1 {
		t.Fatalf("it gives %+v, %v", n, err)
	}
	if !free {
		t.Error("others could not write before the rows were removed")
	}
	state := storetest.Must[map[string]string](t)(s.State(t.Context(), ""))
	if state[store.UnfinishedPrefix+"a"] != "" {
		t.Errorf("an old unfinished message is left: %v", state)
	}
}

func TestPruneRemovesOldEventsThatAreWrittenMeanwhile(t *testing.T) {
	s, tables := openWithTables(t)
	storetest.Write(t, s, store.Batch{Emails: []upstream.Email{email("r", 1, 100), email("r", 2, 200)}})
	written := false
	ctx := observed{t.Context(), func() {
		if !written && number(t, tables, "select count() from email where time = 100") == 0 {
			written = true // a write that had added its entries to the indexes before
			do(t, tables, "insert into email (time, id, version, user_id, sender_id) "+
				"select toInt64(101), toUInt64(1), toUInt64(1), toInt64(1), toInt64(2)")
		}
	}}
	if n, err := s.Prune(ctx, 200, false); err != nil || n.Emails != 1 || !written {
		t.Fatalf("it gives %+v, %v, while an email was written: %v", n, err, written)
	}
	if n := number(t, tables, "select count() from email"); n != 1 {
		t.Errorf("%d emails are left, want 1", n)
	}
	storetest.Sound(t, s)
}

// A write adds its entries to the indexes before its events.
func TestPruneWaitsForWritesInProgress(t *testing.T) {
	s, tables := openWithTables(t)
	storetest.Write(t, s, store.Batch{Emails: []upstream.Email{email("r", 1, 100), email("r", 2, 20000)}})
	mark := func(opened, closed int) {
		do(t, tables, fmt.Sprintf("insert into mark select toUInt8(0), toInt64(0), toUnixTimestamp(now()) / 600, "+
			"toInt64(%d), toInt64(%d)", opened, closed))
	}
	mark(1, 0) // another process writes
	ended := make(chan error, 1)
	go func() {
		_, err := s.Prune(t.Context(), 10000, false)
		ended <- err
	}()
	for number(t, tables, "select count() from recipient") > 1 { // it has not removed the entry of the first email
		if len(ended) > 0 {
			t.Fatalf("it ended with %v", <-ended)
		}
	}
	for range 20 { // within which it would end
		if number(t, tables, "select count() from turn final where ticket > 0") > 0 || len(ended) > 0 {
			t.Error("it does not wait")
			break
		}
	}
	do(t, tables, "insert into email (time, id, version, user_id, sender_id) "+
		"select toInt64(101), toUInt64(1), toUInt64(1), toInt64(1), toInt64(2)")
	mark(0, 1)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if n := number(t, tables, "select count() from email"); n != 1 {
		t.Errorf("%d emails are left, want 1", n)
	}
	storetest.Sound(t, s)
}

func TestPruneDropsWholeMonths(t *testing.T) {
	s, tables := openWithTables(t)
	const month, bound = 31 * 86400, 1772323200 // the first of a month
	var b store.Batch
	for n := range 6 {
		b.Emails = append(b.Emails, email("r", n, bound+upstream.Time(n-3)*month+1000))
	}
	storetest.Write(t, s, b)
	n := storetest.Must[store.Removed](t)(s.Prune(t.Context(), bound+2000, false))
	if n.Emails != 4 {
		t.Errorf("Prune removes %+v, want 4 emails", n)
	}
	for _, table := range []string{"email", "recipient"} {
		if n := number(t, tables, "select count() from "+table); n != 2 {
			t.Errorf("table %s has %d rows, want 2", table, n)
		}
		if n := number(t, tables, "select uniq(partition) from system.parts where database = currentDatabase() "+
			"and active and rows > 0 and table = '"+table+"'"); n != 2 {
			t.Errorf("table %s has %d months, want 2", table, n)
		}
	}
	storetest.Sound(t, s)
}

func TestPruneDeletesRemovedState(t *testing.T) {
	s, tables := openWithTables(t)
	do(t, tables, "insert into import_state select 'queue/a', '{}', toUInt64(1)")
	do(t, tables, "insert into import_state select 'queue/a', '', toUInt64(2)")
	storetest.Write(t, s, store.Batch{State: map[string]string{"queue/b": "", "follow/a": "5"}})
	for range 2 {
		storetest.Must[store.Removed](t)(s.Prune(t.Context(), 1000, false))
	}
	if n := number(t, tables, "select count() from import_state where key = 'queue/a'"); n != 0 {
		t.Errorf("a key that was removed long ago has %d rows, want none", n)
	}
	if n := number(t, tables, "select count() from import_state where key = 'queue/b' and value = ''"); n != 1 {
		t.Errorf("a key that was just removed has %d rows, want 1", n)
	}
	state := storetest.Must[map[string]string](t)(s.State(t.Context(), ""))
	if d := storetest.Diff(map[string]string{"follow/a": "5"}, state); d != "" {
		t.Error(d)
	}
}

func TestUpgradeIndexesRecipients(t *testing.T) {
	s, tables := openWithTables(t)
	odd := email("r", 5, 500)
	odd.EmailAddress = "other@example.org"
	storetest.Write(t, s, store.Batch{Emails: []upstream.Email{email("größe", 1, 100), email("r", 2, 100), odd}})
	do(t, tables, "drop table recipient")
	do(t, tables, "create table old as schema_version engine = ReplacingMergeTree order by version")
	do(t, tables, "insert into old select * from schema_version where version = 1")
	do(t, tables, "drop table schema_version")
	do(t, tables, "rename table old to schema_version")
	var database string
	if err := tables.QueryRow(t.Context(), "select currentDatabase()").Scan(&database); err != nil {
		t.Fatal(err)
	}
	address, _ := server(t)
	name := clickhouse.Scheme + address + "/" + database
	_, err := clickhouse.Open(t.Context(), name)
	if err == nil || !strings.Contains(err.Error(), "deliverygraph migrate") {
		t.Errorf("Open of old tables returns %v", err)
	}
	storetest.Must[int](t)(clickhouse.Migrate(t.Context(), name, ""))
	storetest.Sound(t, s)
	for _, address := range []string{"größe@example.com", "other@example.org", "r@example.com"} {
		q := upstream.ListQuery{Window: storetest.Ever, Recipient: address}
		if rows := storetest.Must[[]upstream.Email](t)(storetest.API(s).Emails(t.Context(), q)); len(rows) != 1 {
			t.Errorf("there are %d emails to %s, want one", len(rows), address)
		}
	}
}

func TestCountsIncludeEventsOfAWriteThatDied(t *testing.T) {
	s, tables := openWithTables(t)
	const hours, start = 5, 277777 * 3600
	var b store.Batch
	for n := range 2 * hours {
		b.Emails = append(b.Emails, email("r", n, upstream.Time(start+n*1800)))
	}
	storetest.Write(t, s, b)
	check := func(when string, want int64, valid uint64) {
		t.Helper()
		for range 2 {
			q := upstream.CountQuery{Window: storetest.Ever}
			counts := storetest.Must[[]upstream.Count](t)(storetest.API(s).Counts(t.Context(), upstream.Emails, q))
			if len(counts) != 1 || counts[0].Total != want {
				t.Errorf("%s the counts are %v, want %d of one sender", when, counts, want)
			}
		}
		n := number(t, tables, "select count() from "+
			"(select hour, sum(opened + closed) as stamp from mark group by hour) any inner join "+
			"(select hour, max(stamp) as stamp from tally group by hour) using hour, stamp")
		if n != valid {
			t.Errorf("%s the counts of %d hours are valid, want %d", when, n, valid)
		}
	}
	// begin begins a write that does not end, some days ago.
	begin := func(n, daysAgo int) {
		at := start + n*3600
		do(t, tables, fmt.Sprintf("insert into mark select toUInt8(0), toInt64(%d), "+
			"toUnixTimestamp(now()) / 600 - %d, toInt64(1), toInt64(0)", at, daysAgo*144))
		do(t, tables, fmt.Sprintf("insert into email (time, id, version, user_id, sender_id) "+
			"select toInt64(%d), toUInt64(1), toUInt64(1), toInt64(1), toInt64(2)", at+1))
	}
	check("at first", 2*hours, hours)
	begin(0, 0)
	check("during a write", 2*hours+1, hours-1)
	begin(1, 2)
	check("after a write that died two days ago", 2*hours+2, hours-1)
}

func TestListsBeginAtAnyOffsetOfAnyWindow(t *testing.T) {
	s, _ := openWithTables(t)
	const start = 277777 * 3600
	var b store.Batch
	o := &storetest.Model{}
	for n := range 40 * 60 {
		b.Emails = append(b.Emails, email("r", n, upstream.Time(start+n*60)))
	}
	storetest.WriteBoth(t, s, o, b)
	for _, offset := range []int{0, 345, 368, 380, 1000, 1798, 1810, 2200, math.MaxInt} {
		for _, q := range []upstream.ListQuery{{}, {Delivered: true}} {
			q.Window = upstream.Window{Start: start + 1800, End: start + 38*3600 + 600}
			q.Offset = offset
			storetest.Same(t, s, o, nil, q.Question(upstream.Emails))
		}
	}
}

func TestCountsOfManyScatteredHoursAreExact(t *testing.T) {
	s, tables := openWithTables(t)
	const start = 277777*3600 + 600
	var b store.Batch
	o := &storetest.Model{}
	for n := range 200 { // two in each other hour
		b.Emails = append(b.Emails, email("r", n, upstream.Time(start+n/2*7200+n%2*1800)))
	}
	storetest.WriteBoth(t, s, o, b)
	check := func() {
		t.Helper()
		q := upstream.CountQuery{Window: upstream.Window{Start: start + 1000, End: start + 99*7200 + 1000}}
		storetest.Same(t, s, o, nil, q.Question(upstream.Emails))
	}
	check()
	do(t, tables, "insert into mark select kind, hour, toUnixTimestamp(now()) / 600, toInt64(1), toInt64(0) from mark")
	check() // while all hours are written to
}
