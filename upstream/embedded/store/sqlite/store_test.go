package sqlite_test

import (
	"context"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/embedded/store/sqlite"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// fataler is a *testing.T, a *testing.B or a *rapid.T.
type fataler interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
	Cleanup(func())
}

func open(t fataler, path string) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(context.Background(), sqlite.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	})
	return s
}

func write(t fataler, s *sqlite.Store, b store.Batch) store.Written {
	t.Helper()
	n, err := s.Write(context.Background(), b)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// must gives v, or ends the test.
func must[V any](t fataler) func(V, error) V {
	return func(v V, err error) V {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// diff returns what differs, "" if nothing does. It is fast where the values are equal.
func diff(want, got any) string {
	if reflect.DeepEqual(want, got) {
		return ""
	}
	return "-want +got:\n" + gocmp.Diff(want, got)
}

// each calls f with the batches of a sample.
func each(emails, batch int, f func(store.Batch)) {
	for from := newSample(emails); ; {
		b, ok := from.next(batch)
		if !ok {
			return
		}
		f(b)
	}
}

// same asks the store and the oracle one question each way.
func same(t *rapid.T, s *sqlite.Store, o *oracle, when *rapid.Generator[upstream.Time]) {
	ctx := context.Background()
	only := scopes(t)
	lq := listQueries(t, when, len(o.emails))
	equal := func(what string, want, got any) {
		t.Helper()
		if d := diff(want, got); d != "" {
			t.Fatalf("%s, only %v:\n%+v\n%s", what, only, lq, d)
		}
	}
	equal("emails", o.Emails(only, lq), must[[]upstream.Email](t)(s.Emails(ctx, only, lq)))
	equal("bounces", o.Bounces(only, lq), must[[]upstream.Bounce](t)(s.Bounces(ctx, only, lq)))
	equal("blocked emails", o.BlockedEmails(only, lq), must[[]upstream.BlockedEmail](t)(s.BlockedEmails(ctx, only, lq)))
	sq := seriesQueries(t, when)
	for _, k := range upstream.Kinds {
		if d := diff(o.Series(only, k, sq), must[[]upstream.Series](t)(s.Series(ctx, only, k, sq))); d != "" {
			t.Fatalf("series of %s, only %v:\n%+v\n%s", k, only, sq, d)
		}
		if d := diff(o.Counts(only, k, sq.CountQuery), must[[]upstream.Count](t)(s.Counts(ctx, only, k, sq.CountQuery))); d != "" {
			t.Fatalf("counts of %s, only %v:\n%+v\n%s", k, only, sq, d)
		}
	}
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
		if d := diff(want, got); d != "" {
			t.Fatal(d)
		}
	}
}

func TestAnswersAreTheOracles(t *testing.T) {
	dir := t.TempDir()
	stores := 0
	rapid.Check(t, func(t *rapid.T) {
		stores++
		var path string // a private store, which cannot be opened again
		if rapid.IntRange(0, 3).Draw(t, "file") == 0 {
			path = filepath.Join(dir, fmt.Sprintf("store %d?#%%.db", stores)) // a name that a URL would trip over
		}
		s, o := open(t, path), &oracle{}
		when := times(t)
		for range rapid.IntRange(1, 4).Draw(t, "writes") {
			b := batches(when, 30).Draw(t, "batch")
			if got, want := write(t, s, b), o.write(b); got != want {
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
		again := write(t, s, store.Batch{Emails: o.emails, Bounces: o.bounces, BlockedEmails: o.blocked})
		if want := (store.Written{Unchanged: len(o.emails) + len(o.bounces) + len(o.blocked)}); again != want {
			t.Fatalf("writing the same again gives %+v, want %+v", again, want)
		}
		sound(t, s)
		if rapid.IntRange(0, 3).Draw(t, "compact") == 0 {
			if err := s.Compact(context.Background()); err != nil {
				t.Fatal(err)
			}
			sound(t, s)
		}
		same(t, s, o, when)
	})
}

// TestPagesOfManyRows lists from far offsets, which the few rows of the test above do not have.
func TestPagesOfManyRows(t *testing.T) {
	ctx := context.Background()
	s, o := open(t, ""), &oracle{}
	var late []upstream.Email
	each(6000, 2000, func(b store.Batch) {
		for i := 0; i < len(b.Emails); i += 100 { // some come at the very end
			late = append(late, b.Emails[i])
			b.Emails = slices.Delete(b.Emails, i, i+1)
		}
		write(t, s, b)
		o.emails = append(o.emails, b.Emails...)
		slices.SortFunc(o.emails, func(a, b upstream.Email) int { return emailHead(&a).compare(emailHead(&b)) })
	})
	write(t, s, store.Batch{Emails: late})
	o.write(store.Batch{Emails: late})
	n := len(o.emails)
	for _, q := range []upstream.ListQuery{
		{Offset: 0}, {Offset: 3000}, {Offset: n - 100}, {Offset: n},
		{UserID: 20, Offset: 1200}, {Domain: sampleDomain(0), Offset: 200}, {Local: "recipient0"}, {Delivered: true, Offset: 5400},
		{XHeaders: []upstream.Header{{Name: "x-opt-in", Value: "1"}, {Name: "X-REGION", Value: "region 7"}}, Offset: 100},
	} {
		for _, w := range []upstream.Window{ever, {Start: sampleStart + 1234567, End: sampleEnd - 765432}} {
			q.Window = w
			if d := diff(o.Emails(nil, q), must[[]upstream.Email](t)(s.Emails(ctx, nil, q))); d != "" {
				t.Fatalf("%+v: %s", q, d)
			}
		}
	}
	q := upstream.SeriesQuery{CountQuery: upstream.CountQuery{Window: upstream.Window{Start: sampleStart + 1000, End: sampleEnd - 1000}}, Interval: upstream.Hour}
	if d := diff(o.Series(nil, upstream.Emails, q), must[[]upstream.Series](t)(s.Series(ctx, nil, upstream.Emails, q))); d != "" {
		t.Fatal(d)
	}
}
