package storetest

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"

	"pgregory.net/rapid"
)

// testMerge writes what happened to messages in two orders, in batches of any size, and compares the results.
func testMerge(t *testing.T, open Opener) {
	ctx := context.Background()
	type record struct {
		message int
		what    string // sent, delivered, bounced or blocked
		at      upstream.Time
		headers bool

		// Of bounces.
		process       upstream.Time
		says, content string
	}
	outcomes := []string{"sent", "delivered", "delivered", "bounced", "blocked"}
	stores := []store.Store{open(t, ""), open(t, "")} // one for each order
	user := upstream.ID(0)
	rapid.Check(t, func(t *rapid.T) {
		user++ // each case has one
		records := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) record {
			m := rapid.IntRange(0, 3).Draw(t, "message")
			return record{
				message: m,
				what:    rapid.SampledFrom(outcomes).Draw(t, "what"),
				at:      upstream.Time(1479600000 + 10000*m + rapid.IntRange(0, 2).Draw(t, "at")),
				headers: rapid.Bool().Draw(t, "headers"),
				process: upstream.Time(rapid.IntRange(1, 3).Draw(t, "process")),
				says:    rapid.SampledFrom([]string{"", "550", "450"}).Draw(t, "says"),
				content: rapid.SampledFrom([]string{"", "", "mail"}).Draw(t, "content"),
			}
		}), 1, 12).Draw(t, "records")
		type state struct{ delivered, failed, any bool }
		var emails [4]state
		var first [4]upstream.Time
		for _, r := range records {
			x := &emails[r.message]
			switch r.what {
			case "bounced", "blocked":
				x.failed = true
				continue
			case "delivered":
				x.delivered = true
			}
			if !x.any || r.at < first[r.message] {
				first[r.message] = r.at
			}
			x.any = true
		}
		messages := func(what ...string) int { // to which that happened
			all := map[int]bool{}
			for _, r := range records {
				if slices.Contains(what, r.what) {
					all[r.message] = true
				}
			}
			return len(all)
		}
		add := func(b *store.Batch, r record) {
			local := fmt.Sprint("r", r.message%2)
			e := store.Event{
				Identity: upstream.Identity{
					Time: r.at, EmailID: fmt.Sprint("m", r.message), Recipient: local + "@example.com",
					UserID: user, SenderID: 2,
				},
				Local: local, Domain: "example.com",
				Own: store.Own{
					Delivered: r.what == "delivered", Type: upstream.Hard, ProcessTime: r.process,
					DiagnosticCode: r.says, FullContent: r.content,
				},
			}
			if r.headers {
				e.XHeaders = []upstream.Header{{Name: "X-A", Value: fmt.Sprint(r.at)}}
			}
			switch r.what {
			case "bounced":
				b.Add(upstream.Bounces, e)
			case "blocked":
				b.Add(blocked, e)
			default:
				b.Add(upstream.Emails, e)
			}
		}
		var answers [2]string
		for i, s := range stores {
			order := rapid.Permutation(records).Draw(t, "order")
			for len(order) > 0 {
				n := rapid.IntRange(1, len(order)).Draw(t, "batch")
				b := store.Batch{Merge: true}
				for _, r := range order[:n] {
					add(&b, r)
				}
				w := Write(t, s, b)
				if w.New < 0 || w.New+w.Replaced+w.Unchanged != n {
					t.Fatalf("Write says %+v of %d rows", w, n)
				}
				order = order[n:]
			}
			rows := Must[[]upstream.Email](t)(API(s).Emails(ctx, upstream.ListQuery{Window: Ever, UserID: user}))
			for _, e := range rows {
				m := int(e.EmailID[1] - '0')
				if want := emails[m].delivered && !emails[m].failed; e.Delivered != want || e.ProcessTime != first[m] {
					t.Fatalf("%+v, want it delivered %v at %d", e, want, first[m])
				}
			}
			if want := messages("sent", "delivered"); len(rows) != want {
				t.Fatalf("there are %d emails of %d messages", len(rows), want)
			}
			all := upstream.ListQuery{Window: Ever, UserID: user}
			counts := Must[[]upstream.Series](t)(API(s).Series(ctx, upstream.Emails,
				upstream.CountQuery{Window: Ever, UserID: user, Interval: upstream.Hour}))
			delivered := Must[[]upstream.Email](t)(API(s).Emails(ctx, upstream.ListQuery{
				Window: Ever, UserID: user, Delivered: true, Offset: 1,
			}))
			bounces := Must[[]upstream.Bounce](t)(API(s).Bounces(ctx, all))
			blocked := Must[[]upstream.BlockedEmail](t)(API(s).BlockedEmails(ctx, all))
			var details []upstream.BounceDetail
			for _, b := range bounces {
				details = append(details, Must[upstream.BounceDetail](t)(API(s).Bounce(ctx, b.Key())))
			}
			if len(bounces) != messages("bounced") || len(blocked) != messages("blocked") {
				t.Fatalf("there are %d bounces and %d blocked emails", len(bounces), len(blocked))
			}
			answers[i] = fmt.Sprintf("%+v\n%+v\n%+v\n%+v\n%+v", rows, counts, delivered, details, blocked)
		}
		if d := Diff(answers[0], answers[1]); d != "" {
			t.Fatal(d)
		}
	})
}

func testNumbers(t *testing.T, open Opener) {
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "events.db")
	s := open(t, path)
	Write(t, s, store.Batch{
		Senders:       []store.Sender{{UserID: 2, SenderID: 1, Address: "a@example.com"}},
		Emails:        []upstream.Email{{UserID: 1, SenderID: 3, ProcessTime: 5}},
		BlockedEmails: []upstream.BlockedEmail{{UserID: 4, SenderID: 4, ProcessTime: 5}},
	})
	number := func(s store.Store) []upstream.ID {
		var all []upstream.ID
		for _, account := range []string{"tenant a", "tenant b", "", "tenant a"} {
			user := Must[upstream.ID](t)(s.UserID(ctx, account))
			all = append(all, user, Must[upstream.ID](t)(s.SenderID(ctx, user, "News@Example.com")),
				Must[upstream.ID](t)(s.SenderID(ctx, user, "News@example.COM")))
		}
		return append(all, Must[upstream.ID](t)(s.SenderID(ctx, 2, "a@example.com")))
	}
	want := []upstream.ID{3, 2, 2, 5, 5, 5, 6, 6, 6, 3, 2, 2, 1}
	if d := Diff(want, number(s)); d != "" {
		t.Error(d)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, path)
	if d := Diff(want, number(s)); d != "" {
		t.Error("opened again: ", d)
	}
	Must[string](t)(s.ReserveUser(ctx, 9)) // it is no account
	accounts := []store.Account{{Name: "", UserID: 6}, {Name: "tenant a", UserID: 3}, {Name: "tenant b", UserID: 5}}
	if d := Diff(accounts, Must[[]store.Account](t)(s.Accounts(ctx))); d != "" {
		t.Error(d)
	}
	moved := open(t, "")
	Write(t, moved, store.Batch{Accounts: accounts})
	Write(t, moved, store.Batch{Accounts: accounts[1:]})
	if id := Must[upstream.ID](t)(moved.UserID(ctx, "tenant b")); id != 5 {
		t.Errorf("an account that was moved is user %d, want 5", id)
	}
	if d := Diff(accounts, Must[[]store.Account](t)(moved.Accounts(ctx))); d != "" {
		t.Error(d)
	}
	for _, wrong := range []store.Account{{Name: "tenant a", UserID: 7}, {Name: "tenant c", UserID: 3}} {
		batch := store.Batch{Accounts: []store.Account{wrong}, Emails: []upstream.Email{{ProcessTime: 5}}}
		_, err := moved.Write(ctx, batch)
		if upstream.CodeOf(err) != upstream.InvalidArgument {
			t.Errorf("%+v: %v", wrong, err)
		}
	}
	if info := Must[store.Info](t)(moved.Info(ctx)); info.Emails.Rows != 0 {
		t.Error("a batch with a wrong account is written")
	}
}

func testState(t *testing.T, open Opener) {
	ctx := context.Background()
	s := open(t, "")
	Write(t, s, store.Batch{State: map[string]string{"follow/a": "1", "follow/b": "2", "other": "3"}})
	Write(t, s, store.Batch{State: map[string]string{"follow/a": "5", "follow/b": ""}})
	if _, err := s.Write(ctx, store.Batch{
		Emails: []upstream.Email{{ProcessTime: store.MaxTime + 1}}, State: map[string]string{"follow/a": "lost"},
	}); err == nil {
		t.Fatal("a bad batch is written")
	}
	for prefix, want := range map[string]map[string]string{
		"follow/": {"follow/a": "5"}, "": {"follow/a": "5", "other": "3"}, "none": {},
	} {
		if got := Must[map[string]string](t)(s.State(ctx, prefix)); !maps.Equal(got, want) {
			t.Errorf("under %q there is %v, want %v", prefix, got, want)
		}
	}
}
