package upstreamtest

import (
	"flag"
	"os"
	"runtime/debug"

	"pgregory.net/rapid"

	"deliverygraph/upstream"
)

// init keeps test suites quick. Properties are tried with 12 cases instead of rapid's 100, where neither RAPID_CHECKS
// nor -rapid.checks says otherwise. The garbage collector runs less often, since tests allocate much and keep little.
func init() {
	if os.Getenv("RAPID_CHECKS") == "" {
		_ = flag.Set("rapid.checks", "12")
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
}

// ListQueries generates queries of the kind's list for the data of [Sample]. About half
// match rows, and many windows begin or end near the edge of an hour.
func ListQueries(k upstream.Kind) *rapid.Generator[upstream.ListQuery] {
	return rapid.Custom(func(t *rapid.T) upstream.ListQuery { return drawList(t, k) })
}

// SeriesQueries generates queries of the kind's counts and time series for the data of
// [Sample]. About a third have an Interval of 0, which means counts.
func SeriesQueries(k upstream.Kind) *rapid.Generator[upstream.CountQuery] {
	return rapid.Custom(func(t *rapid.T) upstream.CountQuery { return drawSeries(t, k) })
}

// drawWindow draws the whole sample or a window that often begins or ends near the edge of an hour or day.
func drawWindow(t *rapid.T) upstream.Window {
	if rapid.IntRange(0, 2).Draw(t, "whole") == 0 {
		return wholeSample
	}
	moment := rapid.Custom(func(t *rapid.T) upstream.Time {
		switch rapid.IntRange(0, 3).Draw(t, "place") {
		case 0:
			return SampleCrowd + 7200 + upstream.Time(rapid.IntRange(0, 400).Draw(t, "among many"))
		case 1, 2:
			hour := rapid.IntRange(-26, 50).Draw(t, "hour")
			return SampleDay + upstream.Time(hour*3600+rapid.IntRange(-2, 2).Draw(t, "beside"))
		}
		return SampleDay + upstream.Time(rapid.IntRange(-100_000, 200_000).Draw(t, "second"))
	})
	a, b := moment.Draw(t, "start"), moment.Draw(t, "end")
	return upstream.Window{Start: min(a, b), End: max(a, b) + 1}
}

var (
	drawnUsers   = []upstream.ID{0, 0, 0, 0, 0, crowdedUser, edgesUser, oddUser, largeUser, 999}
	drawnSenders = []upstream.ID{0, 0, 0, 0, 0, 0, 0, 0, 0, crowded, edges, edgesOther, odd, large, 999}
)

func drawList(t *rapid.T, k upstream.Kind) upstream.ListQuery {
	// maybe draws one of values in one of ten cases, so that the filters together often match rows.
	maybe := func(name string, values ...string) string {
		return rapid.SampledFrom(append(make([]string, 9*len(values)), values...)).Draw(t, name)
	}
	q := upstream.ListQuery{
		Window:    drawWindow(t),
		Offset:    rapid.SampledFrom([]int{0, 0, 0, 0, 0, 0, 0, 0, 1, 10, 499, 500, 501, 1000}).Draw(t, "offset"),
		UserID:    rapid.SampledFrom(drawnUsers).Draw(t, "user"),
		SenderID:  rapid.SampledFrom(drawnSenders).Draw(t, "sender id"),
		Sender:    maybe("sender", "sender17@example.com", "sender23@example.com", oddSender, "nobody@example.com"),
		Domain:    maybe("domain", "example.com", "example.net", "example1.com", "example.invalid"),
		Local:     maybe("local", "edge1", "recipient900", "plus+tag", "nobody"),
		Recipient: maybe("recipient", "edge1@example.com", "plus+tag@example.net", "nobody@example.com"),
	}
	if v := maybe("campaign", "spring", "autumn", "winter"); v != "" {
		name := rapid.SampledFrom([]string{"X-Campaign", "x-campaign"}).Draw(t, "case")
		q.XHeaders[0] = upstream.Header{Name: name, Value: v}
	}
	if v := maybe("district", "New Hampshire", "Vermont"); v != "" {
		q.XHeaders[len(q.Headers())] = upstream.Header{Name: "X-District", Value: v}
	}
	switch k {
	case upstream.Bounces:
		q.BounceType = upstream.BounceType(maybe("type", "hard", "soft"))
		q.BounceCategory = maybe("category", "quota-issues", "blockedcontent", "nothing")
	case upstream.Emails:
		q.Delivered = rapid.Bool().Draw(t, "delivered")
	default:
		q.BlockedReason = maybe("reason", "manual", "complaint", "nothing")
	}
	return q
}

func drawSeries(t *rapid.T, k upstream.Kind) upstream.CountQuery {
	q := upstream.CountQuery{
		Window:   drawWindow(t),
		UserID:   rapid.SampledFrom(drawnUsers).Draw(t, "user"),
		SenderID: rapid.SampledFrom(drawnSenders).Draw(t, "sender id"),
		Rollup:   rapid.SampledFrom([]upstream.Rollup{upstream.BySender, upstream.ByUser}).Draw(t, "rollup"),
		Interval: rapid.SampledFrom([]upstream.Interval{0, upstream.Hour, upstream.Day}).Draw(t, "interval"),
	}
	if k == upstream.Bounces {
		q.BounceType = rapid.SampledFrom([]upstream.BounceType{"", upstream.Hard, upstream.Soft}).Draw(t, "type")
	}
	return q
}
