package storetest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"testing"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// sameScans compares all events of a window, and all senders, with those of the model.
func sameScans(t TB, s store.Store, o *Model, w upstream.Window) {
	t.Helper()
	var want, got [len(upstream.Kinds)][]store.Event
	o.rows.Events(func(k upstream.Kind, e store.Event) {
		if w.Contains(e.Time) {
			want[k] = append(want[k], e)
		}
	})
	for _, k := range upstream.Kinds {
		slices.SortFunc(want[k], func(a, b store.Event) int { return a.Compare(b.Identity) })
		for e, err := range s.Scan(context.Background(), k, w) {
			if err != nil {
				t.Fatal(err)
			}
			got[k] = append(got[k], e)
		}
	}
	if d := Diff(want, got); d != "" {
		t.Fatalf("scan of %v: %s", w, d)
	}
	senders := slices.SortedFunc(slices.Values(o.rows.Senders),
		func(a, b store.Sender) int { return cmp.Compare(a.SenderID, b.SenderID) })
	if d := Diff(senders, Must[[]store.Sender](t)(s.Senders(context.Background()))); d != "" {
		t.Fatalf("senders: %s", d)
	}
}

// testScan writes events among those that a scan is reading, all of one second.
func testScan(t *testing.T, open Opener) {
	s := open(t, "")
	emails := func(of string) (b store.Batch) {
		for i := range 1300 {
			b.Add(upstream.Emails, event(fmt.Sprintf("%04d%s", i, of), SampleStart))
		}
		return b
	}
	before := emails("b")
	Write(t, s, before)
	got, last := 0, ""
	for e, err := range s.Scan(t.Context(), upstream.Emails, Ever) {
		switch {
		case err != nil:
			t.Fatal(err)
		case e.EmailID <= last:
			t.Fatalf("%s comes after %s", e.EmailID, last)
		case e.EmailID[4] == 'b':
			got++
		}
		if last = e.EmailID; got == 600 {
			Write(t, s, emails("a"))
		}
	}
	if got != len(before.Emails) {
		t.Errorf("%d of %d emails", got, len(before.Emails))
	}
}
