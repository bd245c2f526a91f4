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

// WriteBoth writes a batch to a store and its model, and ends the test if they disagree about its rows.
func WriteBoth(t TB, s store.Store, o *Model, b store.Batch) {
	t.Helper()
	if got, want := Write(t, s, b), o.Write(b); got != want {
		t.Fatalf("Write says %+v, want %+v", got, want)
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

// Same ends the test if a store answers a question about some users' events (nil is all) unlike the model.
func Same(t TB, s store.Reader, o *Model, only []upstream.ID, q upstream.Question) {
	t.Helper()
	want, failed := o.Ask(context.Background(), only, &q, testProviders)
	got, err := s.Ask(context.Background(), only, &q, testProviders)
	switch {
	case failed != nil && upstream.CodeOf(err) == upstream.CodeOf(failed):
	case failed != nil || err != nil:
		t.Fatalf("%+v, only %v: the error is %v, want %v", q, only, err, failed)
	default:
		if d := Diff(want, got); d != "" {
			t.Fatalf("%+v, only %v:\n%s", q, only, d)
		}
	}
}
