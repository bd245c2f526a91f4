package sqlite_test

import (
	"context"
	"path/filepath"
	"testing"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/embedded/store/sqlite"
)

// lists are questions that each go along another index.
var lists = []upstream.ListQuery{
	{}, {UserID: 21}, {SenderID: 101}, {Sender: "sender2@example.com"}, {Domain: sampleDomain(0)}, {Local: "recipient0"}, {Delivered: true, Offset: 100},
	{Recipient: "recipient0@" + sampleDomain(0)}, {XHeaders: []upstream.Header{{Name: "x-opt-in", Value: "1"}}},
	{UserID: 20, Domain: sampleDomain(0), XHeaders: []upstream.Header{{Name: "X-Region", Value: "region 0"}}},
	{BounceType: upstream.Hard}, {BounceCategory: "bad-mailbox", BounceType: upstream.Hard}, {BlockedReason: "hardbounce"},
}

// sameLists compares lists of all kinds.
func sameLists(t *testing.T, s *sqlite.Store, o *oracle) {
	t.Helper()
	ctx := context.Background()
	for _, q := range lists {
		for _, only := range [][]upstream.ID{nil, {20, 22, 23}} {
			q.Window = ever
			for kind, d := range map[string]string{
				"emails":  diff(o.Emails(only, q), must[[]upstream.Email](t)(s.Emails(ctx, only, q))),
				"bounces": diff(o.Bounces(only, q), must[[]upstream.Bounce](t)(s.Bounces(ctx, only, q))),
				"blocked": diff(o.BlockedEmails(only, q), must[[]upstream.BlockedEmail](t)(s.BlockedEmails(ctx, only, q))),
			} {
				if d != "" {
					t.Fatalf("%s, %+v, only %v: %s", kind, q, only, d)
				}
			}
		}
	}
}

// An import that was killed before it built the indexes, or between two of them, leaves a
// store that answers rightly without them, and gets them from the first list.
func TestAStoreThatLacksIndexesAnswersRightlyAndGetsThem(t *testing.T) {
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "events.db")
	s, o := must[*sqlite.Store](t)(sqlite.Open(ctx, sqlite.Options{Path: path})), &oracle{}
	each(620, 200, func(b store.Batch) {
		write(t, s, b)
		o.write(b)
	})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	indexed := func(want bool) {
		t.Helper()
		r := must[*sqlite.Store](t)(sqlite.Open(ctx, sqlite.Options{Path: path, ReadOnly: true}))
		if i := must[store.Info](t)(r.Info(ctx)); i.Unfinished == want {
			t.Errorf("the store is unfinished: %v", i.Unfinished)
		}
		sameLists(t, r, o)
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	complete := func() {
		t.Helper()
		s := must[*sqlite.Store](t)(sqlite.Open(ctx, sqlite.Options{Path: path}))
		must[[]upstream.Email](t)(s.Emails(ctx, nil, upstream.ListQuery{Window: ever}))
		sound(t, s)
		if i := must[store.Info](t)(s.Info(ctx)); i.Unfinished {
			t.Error("a list does not build the indexes")
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	indexed(false)
	complete()
	indexed(true)
	edit(t, path, "drop index email_domain", "drop index bounce_type", "drop index blocked_email_recipient")
	indexed(false)
	complete()
}

func TestFinishGivesUpWithItsContextAndGoesOn(t *testing.T) {
	s := open(t, "")
	write(t, s, step(1))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Finish(ctx); err != nil && err != context.Canceled {
		t.Errorf("it gives %v", err)
	}
	if err := s.Finish(t.Context()); err != nil {
		t.Error(err)
	}
	if i := must[store.Info](t)(s.Info(t.Context())); i.Unfinished {
		t.Error("there are no indexes")
	}
}
