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
			SenderID: rapid.SampledFrom([]upstream.ID{17, 18, 1 << 52}).Draw(t, "sender"),
			Address:  of("address", addresses...),
		})
	}
	event := func() store.Event {
		e := store.Event{
			Identity: upstream.Identity{
				Time:     when("time"),
				EmailID:  of("email id", "20161122000000.1@mail", "a b/c?d%2f&x=", "é\u2028", `"\`),
				UserID:   rapid.SampledFrom([]upstream.ID{20, 21}).Draw(t, "user"),
				SenderID: rapid.SampledFrom([]upstream.ID{17, 18}).Draw(t, "sender"),
			},
			Local:  of("local", "recipient1", "é", `"<&>"`, "a.b..", `"odd user"`, "O'Hara"),
			Domain: of("domain", "example.com", "[192.0.2.1]", "bücher.example"),
			Own: store.Own{
				Delivered: rapid.Bool().Draw(t, "delivered"), ProcessTime: when("processed"),
				PostbackTime: upstream.Time(rapid.IntRange(0, 2).Draw(t, "postback")),
				Type:         upstream.BounceType(of("type", "hard", "soft")), Category: code("category"),
				Code: of("code", "", "5.1.1", "no code"), RuleName: of("rule", "", "badmailbox03"),
				DiagnosticCode: of("diagnostic", "", "smtp; 550 <é> no\tsuch\r\n\"user\"", "\x00\\"),
				FullContent: of("content", "", "Return-Path: <>\r\n\r\nline\r\n", "\xff\xfe8-bit\x00",
					"</script>\u2028"),
				Reason: code("reason"),
			},
		}
		e.Recipient = e.Local + "@" + e.Domain
		for range rapid.IntRange(0, 3).Draw(t, "headers") {
			e.XHeaders = append(e.XHeaders, upstream.Header{
				Name:  of("name", "X-Campaign", "x-campaign", "X-a\"b\\", "X-R"),
				Value: of("value", "", "spring", "a\x00b", `q"\`+"\n", "<é>&\u2029", "7"),
			})
		}
		if e.XHeaders == nil && rapid.Bool().Draw(t, "empty") {
			e.XHeaders = []upstream.Header{}
		}
		return e
	}
	for _, k := range upstream.Kinds {
		for range rapid.IntRange(0, 12).Draw(t, k.String()) {
			b.Add(k, event())
		}
	}
	return b
}
