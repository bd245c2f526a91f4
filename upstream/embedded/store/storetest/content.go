package storetest

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

var Ever = upstream.Window{Start: -1 << 63, End: 1<<63 - 1}

func testContent(t *testing.T, open Opener) {
	ctx := context.Background()
	noise := make([]byte, 70<<10) // does not compress
	r := rand.New(rand.NewPCG(1, 2))
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	base := upstream.BounceDetail{
		Bounce: upstream.Bounce{
			UserID: 20, SenderID: 17, EmailID: "20160829200233.000004d57a76@mail6-45-ussnn1",
			EmailAddress: "r@example.com", Local: "r", Domain: "example.com",
			Type: upstream.Soft, Category: "policy-related", Code: "5.2.2",
			BounceTime: 1472500955, ProcessTime: 1472500953,
			XHeaders: []upstream.Header{{Name: "X-B", Value: "2"}, {Name: "X-A", Value: "1"}},
		},
		DiagnosticCode: "smtp;552 5.2.2", RuleName: "policyrelated03", FullContent: "Return-Path: <>\r\n\r\nbody\r\n",
	}
	for name, edit := range map[string]func(*upstream.BounceDetail){
		"as the document has it": func(*upstream.BounceDetail) {},
		"nothing but its place": func(b *upstream.BounceDetail) {
			*b = upstream.BounceDetail{Bounce: upstream.Bounce{BounceTime: b.BounceTime}}
		},
		"long content": func(b *upstream.BounceDetail) {
			b.FullContent = strings.Repeat("Received: from mx.example.com\r\n", 2400)
		},
		"long content, not compressible": func(b *upstream.BounceDetail) { b.FullContent = string(noise) },
		"long diagnostic": func(b *upstream.BounceDetail) {
			b.DiagnosticCode = strings.Repeat("é", 40000)
		},
		"long rule and no content": func(b *upstream.BounceDetail) {
			b.RuleName, b.FullContent = strings.Repeat("r", 300), ""
		},
		"NULs and bytes of no encoding": func(b *upstream.BounceDetail) {
			b.Local, b.Domain, b.EmailAddress, b.EmailID = "a\x00b", "\xff\xfe", "a\x00b@\xff\xfe", "\x00"
			b.FullContent, b.RuleName = "\x00\xc3\x28", "\x00"
		},
		"a recipient unlike its parts": func(b *upstream.BounceDetail) { b.EmailAddress = "someone@example.net" },
		"several @": func(b *upstream.BounceDetail) {
			b.Local, b.EmailAddress, b.EmailID = `"a@b"`, `"a@b"@example.com`, "@@x@"
		},
		"no headers":               func(b *upstream.BounceDetail) { b.XHeaders = nil },
		"an empty list of headers": func(b *upstream.BounceDetail) { b.XHeaders = []upstream.Header{} },
		"one header twice, and none": func(b *upstream.BounceDetail) {
			b.XHeaders = []upstream.Header{{Name: "X-A", Value: "1"}, {Name: "X-A", Value: "1"}, {}}
		},
		"many headers": func(b *upstream.BounceDetail) {
			for i := range 1000 {
				name, value := "X-"+strings.Repeat("n", i%50), strings.Repeat("v", i%70)
				b.XHeaders = append(b.XHeaders, upstream.Header{Name: name, Value: value})
			}
		},
		"an id of another time":      func(b *upstream.BounceDetail) { b.EmailID = "20991231235959.x@mail" },
		"an id that is only a stamp": func(b *upstream.BounceDetail) { b.EmailID = "20160829200233" },
		"long before 1970": func(b *upstream.BounceDetail) {
			b.BounceTime, b.ProcessTime = -5000000000, -5000000001
		},
		"a year of five digits": func(b *upstream.BounceDetail) {
			b.BounceTime, b.ProcessTime, b.PostbackTime = 1<<40, 1<<40+5, 1<<62
		},
		"the first and last ids": func(b *upstream.BounceDetail) { b.UserID, b.SenderID = 1<<63-1, -1<<63 },
	} {
		t.Run(name, func(t *testing.T) {
			want := base
			want.XHeaders = slices.Clone(base.XHeaders)
			edit(&want)
			s, b := open(t, ""), store.Batch{Bounces: []upstream.BounceDetail{want}}
			Write(t, s, b)
			if n := Write(t, s, b); n != (store.Written{Unchanged: 1}) {
				t.Errorf("written again it is %+v", n)
			}
			if d := Diff(want, Must[upstream.BounceDetail](t)(API(s).Bounce(ctx, want.Key()))); d != "" {
				t.Error(d)
			}
			list := upstream.ListQuery{Window: Ever, Local: want.Local, Recipient: want.EmailAddress}
			copy(list.XHeaders[:], want.XHeaders)
			q := list.Question(upstream.Bounces)
			rows := Must[any](t)(s.Ask(ctx, []upstream.ID{want.UserID}, &q, nil))
			if d := Diff([]upstream.Bounce{want.Bounce}, rows); d != "" {
				t.Error(d)
			}
		})
	}
}

func testTimeRange(t *testing.T, open Opener) {
	s := open(t, "")
	for _, at := range []upstream.Time{store.MaxTime + 1, -store.MaxTime - 1} {
		_, err := s.Write(context.Background(), store.Batch{
			Emails:        []upstream.Email{{UserID: 20, EmailID: "a", ProcessTime: 5}},
			BlockedEmails: []upstream.BlockedEmail{{UserID: 20, EmailID: "b", ProcessTime: at}},
		})
		if upstream.CodeOf(err) != upstream.InvalidArgument {
			t.Errorf("time %d gives %v", at, err)
		}
	}
	Write(t, s, store.Batch{BlockedEmails: []upstream.BlockedEmail{{UserID: 20, ProcessTime: store.MaxTime},
		{UserID: 20, ProcessTime: -store.MaxTime}}})
	counts := Must[[]upstream.Count](t)(API(s).Counts(context.Background(), blocked,
		upstream.CountQuery{Window: Ever, Rollup: upstream.ByUser}))
	if want := []upstream.Count{{ID: 20, Tally: upstream.Tally{Total: 2}}}; !slices.Equal(counts, want) {
		t.Errorf("counts are %v, want %v", counts, want)
	}
	if i := Must[store.Info](t)(s.Info(context.Background())); i.Emails.Rows != 0 {
		t.Errorf("rows of a refused batch are there: %+v", i)
	}
}

func testSenders(t *testing.T, open Opener) {
	ctx := context.Background()
	s := open(t, "")
	row := upstream.Email{UserID: 20, SenderID: 17, EmailID: "a", ProcessTime: 5}
	w := upstream.Window{Start: 0, End: 10}
	steps := []struct {
		batch   store.Batch
		address string
		listed  int // under old@example.com
	}{
		{store.Batch{Emails: []upstream.Email{row}}, "", 0},
		{
			store.Batch{Senders: []store.Sender{{UserID: 20, SenderID: 17, Address: "old@example.com"}}},
			"old@example.com", 1,
		},
		{
			store.Batch{Senders: []store.Sender{
				{UserID: 20, SenderID: 17, Address: "new@example.com"},
				{UserID: 21, SenderID: 18, Address: "old@example.com"},
			}},
			"new@example.com", 0,
		},
	}
	for i, x := range steps {
		Write(t, s, x.batch)
		counts := Must[[]upstream.Count](t)(API(s).Counts(ctx, upstream.Emails, upstream.CountQuery{Window: w}))
		want := []upstream.Count{{ID: 17, Sender: x.address, Tally: upstream.Tally{Total: 1}}}
		if !slices.Equal(counts, want) {
			t.Errorf("step %d: counts are %v, want %v", i, counts, want)
		}
		rows := Must[[]upstream.Email](t)(API(s).Emails(ctx, upstream.ListQuery{Window: w, Sender: "old@example.com"}))
		if len(rows) != x.listed {
			t.Errorf("step %d: %d rows of the old address, want %d", i, len(rows), x.listed)
		}
	}
}

func testCodes(t *testing.T, open Opener) {
	ctx := context.Background()
	s := open(t, "")
	before := Must[[]string](t)(API(s).BounceCategories(ctx))
	if len(before) != 18 || before[0] != "bad-configuration" || before[17] != "virus-related" {
		t.Errorf("of an empty store: %q", before)
	}
	reasons := []string{"complaint", "hardbounce", "manual", "softbounce", "unsubscribe"}
	if got := Must[[]string](t)(API(s).BlockedReasons(ctx)); !slices.Equal(got, reasons) {
		t.Errorf("reasons of an empty store: %q", got)
	}
	Write(t, s, store.Batch{
		Bounces: []upstream.BounceDetail{{Bounce: upstream.Bounce{Category: "blockedcontent"}},
			{Bounce: upstream.Bounce{BounceTime: 1, Category: "other"}}},
		BlockedEmails: []upstream.BlockedEmail{{Reason: "zeal"}, {ProcessTime: 1}},
	})
	if got := Must[[]string](t)(API(s).BounceCategories(ctx)); len(got) != 19 || got[4] != "blockedcontent" {
		t.Errorf("with another seen: %q", got)
	}
	if got := Must[[]string](t)(API(s).BlockedReasons(ctx)); len(got) != 6 || got[5] != "zeal" {
		t.Errorf("with another reason seen: %q", got)
	}
	Write(t, s, store.Batch{Bounces: []upstream.BounceDetail{{Bounce: upstream.Bounce{UserID: 20, Category: "zeal"}}}})
	for n, only := range map[int][]upstream.ID{20: nil, 19: {20, 22}, 18: {21}} {
		q := upstream.Question{Shape: upstream.ShapeCatalogue, Kind: upstream.Bounces}
		got := Must[any](t)(s.Ask(ctx, only, &q, nil))
		if codes := got.([]string); len(codes) != n || slices.Contains(codes, "zeal") != (n > 18) {
			t.Errorf("of the users %v: %q", only, codes)
		}
	}
}

func testInfo(t *testing.T, open Opener) {
	s := open(t, "")
	events := func() store.Info {
		t.Helper()
		i := Must[store.Info](t)(s.Info(context.Background()))
		return store.Info{Users: i.Users, Senders: i.Senders, PerKind: i.PerKind}
	}
	if got := events(); got != (store.Info{}) {
		t.Errorf("of an empty store: %+v", got)
	}
	Write(t, s, store.Batch{
		Senders: []store.Sender{{UserID: 20, SenderID: 17, Address: "a@example.com"}},
		Emails:  []upstream.Email{{ProcessTime: 9}, {ProcessTime: -4}, {ProcessTime: 7}},
		Bounces: []upstream.BounceDetail{{Bounce: upstream.Bounce{BounceTime: 3}}},
	})
	want := store.Info{Users: 2, Senders: 1, PerKind: upstream.PerKind[store.Extent]{
		Emails: store.Extent{Rows: 3, First: -4, Last: 9}, Bounces: store.Extent{Rows: 1, First: 3, Last: 3},
	}}
	if got := events(); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
