package resolvers_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"deliverygraph/upstream"
	"deliverygraph/upstream/upstreamtest"
)

// tally is the values of stats or of a point of a series, by field.
type tally map[string]int64

func (t tally) add(o tally) tally {
	sum := tally{}
	for _, f := range countFields {
		sum[f] = t[f] + o[f]
	}
	return sum
}

var countFields = []string{"sent", "bounced", "hardBounced", "softBounced", "blocked"}

const selectCounts = " sent bounced hardBounced softBounced blocked "

// countRows counts the rows of a user and a sender (0 means any) in the window.
func countRows(rows upstreamtest.Rows, w upstream.Window, user, sender upstream.ID) tally {
	t := tally{}.add(nil)
	in := func(u, s upstream.ID, at upstream.Time) bool {
		return w.Start <= at && at < w.End && (user == 0 || u == user) && (sender == 0 || s == sender)
	}
	names := [...]string{upstream.Emails: "sent", upstream.Bounces: "bounced", 2: "blocked"}
	for _, k := range upstream.Kinds {
		for _, e := range upstream.Events(rows.Of(k)) {
			if in(e.UserID, e.SenderID, e.Time) {
				t[names[k]]++
				if k == upstream.Bounces {
					t[string(e.BounceType)+"Bounced"]++
				}
			}
		}
	}
	return t
}

func tallyOf(v any) tally {
	t := tally{}
	for _, f := range countFields {
		n, _ := get(v, f).(json.Number)
		t[f], _ = n.Int64()
	}
	return t
}

func literal(w upstream.Window) string {
	return fmt.Sprintf("window: {between: {start: %d, end: %d}}", w.Start, w.End)
}

// Stats and series of everyone, a user, a sender or both are what a loop over all rows counts. Adjacent windows
// add up, and so do the points of a series.
func TestRandomStatsAgreeWithRows(t *testing.T) {
	t.Parallel()
	rows := upstreamtest.Sample()
	g := newGateway(t, rows)
	moments := rapid.Custom(func(t *rapid.T) upstream.Time {
		edge := upstream.Time(rapid.IntRange(-30, 54).Draw(t, "hour")) * 3600
		return upstreamtest.SampleDay + edge + upstream.Time(rapid.SampledFrom([]int{-1, 0, 1, 1800}).Draw(t, "beside"))
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := moments.Draw(t, "a"), moments.Draw(t, "b"), moments.Draw(t, "c")
		a, c = min(a, b, c), max(a, b, c)+1
		b = min(max(b, a+1), c)
		user := rapid.SampledFrom([]upstream.ID{0, 0, 20, 21, 22, 5_000_000_020, 999}).Draw(t, "user")
		sender := rapid.SampledFrom([]upstream.ID{0, 0, 0, 17, 23, 24, 999}).Draw(t, "sender")
		interval := rapid.SampledFrom([]upstream.Interval{upstream.Hour, upstream.Day}).Draw(t, "interval")
		of := ""
		if user != 0 {
			of += fmt.Sprintf(`, userId: "%d"`, user)
		}
		if sender != 0 {
			of += fmt.Sprintf(`, senderId: %d`, sender)
		}
		field := func(w upstream.Window) string {
			name := map[upstream.Interval]string{upstream.Hour: "HOUR", upstream.Day: "DAY"}[interval]
			return "stats(" + literal(w) + of + ") {" + selectCounts +
				"bounceRate hardBounceRate softBounceRate blockedRate series(interval: " + name + ") { start" +
				selectCounts + "} }"
		}
		left, right, whole := upstream.Window{Start: a, End: b}, upstream.Window{Start: b, End: c},
			upstream.Window{Start: a, End: c}
		query := "{ left: " + field(left) + " whole: " + field(whole)
		if b < c {
			query += " right: " + field(right)
		}
		data := g.data(query+" }", nil)
		want := countRows(rows, whole, user, sender)
		if d := cmp.Diff(want, tallyOf(get(data, "whole"))); d != "" {
			t.Fatal(d)
		}
		sum := tallyOf(get(data, "left"))
		if b < c {
			sum = sum.add(tallyOf(get(data, "right")))
		}
		if d := cmp.Diff(want, sum); d != "" {
			t.Errorf("adjacent windows: %s", d)
		}
		for rate, count := range map[string]string{
			"bounceRate": "bounced", "hardBounceRate": "hardBounced", "softBounceRate": "softBounced",
			"blockedRate": "blocked",
		} {
			got, _ := get(data, "whole", rate).(json.Number)
			if want["sent"] == 0 {
				if get(data, "whole", rate) != nil {
					t.Errorf("%s is %v, but nothing was sent", rate, got)
				}
			} else if f, err := got.Float64(); err != nil || f != float64(want[count])/float64(want["sent"]) {
				t.Errorf("%s is %v of %v", rate, got, want)
			}
		}
		// Each bucket that the window touches is there, in order, with the events in the window.
		start := interval.Floor(a)
		for _, p := range list(data, "whole", "series") {
			if got := get(p, "start"); got != start.UTC().Format("2006-01-02T15:04:05Z") {
				t.Fatalf("a bucket starts %v, want %v", got, start.UTC())
			}
			part := upstream.Window{Start: max(a, start), End: min(c, start+interval.Seconds())}
			if d := cmp.Diff(countRows(rows, part, user, sender), tallyOf(p)); d != "" {
				t.Errorf("bucket %v: %s", start.UTC(), d)
			}
			start += interval.Seconds()
		}
		if start < c || start-interval.Seconds() >= c {
			t.Errorf("the series ends before %v, the window at %v", start.UTC(), c.UTC())
		}
	})
}

// Stats of a listed user or sender cover all their events, over any window.
func TestStatsOfListsAgreeWithRows(t *testing.T) {
	t.Parallel()
	rows := upstreamtest.Sample()
	g := newGateway(t, rows)
	listed := upstream.Window{Start: upstreamtest.SampleDay, End: upstreamtest.SampleDay + 86400}
	other := upstream.Window{Start: upstreamtest.SampleDay - 90_000, End: upstreamtest.SampleDay + 7300}
	stats := "same: stats(" + literal(listed) + ") {" + selectCounts + "} other: stats(" + literal(other) + ") {" +
		selectCounts + "series(interval: HOUR) {" + selectCounts + "} }"
	window := literal(listed)
	data := g.data(`{
		users(`+window+`) {
			totalCount nodes { userId `+stats+` senders(`+window+`) { nodes { senderId `+stats+` } } }
		}
		senders(`+window+`) { totalCount nodes { senderId userId address user { userId `+stats+` } `+stats+` } }
		of: senders(`+window+`, userId: 20) { totalCount nodes { senderId userId address `+stats+` } }
		bounces(`+window+`, filter: {senderId: 23}, first: 2) {
			nodes { user { userId `+stats+` } sender { senderId address `+stats+` } }
		}
		emails(`+window+`, filter: {userId: 20}, first: 2) {
			nodes { user { userId `+stats+` } sender { senderId address `+stats+` } }
		}
	}`, nil)
	seen := 0
	check := func(v any, user, sender upstream.ID) {
		t.Helper()
		seen++
		for name, w := range map[string]upstream.Window{"same": listed, "other": other} {
			if d := cmp.Diff(countRows(rows, w, user, sender), tallyOf(get(v, name))); d != "" {
				t.Errorf("user %d, sender %d, %s window: %s", user, sender, name, d)
			}
		}
		sum := tally{}.add(nil)
		for _, p := range list(v, "other", "series") {
			sum = sum.add(tallyOf(p))
		}
		if d := cmp.Diff(countRows(rows, other, user, sender), sum); d != "" {
			t.Errorf("user %d, sender %d, series: %s", user, sender, d)
		}
	}
	number := func(v any) (id upstream.ID) {
		if _, err := fmt.Sscan(v.(string), &id); err != nil {
			t.Fatal(err)
		}
		return id
	}
	for _, u := range list(data, "users", "nodes") {
		check(u, number(get(u, "userId")), 0)
		for _, s := range list(u, "senders", "nodes") {
			check(s, number(get(u, "userId")), number(get(s, "senderId")))
		}
	}
	for _, s := range append(list(data, "senders", "nodes"), list(data, "of", "nodes")...) {
		check(s, number(get(s, "userId")), number(get(s, "senderId")))
		if u := get(s, "user"); u != nil {
			check(u, number(get(u, "userId")), 0)
		}
	}
	for _, r := range append(list(data, "bounces", "nodes"), list(data, "emails", "nodes")...) {
		check(get(r, "user"), 20, 0)
		check(get(r, "sender"), 20, number(get(r, "sender", "senderId")))
		if get(r, "sender", "address") != fmt.Sprintf("sender%v@example.com", get(r, "sender", "senderId")) {
			t.Errorf("%v", get(r, "sender"))
		}
	}
	if seen < 25 {
		t.Errorf("only %d checked: %v", seen, data)
	}
}

// respond makes the REST server answer calls whose path and query have a prefix with a given body.
func (g *gateway) respond(call, body string) {
	g.intruder(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasPrefix(r.URL.RequestURI(), call) {
			return false
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(body))
		return true
	})
}

// Counts of 64 bits are exact, and their rates are numbers.
func TestLargeCountsAreExact(t *testing.T) {
	t.Parallel()
	g := newGateway(t, upstreamtest.Rows{})
	g.respond("/email/counts",
		`{"data": [{"user_id": 20, "sent_count": 9007199254740993}, {"user_id": 9223372036854775807, `+
			`"sent_count": 9000000000000000000}]}`)
	data := g.data(`{ users(`+today+`) { nodes { userId stats(`+today+`) { sent bounceRate } } } }`, nil)
	want := []any{
		map[string]any{"userId": "20", "stats": map[string]any{"sent": "9007199254740993", "bounceRate": "0"}},
		map[string]any{
			"userId": "9223372036854775807", "stats": map[string]any{"sent": "9000000000000000000", "bounceRate": "0"},
		},
	}
	if d := cmp.Diff(want, plain(list(data, "users", "nodes"))); d != "" {
		t.Error(d)
	}
}

// A remote may return counts in any order. The lists of users and senders are sorted nevertheless.
func TestUnsortedCountsGiveSortedLists(t *testing.T) {
	t.Parallel()
	g := newGateway(t, upstreamtest.Rows{})
	g.respond("/email/counts",
		`{"data": [{"sender_id": 30, "sender": "c@example.com", "sent_count": 3}, {"sender_id": 10, `+
			`"sender": "a@example.com", "sent_count": 1}, {"sender_id": 20, `+
			`"sender": "b@example.com", "sent_count": 2}]}`)
	data := g.data(`{ senders(`+today+`) { nodes { senderId address stats(`+today+`) { sent } } } page: senders(`+today+
		`, first: 2) { nodes { senderId } pageInfo { endCursor } } }`, nil)
	if d := cmp.Diff("[map[address:a@example.com senderId:10 stats:map[sent:1]] map[address:b@example.com "+
		"senderId:20 stats:map[sent:2]] map[address:c@example.com senderId:30 stats:map[sent:3]]]",
		fmt.Sprint(list(data, "senders", "nodes"))); d != "" {
		t.Error(d)
	}
	after := get(data, "page", "pageInfo", "endCursor")
	data = g.data(`query($c: String) { senders(`+today+
		`, first: 2, after: $c) { nodes { senderId } pageInfo { hasNextPage } } }`, map[string]any{"c": after})
	if d := cmp.Diff("[map[senderId:30]]", fmt.Sprint(list(data, "senders", "nodes"))); d != "" {
		t.Error(d)
	}
}

// The first hour of Unix time is a bucket like any other.
func TestSeriesMayBeginWithUnixTime(t *testing.T) {
	t.Parallel()
	g := newGateway(t, rowsAt(100, 0))
	data := g.data(`{ stats(window: {between: {start: "1970-01-01", end: "1970-01-01T02:00:00Z"}}) {
		series(interval: HOUR) { start sent } } }`, nil)
	if got := fmt.Sprint(list(data, "stats", "series")); got != "[map[sent:1 start:1970-01-01T00:00:00Z] "+
		"map[sent:0 start:1970-01-01T01:00:00Z]]" {
		t.Error(got)
	}
}

// A series with buckets other than those requested is an error, since it does not add up.
func TestSeriesWithWrongBucketsIsAnError(t *testing.T) {
	t.Parallel()
	g := newGateway(t, upstreamtest.Rows{})
	const partial = `window: {between: {start: "2016-11-22T06:30:00Z", end: "2016-11-22T12:00:00Z"}}`
	for name, c := range map[string]struct {
		points string
		right  bool
	}{
		"hours": {
			`[{"timestamp": 1479794400, "sent_count": 1}, {"timestamp": 1479798000, "sent_count": 2}]`, true,
		},
		"the first starts with the window": {
			`[{"timestamp": 1479796200, "sent_count": 1}, {"timestamp": 1479798000, "sent_count": 2}]`, true,
		},
		"a bucket before the window":          {`[{"timestamp": 1479790800, "sent_count": 3}]`, false},
		"a bucket after the window":           {`[{"timestamp": 1479816000, "sent_count": 3}]`, false},
		"hours of a half-hour time zone":      {`[{"timestamp": 1479799800, "sent_count": 3}]`, false},
		"a bucket so early that it overflows": {`[{"timestamp": -62167219200, "sent_count": 3}]`, false},
	} {
		t.Run(name, func(t *testing.T) {
			g.respond("/email/counts", `{"data": {"20": `+c.points+`}}`)
			resp := g.ask(`{ stats(`+partial+`) { series(interval: HOUR) { sent } } }`, nil)
			if !c.right {
				if len(resp.Errors) != 1 || resp.Errors[0].Extensions["code"] != "UPSTREAM_INVALID_RESPONSE" ||
					get(resp.Data, "stats", "series") != nil || get(resp.Data, "stats") == nil {
					t.Errorf("%+v", resp)
				}
				return
			}
			if got := fmt.Sprint(list(resp.Data, "stats", "series")); got != "[map[sent:1] map[sent:2] map[sent:0] "+
				"map[sent:0] map[sent:0] map[sent:0]]" || len(resp.Errors) > 0 {
				t.Errorf("%s %v", got, resp.Errors)
			}
		})
	}
}
