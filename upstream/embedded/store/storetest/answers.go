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
	only := scopes(t)
	lq, sq := listQueries(t, when, len(o.rows.Emails)), seriesQueries(t, when)
	for _, k := range upstream.Kinds {
		Same(t, s, o, only, lq.Question(k))
		Same(t, s, o, only, sq.Question(k))
		Same(t, s, o, only, sq.Per(0).Question(k))
	}
	sameScans(t, s, o, window(t, when))
	key := upstream.BounceKey{UserID: 20, SenderID: 17, BounceTime: when.Draw(t, "bounce"), EmailID: "a"}
	if len(o.rows.Bounces) > 0 && rapid.Bool().Draw(t, "known") {
		key = rapid.SampledFrom(o.rows.Bounces).Draw(t, "bounce").Key()
	}
	Same(t, s, o, only, key.Question())
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
			WriteBoth(t, s, o, batches(when, 30).Draw(t, "batch"))
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
		again, rows := Write(t, s, o.rows), len(o.rows.Senders)
		for _, k := range upstream.Kinds {
			rows += o.rows.Of(k).Len()
		}
		if again != (store.Written{Unchanged: rows}) {
			t.Fatalf("writing the same %d rows again gives %+v", rows, again)
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
	s, o := open(t, ""), &Model{}
	var late []upstream.Email
	for b := range Batches(6000, 2000) {
		for i := 0; i < len(b.Emails); i += 100 { // some come at the very end
			late = append(late, b.Emails[i])
			b.Emails = slices.Delete(b.Emails, i, i+1)
		}
		WriteBoth(t, s, o, b)
	}
	WriteBoth(t, s, o, store.Batch{Emails: late})
	n := len(o.rows.Emails)
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
			Same(t, s, o, nil, q.Question(upstream.Emails))
		}
	}
	w := upstream.Window{Start: SampleStart + 1000, End: SampleEnd - 1000}
	Same(t, s, o, nil, upstream.CountQuery{Window: w, Interval: upstream.Hour}.Question(upstream.Emails))
}

// testPaging changes events before and after a place in a list while the list is paged through.
func testPaging(t *testing.T, open Opener) {
	s, o := open(t, ""), &Model{}
	emails := func(n int, from upstream.Time, id string) (b store.Batch) {
		for i := range n {
			b.Add(upstream.Emails, event(id, from+upstream.Time(i)))
		}
		return b
	}
	write := func(b store.Batch) { WriteBoth(t, s, o, b) }
	now := upstream.Time(time.Now().Unix())
	write(emails(1200, 1479600000, "a"))
	write(emails(1200, now-600, "b"))
	for _, change := range []func(){
		func() {},
		func() { write(emails(1, now, "c")) },              // after all pages but the last
		func() { write(emails(10, 1479599990, "d")) },      // before all pages
		func() { write(emails(700, 1479600000+600, "e")) }, // between them
		func() { write(emails(1, now-300, "f")) },
	} {
		for offset := 0; offset < 3200; offset += upstream.PageSize {
			for _, q := range []upstream.ListQuery{{}, {Domain: "example.com"}} {
				q.Window, q.Offset = Ever, offset
				Same(t, s, o, nil, q.Question(upstream.Emails))
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
	want := o.Prune(before)
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
	for offset := 0; offset <= len(o.rows.Emails); offset += upstream.PageSize {
		Same(t, s, o, nil, upstream.ListQuery{Window: Ever, Offset: offset}.Question(upstream.Emails))
	}
	Same(t, s, o, nil, upstream.CountQuery{Window: Ever, Interval: upstream.Hour}.Question(upstream.Emails))
	sameScans(t, s, o, Ever)
}
