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

// testScan writes bounces before those that Scan and Reclassify are reading, all of one second.
func testScan(t *testing.T, open Opener) {
	const many = 1300
	bounces := func(id string) (b store.Batch) {
		for i := range many {
			b.Add(upstream.Bounces, event(fmt.Sprintf("%s%04d", id, i), SampleStart))
		}
		return b
	}
	for name, read := range map[string]func(s store.Store, see func(id string)) error{
		"Scan": func(s store.Store, see func(string)) error {
			last := ""
			for e, err := range s.Scan(t.Context(), upstream.Bounces, Ever) {
				if err != nil {
					return err
				}
				if e.EmailID < last {
					return fmt.Errorf("%s comes after %s", e.EmailID, last)
				}
				last = e.EmailID
				see(last)
			}
			return nil
		},
		"Reclassify": func(s store.Store, see func(string)) error {
			_, err := s.Reclassify(t.Context(), true, func(b upstream.BounceDetail) store.Class {
				see(b.EmailID)
				return store.Class{}
			})
			return err
		},
	} {
		s := open(t, "")
		Write(t, s, bounces("b"))
		seen := map[string]bool{}
		err := read(s, func(id string) {
			if seen[id] {
				t.Errorf("%s reads %s twice", name, id)
			}
			seen[id] = true
			if len(seen) == 600 {
				Write(t, s, bounces("a"))
			}
		})
		if err != nil || len(seen) != many {
			t.Errorf("%s reads %d of %d bounces, %v", name, len(seen), many, err)
		}
	}
}
