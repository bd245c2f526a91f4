package storetest

import (
	"context"
	"fmt"
	"testing"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// testPrune prunes more rows than one transaction may remove.
func testPrune(t *testing.T, open Opener) {
	ctx := context.Background()
	s := open(t, "")
	var b store.Batch
	for n := range 4300 {
		b.Add(upstream.Emails, event("", upstream.Time(n)))
	}
	Write(t, s, b)
	pruned := store.Removed{PerKind: upstream.PerKind[int64]{Emails: 4200}}
	if n := Must[store.Removed](t)(s.Prune(ctx, 4200, false)); n != pruned {
		t.Errorf("%+v are pruned", n)
	}
	if e := Must[store.Info](t)(s.Info(ctx)).Emails; e != (store.Extent{Rows: 100, First: 4200, Last: 4299}) {
		t.Errorf("there are %+v", e)
	}
	Sound(t, s)
}

// testErase edits many rows, which an implementation may not load all at once. All have the same local part in their
// diagnostics, and every tenth another domain.
func testErase(t *testing.T, open Opener) {
	s := open(t, "")
	var b store.Batch
	for n := range 1200 {
		e := event(fmt.Sprint(n), upstream.Time(n))
		if e.DiagnosticCode = "unknown: info@pots.example"; n%10 == 0 {
			e.DiagnosticCode = "unknown: info@example.com"
		}
		b.Add(upstream.Bounces, e)
	}
	Write(t, s, b)
	n := Must[store.Erased](t)(s.Erase(t.Context(), "info@pots.example", false))
	if n != (store.Erased{Edited: 1080}) {
		t.Errorf("it returns %+v", n)
	}
	Sound(t, s)
}

// testEraseInOneSecond edits the ids of many emails of one second, which changes their order among others.
func testEraseInOneSecond(t *testing.T, open Opener) {
	s := open(t, "")
	emails := func(id string) (b store.Batch) {
		for n := range 300 {
			b.Add(upstream.Emails, event(fmt.Sprintf("anna/%d", n), SampleStart))
			b.Add(upstream.Emails, event(fmt.Sprintf("%s/%d", id, n), SampleStart))
		}
		return b
	}
	Write(t, s, emails("anna@pots.example"))
	n := Must[store.Erased](t)(s.Erase(t.Context(), "anna@pots.example", false))
	if n != (store.Erased{Edited: 300}) {
		t.Errorf("it returns %+v", n)
	}
	want := &Model{}
	want.Write(emails("erased"))
	SameEmails(t, s, want)
	Sound(t, s)
}

func testReclassify(t *testing.T, open Opener) {
	ctx := context.Background()
	s := open(t, "")
	var b store.Batch
	const many = 1001 // of a second each, but for two
	for i := range many {
		e := event(fmt.Sprint(max(i, 1)), upstream.Time(1000+max(i, 1)))
		e.Local = fmt.Sprintf("u%d", i)
		e.Recipient = e.Local + "@example.com"
		e.Own = store.Own{Type: upstream.Soft, Category: "unclassified", DiagnosticCode: "d", FullContent: "c"}
		b.Add(upstream.Bounces, e)
	}
	Write(t, s, b)
	sort := func(d upstream.BounceDetail) store.Class {
		if d.DiagnosticCode != "d" || d.FullContent != "c" {
			t.Errorf("a bounce without its details: %+v", d)
		}
		return store.Class{Type: upstream.Hard, Category: "bad-mailbox", Rule: "r"}
	}
	for _, c := range []struct {
		dry           bool
		changed, hard int
	}{{true, many, 0}, {false, many, many}, {false, 0, many}, {true, 0, many}} {
		if n, err := s.Reclassify(ctx, c.dry, sort); err != nil || n != c.changed {
			t.Errorf("dry %v: %d of %d changed, %v", c.dry, n, many, err)
		}
		counts := Must[[]upstream.Count](t)(API(s).Counts(ctx, upstream.Bounces,
			upstream.CountQuery{Window: upstream.Window{End: 1e9}}))
		if len(counts) != 1 || int(counts[0].Hard) != c.hard || int(counts[0].Total) != many {
			t.Errorf("dry %v: the counts are %+v", c.dry, counts)
		}
	}
	Sound(t, s)
}
