package storetest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// scan returns what Scan does, as rows.
func scan[R any](t TB, s store.Store, k upstream.Kind, w upstream.Window, of func(*store.Event) R) []R {
	t.Helper()
	all := []R{}
	for e, err := range s.Scan(context.Background(), k, w) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, of(&e))
	}
	return all
}

// sameScans compares all events of a window, and all senders, with those of the model.
func sameScans(t TB, s store.Store, o *Model, w upstream.Window) {
	t.Helper()
	q := upstream.ListQuery{Window: w}
	for _, d := range []string{
		Diff(list(o, o.emails, nil, q), scan(t, s, upstream.Emails, w, (*store.Event).Email)),
		Diff(list(o, o.bounces, nil, q), scan(t, s, upstream.Bounces, w, (*store.Event).BounceDetail)),
		Diff(list(o, o.blocked, nil, q), scan(t, s, upstream.BlockedEmails, w, (*store.Event).BlockedEmail)),
	} {
		if d != "" {
			t.Fatalf("scan of %v: %s", w, d)
		}
	}
	want := slices.SortedFunc(maps.Values(o.senders),
		func(a, b store.Sender) int { return cmp.Compare(a.SenderID, b.SenderID) })
	if d := Diff(want, Must[[]store.Sender](t)(s.Senders(context.Background()))); d != "" {
		t.Fatalf("senders: %s", d)
	}
}

// testScan writes events among those that a scan is reading, all of one second.
func testScan(t *testing.T, open Opener) {
	s := open(t, "")
	emails := func(of string) (b store.Batch) {
		for i := range 1300 {
			b.Emails = append(b.Emails, upstream.Email{
				UserID: 20, SenderID: 17, EmailID: fmt.Sprintf("%04d%s", i, of), ProcessTime: SampleStart,
				Local: "r", Domain: "example.com", EmailAddress: "r@example.com",
			})
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
