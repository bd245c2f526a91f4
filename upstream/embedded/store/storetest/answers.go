package storetest

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"

	"pgregory.net/rapid"
)

// same compares the answers of the store and the model to one question of each kind.
func same(t *rapid.T, s store.Store, o *Model, when *rapid.Generator[upstream.Time]) {
	ctx := context.Background()
	only := scopes(t)
	lq := listQueries(t, when, len(o.emails))
	equal := func(what string, want, got any) {
		t.Helper()
		if d := Diff(want, got); d != "" {
			t.Fatalf("%s, only %v:\n%+v\n%s", what, only, lq, d)
		}
	}
	sq := seriesQueries(t, when)
	for _, k := range upstream.Kinds {
		equal(k.String(), o.List(only, k, lq).Rows(), Must[upstream.Page](t)(s.List(ctx, only, k, lq)).Rows())
		if d := Diff(o.Series(only, k, sq), Must[[]upstream.Series](t)(s.Series(ctx, only, k, sq))); d != "" {
			t.Fatalf("series of %s, only %v:\n%+v\n%s", k, only, sq, d)
		}
		counts := Must[[]upstream.Count](t)(s.Counts(ctx, only, k, sq.Per(0)))
		if d := Diff(o.Counts(only, k, sq.Per(0)), counts); d != "" {
			t.Fatalf("counts of %s, only %v:\n%+v\n%s", k, only, sq, d)
		}
	}
	sameScans(t, s, o, window(t, when))
	key := upstream.BounceKey{UserID: 20, SenderID: 17, BounceTime: when.Draw(t, "bounce"), EmailID: "a"}
	if len(o.bounces) > 0 && rapid.Bool().Draw(t, "known") {
		key = rapid.SampledFrom(o.bounces).Draw(t, "bounce").Key()
	}
	want, found := o.Bounce(only, key)
	got, err := s.Bounce(ctx, only, key)
	switch {
	case !found && upstream.CodeOf(err) != upstream.NotFound:
		t.Fatalf("an unknown bounce gives %v", err)
	case found && err != nil:
		t.Fatal(err)
	case found:
		if d := Diff(want, got); d != "" {
			t.Fatal(d)
		}
	}
}

func testAnswers(t *testing.T, open Opener) {
	dir := t.TempDir()
	stores := 0
	rapid.Check(t, func(t *rapid.T) {
		stores++
		var path string // a private store, which cannot be opened again
		if rapid.IntRange(0, 3).Draw(t, "file") == 0 {
			path = filepath.Join(dir, fmt.Sprintf("store %d?#%%.db", stores)) // a name that a URL would trip over
		}
		s, o := open(t, path), &Model{}
		when := times(t)
		for range rapid.IntRange(1, 4).Draw(t, "writes") {
			b := batches(when, 30).Draw(t, "batch")
			if got, want := Write(t, s, b), o.Write(b); got != want {
				t.Fatalf("Write says %+v, want %+v", got, want)
			}
			if rapid.IntRange(0, 2).Draw(t, "prune") == 0 {
				prune(t, s, o, when.Draw(t, "before"))
			}
			for range 3 {
				same(t, s, o, when)
			}
			if path != "" {
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				s = open(t, path)
			}
		}
		again := Write(t, s, store.Batch{Emails: o.emails, Bounces: o.bounces, BlockedEmails: o.blocked})
		if want := (store.Written{Unchanged: len(o.emails) + len(o.bounces) + len(o.blocked)}); again != want {
			t.Fatalf("writing the same again gives %+v, want %+v", again, want)
		}
		Sound(t, s)
		if rapid.IntRange(0, 3).Draw(t, "compact") == 0 {
			if err := s.Compact(context.Background()); err != nil {
				t.Fatal(err)
			}
			Sound(t, s)
		}
		same(t, s, o, when)
	})
}

// testPages lists from large offsets, for which testAnswers has too few rows.
func testPages(t *testing.T, open Opener) {
	ctx := context.Background()
	s, o := open(t, ""), &Model{}
	var late []upstream.Email
	for b := range Batches(6000, 2000) {
		for i := 0; i < len(b.Emails); i += 100 { // some come at the very end
			late = append(late, b.Emails[i])
			b.Emails = slices.Delete(b.Emails, i, i+1)
		}
		Write(t, s, b)
		o.emails = append(o.emails, b.Emails...)
		slices.SortFunc(o.emails, func(a, b upstream.Email) int { return compare(a.Event(), b.Event()) })
	}
	Write(t, s, store.Batch{Emails: late})
	o.Write(store.Batch{Emails: late})
	n := len(o.emails)
	for _, q := range []upstream.ListQuery{
		{Offset: 0}, {Offset: 3000}, {Offset: n - 100}, {Offset: n},
		{UserID: 20, Offset: 1200}, {Domain: SampleDomain(0), Offset: 200}, {Local: "recipient0"},
		{Delivered: true, Offset: 5400},
		{
			XHeaders: upstream.HeaderFilters{{Name: "x-opt-in", Value: "1"}, {Name: "X-REGION", Value: "region 7"}},
			Offset:   100,
		},
	} {
		for _, w := range []upstream.Window{Ever, {Start: SampleStart + 1234567, End: SampleEnd - 765432}} {
			q.Window = w
			if d := Diff(o.Emails(q), Must[[]upstream.Email](t)(API(s).Emails(ctx, q))); d != "" {
				t.Fatalf("%+v: %s", q, d)
			}
		}
	}
	w := upstream.Window{Start: SampleStart + 1000, End: SampleEnd - 1000}
	q := upstream.CountQuery{Window: w, Interval: upstream.Hour}
	series := Must[[]upstream.Series](t)(s.Series(ctx, nil, upstream.Emails, q))
	if d := Diff(o.Series(nil, upstream.Emails, q), series); d != "" {
		t.Fatal(d)
	}
}

// testPaging changes events before and after a place in a list while the list is paged through.
func testPaging(t *testing.T, open Opener) {
	s, o := open(t, ""), &Model{}
	emails := func(n int, from upstream.Time, id string) (b store.Batch) {
		for i := range n {
			b.Emails = append(b.Emails, upstream.Email{
				UserID: 20, SenderID: 17, EmailID: id, Local: "r", Domain: "example.com", EmailAddress: "r@example.com",
				ProcessTime: from + upstream.Time(i),
			})
		}
		return b
	}
	write := func(b store.Batch) {
		Write(t, s, b)
		o.Write(b)
	}
	now := upstream.Time(time.Now().Unix())
	write(emails(1200, 1479600000, "a"))
	write(emails(1200, now-600, "b"))
	for _, change := range []func(){
		func() {},
		func() { write(emails(1, now, "c")) },              // after all pages but the last
		func() { write(emails(10, 1479599990, "d")) },      // before all pages
		func() { write(emails(700, 1479600000+600, "e")) }, // amid
		func() { write(emails(1, now-300, "f")) },
	} {
		for offset := 0; offset < 3200; offset += upstream.PageSize {
			for _, q := range []upstream.ListQuery{{}, {Domain: "example.com"}} {
				q.Window, q.Offset = Ever, offset
				rows := Must[[]upstream.Email](t)(API(s).Emails(t.Context(), q))
				if d := Diff(o.Emails(q), rows); d != "" {
					t.Fatalf("%+v: %s", q, d)
				}
			}
			if offset == 2*upstream.PageSize {
				change()
			}
		}
	}
}

// prune removes the events before a time from the store and the model, and compares the results.
func prune(t *rapid.T, s store.Store, o *Model, before upstream.Time) {
	ctx := context.Background()
	var want store.Removed
	old := func(n *int64, at upstream.Time) bool {
		if at < before {
			*n++
		}
		return at < before
	}
	o.emails = slices.DeleteFunc(o.emails, func(x upstream.Email) bool { return old(&want.Emails, x.ProcessTime) })
	o.bounces = slices.DeleteFunc(o.bounces, func(x upstream.BounceDetail) bool {
		return old(&want.Bounces, x.BounceTime)
	})
	o.blocked = slices.DeleteFunc(o.blocked, func(x upstream.BlockedEmail) bool {
		return old(&want.BlockedEmails, x.ProcessTime)
	})
	changes := func() int64 {
		last, old, err := s.Generation(ctx, 0)
		if err != nil || last != old {
			t.Fatalf("the last change is %d, of any age %d, %v", last, old, err)
		}
		return last
	}
	generation := changes()
	for _, dry := range []bool{true, false} {
		if got := Must[store.Removed](t)(s.Prune(ctx, before, dry)); got != want {
			t.Fatalf("dry %v: %+v are pruned, want %+v", dry, got, want)
		}
	}
	if g := changes(); (g != generation) != (want.Rows() > 0) {
		t.Fatalf("the generation goes from %d to %d, with %+v pruned", generation, g, want)
	}
}

// SameEmails compares all emails, by pages, and their counts, by hours.
func SameEmails(t *testing.T, s store.Store, o *Model) {
	t.Helper()
	ctx := context.Background()
	for offset := 0; offset <= len(o.emails); offset += upstream.PageSize {
		q := upstream.ListQuery{Window: Ever, Offset: offset}
		if d := Diff(o.Emails(q), Must[[]upstream.Email](t)(API(s).Emails(ctx, q))); d != "" {
			t.Fatalf("emails from %d: %s", offset, d)
		}
	}
	q := upstream.CountQuery{Window: Ever, Interval: upstream.Hour}
	series := Must[[]upstream.Series](t)(s.Series(ctx, nil, upstream.Emails, q))
	if d := Diff(o.Series(nil, upstream.Emails, q), series); d != "" {
		t.Fatal(d)
	}
	sameScans(t, s, o, Ever)
}
