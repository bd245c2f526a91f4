package storetest

import (
	"context"
	"reflect"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/upstreamtest"
)

// Model is a store in its simplest form: rows that Write adds or replaces, and the answers of [upstreamtest.Model]. It
// has answers once a batch is written.
type Model struct {
	upstreamtest.Backend
	rows store.Batch
}

const blocked = upstream.BlockedEmails

// Write adds a batch, or replaces rows with the same identity.
func (o *Model) Write(b store.Batch) (w store.Written) {
	put(&w, &o.rows.Senders, b.Senders, func(x *store.Sender) upstream.ID { return x.SenderID })
	put(&w, &o.rows.Emails, b.Emails, (*upstream.Email).Identity)
	put(&w, &o.rows.Bounces, b.Bounces, (*upstream.BounceDetail).Identity)
	put(&w, &o.rows.BlockedEmails, b.BlockedEmails, (*upstream.BlockedEmail).Identity)
	o.Backend = upstreamtest.Backend{Model: upstreamtest.NewModel(o.rows)}
	return w
}

func put[R any, I comparable](w *store.Written, rows *[]R, more []R, identity func(*R) I) {
	places := map[I]int{}
	for i := range *rows {
		places[identity(&(*rows)[i])] = i
	}
	for _, x := range more {
		i, found := places[identity(&x)]
		switch {
		case !found:
			places[identity(&x)] = len(*rows)
			*rows = append(*rows, x)
			w.New++
		case reflect.DeepEqual((*rows)[i], x):
			w.Unchanged++
		default:
			(*rows)[i] = x
			w.Replaced++
		}
	}
}

// Prune removes the events before a time.
func (o *Model) Prune(before upstream.Time) (n store.Removed) {
	kept := o.rows.Select(func(_ upstream.Kind, e upstream.Event) bool { return e.Time >= before })
	for _, k := range upstream.Kinds {
		*n.Of(k) = int64(o.rows.Of(k).Len() - kept.Of(k).Len())
	}
	o.rows, o.Backend = kept, upstreamtest.Backend{Model: upstreamtest.NewModel(kept)}
	return n
}

// Same ends the test if a store answers a question unlike the model. About describes the question.
func Same[V any](
	t TB, s store.Reader, o *Model, ask func(context.Context, store.Reader) (V, error), about ...any,
) {
	t.Helper()
	want, failed := ask(context.Background(), o)
	got, err := ask(context.Background(), s)
	switch {
	case failed != nil && upstream.CodeOf(err) == upstream.CodeOf(failed):
	case failed != nil || err != nil:
		t.Fatalf("%+v: the error is %v, want %v", about, err, failed)
	default:
		if d := Diff(want, got); d != "" {
			t.Fatalf("%+v:\n%s", about, d)
		}
	}
}

// SameList compares a page of a list.
func SameList(t TB, s store.Reader, o *Model, only []upstream.ID, k upstream.Kind, q upstream.ListQuery) {
	t.Helper()
	Same(t, s, o, func(ctx context.Context, r store.Reader) (upstream.Page, error) { return r.List(ctx, only, k, q) },
		k, only, q)
}

// SameSeries compares a series of counts.
func SameSeries(t TB, s store.Reader, o *Model, only []upstream.ID, k upstream.Kind, q upstream.CountQuery) {
	t.Helper()
	Same(t, s, o, func(ctx context.Context, r store.Reader) ([]upstream.Series, error) {
		return r.Series(ctx, only, k, q)
	}, k, only, q)
}

// SameCounts compares counts.
func SameCounts(t TB, s store.Reader, o *Model, only []upstream.ID, k upstream.Kind, q upstream.CountQuery) {
	t.Helper()
	Same(t, s, o, func(ctx context.Context, r store.Reader) ([]upstream.Count, error) {
		return r.Counts(ctx, only, k, q)
	}, k, only, q)
}
