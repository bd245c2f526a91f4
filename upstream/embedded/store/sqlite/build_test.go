package sqlite_test

import (
	"context"
	"path/filepath"
	"testing"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/embedded/store/sqlite"
	"deliverygraph/upstream/embedded/store/storetest"
)

// lists are queries of which each reads another index.
var lists = []upstream.ListQuery{
	{}, {UserID: 21}, {SenderID: 101}, {Sender: "sender2@example.com"},
	{Domain: storetest.SampleDomain(0)}, {Local: "recipient0"}, {Delivered: true, Offset: 100},
	{Recipient: "recipient0@" + storetest.SampleDomain(0)},
	{XHeaders: upstream.HeaderFilters{{Name: "x-opt-in", Value: "1"}}},
	{
		UserID: 20, Domain: storetest.SampleDomain(0),
		XHeaders: upstream.HeaderFilters{{Name: "X-Region", Value: "region 0"}},
	},
	{BounceType: upstream.Hard}, {BounceCategory: "bad-mailbox", BounceType: upstream.Hard},
	{BlockedReason: "hardbounce"},
}

// sameLists compares lists of all kinds.
func sameLists(t *testing.T, s *sqlite.Store, o *storetest.Model) {
	t.Helper()
	for _, q := range lists {
		for _, only := range [][]upstream.ID{nil, {20, 22, 23}} {
			q.Window = storetest.Ever
			for _, k := range upstream.Kinds {
				storetest.Same(t, s, o, only, q.Question(k))
			}
		}
	}
}

// An import that was killed before it built the indexes, or between two of them, leaves a store without them. Lists are
// right nevertheless, and the first one builds the indexes if it can.
func TestListsAreRightWithoutIndexes(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "events.db")
	s, o := storetest.Must[*sqlite.Store](t)(sqlite.Open(ctx, sqlite.Options{Path: path})), &storetest.Model{}
	for b := range storetest.Batches(620, 200) {
		storetest.WriteBoth(t, s, o, b)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	indexed := func(want bool) {
		t.Helper()
		r := storetest.Must[*sqlite.Store](t)(sqlite.Open(ctx, sqlite.Options{Path: path, ReadOnly: true}))
		if i := storetest.Must[store.Info](t)(r.Info(ctx)); i.Unfinished == want {
			t.Errorf("the store is unfinished: %v", i.Unfinished)
		}
		sameLists(t, r, o)
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	complete := func() {
		t.Helper()
		s := storetest.Must[*sqlite.Store](t)(sqlite.Open(ctx, sqlite.Options{Path: path}))
		storetest.Must[[]upstream.Email](t)(storetest.API(s).Emails(ctx, upstream.ListQuery{Window: storetest.Ever}))
		storetest.Sound(t, s)
		if i := storetest.Must[store.Info](t)(s.Info(ctx)); i.Unfinished {
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

// Earlier releases filled the tables of headers at the end of an import. If it was killed, they are filled when the
// store is opened.
func TestMigrationFillsTablesOfHeaders(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "events.db")
	ctx, o := t.Context(), &storetest.Model{}
	s := storetest.Must[*sqlite.Store](t)(sqlite.Open(ctx, sqlite.Options{Path: path}))
	for b := range storetest.Batches(620, 200) {
		storetest.WriteBoth(t, s, o, b)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	edit(t, path, "delete from email_header", "delete from bounce_header", "delete from blocked_email_header",
		"delete from header", "pragma user_version = 2")
	s = storetest.Must[*sqlite.Store](t)(sqlite.Open(ctx, sqlite.Options{Path: path}))
	t.Cleanup(func() { _ = s.Close() })
	storetest.Sound(t, s)
	sameLists(t, s, o)
}

func TestFinishContinuesAfterItsContextEnds(t *testing.T) {
	s := open(t, "")
	storetest.Write(t, s, storetest.Step(1))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Finish(ctx); err != nil && err != context.Canceled {
		t.Errorf("it gives %v", err)
	}
	if err := s.Finish(t.Context()); err != nil {
		t.Error(err)
	}
	if i := storetest.Must[store.Info](t)(s.Info(t.Context())); i.Unfinished {
		t.Error("there are no indexes")
	}
}
