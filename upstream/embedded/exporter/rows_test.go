package exporter_test

import (
	"pgregory.net/rapid"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// start is the earliest time of rows: 2016-11-22 at midnight.
const start = 1479772800

var addresses = []string{"news@example.com", "ü@example.org", `"odd one"@example.net`}

// batches draws rows that an import takes. Their values are few, so that filters match some, and many are odd.
func batches(t *rapid.T) (b store.Batch) {
	of := func(name string, all ...string) string { return rapid.SampledFrom(all).Draw(t, name) }
	when := func(name string) upstream.Time {
		at := rapid.SampledFrom([]int64{0, 1, 86399, 86400, 5000}).Draw(t, name)
		return upstream.Time(start + at + rapid.Int64Range(0, 2).Draw(t, "second"))
	}
	code := func(name string) string {
		return of(name, "bad-mailbox", "other", "one of <our> \"own\"", "hardbounce")
	}
	for range rapid.IntRange(0, 4).Draw(t, "senders") {
		b.Senders = append(b.Senders, store.Sender{
			UserID:   rapid.SampledFrom([]upstream.ID{20, 21}).Draw(t, "user"),
			SenderID: rapid.SampledFrom([]upstream.ID{17, 18, 1 << 52}).Draw(t, "sender"), Address: of("address", addresses...),
		})
	}
	email := func() (x upstream.Email) {
		x = upstream.Email{
			UserID:      rapid.SampledFrom([]upstream.ID{20, 21}).Draw(t, "user"),
			SenderID:    rapid.SampledFrom([]upstream.ID{17, 18}).Draw(t, "sender"),
			EmailID:     of("email id", "20161122000000.1@mail", "a b/c?d%2f&x=", "é\u2028", `"\`),
			Local:       of("local", "recipient1", "é", `"<&>"`, "a.b..", `"odd user"`, "O'Hara"),
			Domain:      of("domain", "example.com", "[192.0.2.1]", "bücher.example"),
			ProcessTime: when("processed"), Delivered: rapid.Bool().Draw(t, "delivered"),
		}
		x.EmailAddress = x.Local + "@" + x.Domain
		for range rapid.IntRange(0, 3).Draw(t, "headers") {
			x.XHeaders = append(x.XHeaders, upstream.Header{
				Name:  of("name", "X-Campaign", "x-campaign", "X-a\"b\\", "X-R"),
				Value: of("value", "", "spring", "a\x00b", `q"\`+"\n", "<é>&\u2029", "7"),
			})
		}
		if x.XHeaders == nil && rapid.Bool().Draw(t, "empty") {
			x.XHeaders = []upstream.Header{}
		}
		return x
	}
	for range rapid.IntRange(0, 12).Draw(t, "emails") {
		b.Emails = append(b.Emails, email())
	}
	for range rapid.IntRange(0, 12).Draw(t, "bounces") {
		e := email()
		b.Bounces = append(b.Bounces, upstream.BounceDetail{
			Bounce: upstream.Bounce{
				UserID: e.UserID, SenderID: e.SenderID, EmailID: e.EmailID, EmailAddress: e.EmailAddress, Local: e.Local,
				Domain: e.Domain, ProcessTime: e.ProcessTime, XHeaders: e.XHeaders, BounceTime: when("bounced"),
				Type: upstream.BounceType(of("type", "hard", "soft")), Category: code("category"),
				Code: of("code", "", "5.1.1", "no code"), PostbackTime: upstream.Time(rapid.IntRange(0, 2).Draw(t, "postback")),
			},
			DiagnosticCode: of("diagnostic", "", "smtp; 550 <é> no\tsuch\r\n\"user\"", "\x00\\"),
			RuleName:       of("rule", "", "badmailbox03"),
			FullContent:    of("content", "", "Return-Path: <>\r\n\r\nline\r\n", "\xff\xfe8-bit\x00", "</script>\u2028"),
		})
	}
	for range rapid.IntRange(0, 12).Draw(t, "blocked emails") {
		e := email()
		b.BlockedEmails = append(b.BlockedEmails, upstream.BlockedEmail{
			UserID: e.UserID, SenderID: e.SenderID, EmailID: e.EmailID, EmailAddress: e.EmailAddress, Local: e.Local,
			Domain: e.Domain, ProcessTime: e.ProcessTime, XHeaders: e.XHeaders, Reason: code("reason"),
			PostbackTime: upstream.Time(rapid.IntRange(0, 2).Draw(t, "postback")),
		})
	}
	return b
}
