package clickhouse_test

import (
	"fmt"
	"testing"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/embedded/store/clickhouse"
	"deliverygraph/upstream/embedded/store/storetest"
)

// A write that changed the category of a bounce had read it before another process changed its type.
func TestCountsFollowWritesOfTwoProcesses(t *testing.T) {
	s, tables := openWithTables(t)
	var database string
	if err := tables.QueryRow(t.Context(), "select currentDatabase()").Scan(&database); err != nil {
		t.Fatal(err)
	}
	address, _ := server(t)
	other := storetest.Must[*clickhouse.Store](t)(
		clickhouse.Open(t.Context(), clickhouse.Scheme+address+"/"+database))
	defer other.Close()
	var b store.Batch
	for n := range 4 {
		b.Bounces = append(b.Bounces, upstream.BounceDetail{Bounce: upstream.Bounce{
			UserID: 1, SenderID: 2, EmailID: fmt.Sprint(n),
			EmailAddress: "r@example.com", Local: "r", Domain: "example.com",
			BounceTime: upstream.Time(1e9 + n*3600), ProcessTime: 1e9, Type: upstream.Hard, Category: "other",
		}})
	}
	storetest.Write(t, s, b)
	hard := func() int64 {
		t.Helper()
		q := upstream.CountQuery{Window: storetest.Ever}
		counts, err := storetest.API(other).Counts(t.Context(), upstream.Bounces, q)
		return storetest.Must[[]upstream.Count](t)(counts, err)[0].Hard
	}
	written := false
	_, err := s.Reclassify(t.Context(), false, func(d upstream.BounceDetail) store.Class {
		if !written {
			written = true
			for i := range b.Bounces {
				b.Bounces[i].Type = upstream.Soft
			}
			storetest.Write(t, other, b)
			if n := hard(); n != 0 {
				t.Errorf("%d bounces are hard, want none", n)
			}
		}
		return store.Class{Type: upstream.Hard, Category: "bad-mailbox", Rule: d.RuleName}
	})
	if n := hard(); err != nil || n != 4 {
		t.Errorf("then %d are hard, want 4; %v", n, err)
	}
}

// In a cluster, counts are kept some time after the end of the last write, not after its beginning.
func TestMarksSayWhenALongWriteEnded(t *testing.T) {
	s, tables := openWithTables(t)
	slot := int64(1e6)
	defer clickhouse.SetSlot(func() int64 { slot++; return slot })()
	storetest.Write(t, s, store.Batch{Emails: []upstream.Email{email("r", 1, 1000)}})
	n := number(t, tables, "select toUInt64(max(slot)) from mark")
	if open := number(t, tables, "select toUInt64(sum(opened - closed)) from mark"); n != 1e6+2 || open != 0 {
		t.Errorf("the last mark is of slot %d, want %d; %d writes are in progress", n, int(1e6+2), open)
	}
}

func TestNewNumbersAreThoseThatNoEventHas(t *testing.T) {
	s, _ := openWithTables(t)
	var b store.Batch
	for n := range 6 {
		e := email("r", n, upstream.Time(1e9+n*3600))
		e.UserID, e.SenderID = upstream.ID(1+n%3), upstream.ID(1+n)
		b.Emails = append(b.Emails, e)
	}
	storetest.Write(t, s, b)
	user := storetest.Must[upstream.ID](t)(s.UserID(t.Context(), "account"))
	sender := storetest.Must[upstream.ID](t)(s.SenderID(t.Context(), user, "sender@example.com"))
	if user != 4 || sender != 7 {
		t.Errorf("the numbers are %d and %d, want 4 and 7", user, sender)
	}
}

// Most emails of an hour are often sent within a minute.
func TestScanReadsFewEventsAtOnce(t *testing.T) {
	s, _ := openWithTables(t)
	const start, most, all = 277777 * 3600, 100, 3000
	var b store.Batch
	for n := range all {
		b.Emails = append(b.Emails, email("r", n, upstream.Time(start+1800+n/50)))
	}
	b.Emails = append(b.Emails, email("r", all, start+10*3600))
	storetest.Write(t, s, b)
	read := 0
	for _, part := range storetest.Must[[]upstream.Window](t)(s.Parts(t.Context(), most)) {
		n := 0
		for _, e := range b.Emails {
			if part.Contains(e.ProcessTime) {
				n++
			}
		}
		if n > most {
			t.Errorf("%d events are read at once, want at most %d", n, most)
		}
		read += n
	}
	if read != all+1 {
		t.Errorf("the parts have %d events, want %d", read, all+1)
	}
}

// Otherwise, what has been pruned would cost more with each prune.
func TestPruneMarksOnlyHoursWithEvents(t *testing.T) {
	s, tables := openWithTables(t)
	slot := int64(1e6)
	defer clickhouse.SetSlot(func() int64 { return slot })()
	const start = 277777 * 3600
	var b store.Batch
	for n := range 9 {
		b.Emails = append(b.Emails, email("r", n, upstream.Time(start+n*3600)))
	}
	storetest.Write(t, s, b)
	for n := range 3 {
		slot += 10
		at := upstream.Time(start + (n+1)*3*3600)
		if n := storetest.Must[store.Removed](t)(s.Prune(t.Context(), at, false)); n.Emails != 3 {
			t.Errorf("Prune removes %+v, want 3 emails", n)
		}
		marked := number(t, tables, fmt.Sprintf("select uniq(hour) from mark where slot = %d", slot))
		if marked != 3 {
			t.Errorf("Prune marks %d hours, want 3", marked)
		}
		counts := storetest.Must[[]upstream.Count](t)(storetest.API(s).Counts(t.Context(), upstream.Emails,
			upstream.CountQuery{Window: storetest.Ever}))
		if left := int64(6 - 3*n); left > 0 && (len(counts) != 1 || counts[0].Total != left) {
			t.Errorf("the counts are %v, want %d", counts, left)
		}
	}
}
