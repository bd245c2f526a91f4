package storetest

import (
	"fmt"
	"strings"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"

	"pgregory.net/rapid"
)

// Values are few, so that filters match rows. Some are odd.
var (
	users     = []upstream.ID{20, 21, 22, 405954}
	senderIDs = []upstream.ID{17, 18, 19, 107546, 1}
	addresses = []string{"a@example.com", "b@example.com", "ü@example.org", ""}
	locals    = []string{"recipient1", "recipient2", "info", "", "x\x00y", "é"}
	domains   = []string{"example.com", "example.org", "example.net", "", "info"}
	names     = []string{"X-Campaign", "x-campaign", "X-Region", "X-K\u212a", ""}
	values    = []string{"spring", "Spring", "", "a\x00b", "7"}
	types     = []upstream.BounceType{"hard", "soft", "", "odd"}
	codes     = []string{"bad-mailbox", "other", "blockedcontent", ""}
)

// times draws times from a span of a second, some seconds, two hours or 90 days, so that rows are dense or sparse.
func times(t *rapid.T) *rapid.Generator[upstream.Time] {
	start := rapid.SampledFrom([]int64{1472500953, 1479600000 - 1800, -86400 * 3, 800000000}).Draw(t, "start")
	span := rapid.SampledFrom([]int64{0, 10, 7200, 86400 * 90}).Draw(t, "span")
	return rapid.Custom(func(t *rapid.T) upstream.Time {
		x := upstream.Time(rapid.Int64Range(start, start+span).Draw(t, "time"))
		if rapid.IntRange(0, 9).Draw(t, "edge") == 0 {
			x = upstream.Hour.Floor(x)
		}
		return x
	})
}

func headers(t *rapid.T) []upstream.Header {
	n := rapid.IntRange(-1, 3).Draw(t, "headers")
	if n < 0 {
		return nil
	}
	hs := make([]upstream.Header, n)
	for i := range hs {
		hs[i] = upstream.Header{Name: rapid.SampledFrom(names).Draw(t, "name"),
			Value: rapid.SampledFrom(values).Draw(t, "value")}
	}
	return hs
}

// events draws events of a kind.
func events(k upstream.Kind, when *rapid.Generator[upstream.Time]) *rapid.Generator[store.Event] {
	return rapid.Custom(func(t *rapid.T) store.Event {
		e := store.Event{
			Identity: upstream.Identity{
				UserID:   rapid.SampledFrom(users).Draw(t, "user"),
				SenderID: rapid.SampledFrom(senderIDs).Draw(t, "sender"),
				Time:     when.Draw(t, "time"),
			},
			Local: rapid.SampledFrom(locals).Draw(t, "local"), Domain: rapid.SampledFrom(domains).Draw(t, "domain"),
			XHeaders: headers(t),
		}
		e.Recipient = e.Local + "@" + e.Domain
		if rapid.IntRange(0, 9).Draw(t, "odd") == 0 {
			e.Recipient = rapid.SampledFrom([]string{"", "other@example.com", e.Local}).Draw(t, "address")
		}
		e.EmailID = fmt.Sprintf("%s.%d@mail", e.Time.UTC().Format("20060102150405"), rapid.IntRange(0, 3).Draw(t, "id"))
		if rapid.IntRange(0, 9).Draw(t, "odd") == 0 {
			e.EmailID = rapid.SampledFrom([]string{"", "b", "a@b", "20160829200233"}).Draw(t, "email id")
		}
		if k == upstream.Emails {
			e.Delivered = rapid.Bool().Draw(t, "delivered")
			return e
		}
		e.PostbackTime = upstream.Time(rapid.Int64Range(0, 3).Draw(t, "postback"))
		if k == blocked {
			e.Reason = rapid.SampledFrom(codes).Draw(t, "reason")
			return e
		}
		e.ProcessTime = when.Draw(t, "process")
		e.Type = rapid.SampledFrom(types).Draw(t, "type")
		e.Category = rapid.SampledFrom(codes).Draw(t, "category")
		e.Code = rapid.SampledFrom([]string{"5.1.1", "4.2.0", ""}).Draw(t, "code")
		e.DiagnosticCode = rapid.SampledFrom([]string{"", "smtp; 550", "\x00"}).Draw(t, "diagnostic")
		e.RuleName = rapid.SampledFrom([]string{"", "rule03"}).Draw(t, "rule")
		e.FullContent = rapid.SampledFrom([]string{"", "short", strings.Repeat("Received: x\n", 40)}).Draw(t, "content")
		return e
	})
}

func batches(when *rapid.Generator[upstream.Time], rows int) *rapid.Generator[store.Batch] {
	return rapid.Custom(func(t *rapid.T) store.Batch {
		sender := rapid.Custom(func(t *rapid.T) store.Sender {
			return store.Sender{UserID: rapid.SampledFrom(users).Draw(t, "user"),
				SenderID: rapid.SampledFrom(senderIDs).Draw(t, "sender"),
				Address:  rapid.SampledFrom(addresses).Draw(t, "address")}
		})
		b := store.Batch{Senders: rapid.SliceOfN(sender, 0, 3).Draw(t, "senders")}
		for _, k := range upstream.Kinds {
			for _, e := range rapid.SliceOfN(events(k, when), 0, rows).Draw(t, k.String()) {
				b.Add(k, e)
			}
		}
		return b
	})
}

func window(t *rapid.T, when *rapid.Generator[upstream.Time]) upstream.Window {
	switch rapid.IntRange(0, 5).Draw(t, "window") {
	case 0:
		return upstream.Window{Start: -1 << 63, End: 1<<63 - 1}
	case 1:
		return upstream.Window{Start: -1 << 40, End: 1 << 40}
	}
	a, b := when.Draw(t, "a"), when.Draw(t, "b")
	return upstream.Window{Start: min(a, b), End: max(a, b) + upstream.Time(rapid.IntRange(0, 1).Draw(t, "past"))}
}

// sometimes draws a value, or more often the zero value.
func sometimes[V any](t *rapid.T, label string, from ...V) V {
	if rapid.IntRange(0, 3).Draw(t, label+"?") > 0 {
		var none V
		return none
	}
	return rapid.SampledFrom(from).Draw(t, label)
}

func scopes(t *rapid.T) []upstream.ID {
	return rapid.SampledFrom([][]upstream.ID{
		nil, nil, nil, {}, {20}, {21, 20}, {405954, 22, 21, 20, 20}, {99},
	}).Draw(t, "only")
}

func listQueries(t *rapid.T, when *rapid.Generator[upstream.Time], rows int) upstream.ListQuery {
	q := upstream.ListQuery{
		Window:   window(t, when),
		UserID:   sometimes(t, "user", append(users, 99)...),
		SenderID: sometimes(t, "sender id", append(senderIDs, 99)...),
		Sender:   sometimes(t, "sender", append(addresses, "nobody@example.com")...),
		Domain:   sometimes(t, "domain", append(domains, "none.example.com")...),
		Local:    sometimes(t, "local", append(locals, "nobody")...),
		Recipient: sometimes(t, "recipient", "recipient1@example.com", "@", "info@example.org", "other@example.com",
			"info"),

		BounceType:     sometimes(t, "type", types...),
		BounceCategory: sometimes(t, "category", codes...),
		Delivered:      rapid.IntRange(0, 3).Draw(t, "delivered") == 0,
		BlockedReason:  sometimes(t, "reason", codes...),
	}
	for range rapid.SampledFrom([]int{0, 0, 0, 1, 2}).Draw(t, "headers") {
		q.XHeaders[len(q.Headers())] = upstream.Header{
			Name:  rapid.SampledFrom(append(names, "X-CAMPAIGN", "x-kk")).Draw(t, "name"),
			Value: rapid.SampledFrom(values).Draw(t, "value"),
		}
	}
	if rapid.Bool().Draw(t, "skip") {
		q.Offset = rapid.IntRange(0, rows).Draw(t, "offset")
	}
	return q
}

func seriesQueries(t *rapid.T, when *rapid.Generator[upstream.Time]) upstream.CountQuery {
	return upstream.CountQuery{
		Window: window(t, when), UserID: sometimes(t, "user", users...), SenderID: sometimes(t, "sender", senderIDs...),
		BounceType: sometimes(t, "type", types...),
		Rollup:     rapid.SampledFrom([]upstream.Rollup{upstream.BySender, upstream.ByUser}).Draw(t, "rollup"),
		Interval:   rapid.SampledFrom([]upstream.Interval{upstream.Hour, upstream.Day}).Draw(t, "interval"),
	}
}

// OddBatch draws a batch whose rows a store must take. Many are such as no import makes.
func OddBatch(t *rapid.T) store.Batch { return batches(times(t), 10).Draw(t, "batch") }
