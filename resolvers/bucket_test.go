package resolvers_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"deliverygraph/upstream"
	"deliverygraph/upstream/upstreamtest"
)

// Days in a time zone count exactly the events between their midnights, also where clocks change and where midnight is
// within an hour of UTC, for everyone and for each user.
func TestSeriesByDaysOfTimeZones(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		zone, start, end string
		days             int
		calls            int // for sent and bounced, besides those that list users
	}{
		{"Europe/Berlin", "2016-10-28T10:20:00Z", "2016-11-01T00:00:00Z", 5, 2}, // clocks change on 30 October
		{"Europe/Berlin", "2016-03-26T00:00:00+01:00", "2016-03-28T00:00:00+02:00", 2, 2},
		{"Asia/Kolkata", "2016-10-28T10:20:00Z", "2016-10-31T00:00:00Z", 4, 2 + 2*3},
		{"Asia/Kathmandu", "2016-10-28T18:10:00Z", "2016-10-29T18:20:00Z", 3, 2 + 2*2},
		{"UTC", "2016-10-28T10:20:00Z", "2016-10-29T10:20:00Z", 2, 2},
	} {
		t.Run(c.zone+" "+c.start, func(t *testing.T) {
			t.Parallel()
			start, _ := time.Parse(time.RFC3339, c.start)
			end, _ := time.Parse(time.RFC3339, c.end)
			rows := rowsOfDay(0)
			from := upstream.Time(start.Unix()) - 7200
			for i := range 700 { // one every 13 minutes
				more := rowsAt(from+upstream.Time(i*797), i)
				rows.Emails, rows.Bounces = append(rows.Emails, more.Emails...), append(rows.Bounces, more.Bounces...)
			}
			g := newGateway(t, rows)
			w := fmt.Sprintf("window: {between: {start: %q, end: %q}}", c.start, c.end)
			series := `series(interval: DAY, timeZone: "` + c.zone + `") { start sent bounced hardBounced bounceRate }`
			all := get(g.data(`{ stats(`+w+`) { `+series+` } }`, nil), "stats", "series")
			if calls := g.called(); len(calls) != c.calls {
				t.Errorf("%d calls, want %d:\n%s", len(calls), c.calls, strings.Join(calls, "\n"))
			}
			zone, err := time.LoadLocation(c.zone)
			if err != nil {
				t.Fatal(err)
			}
			checkDays(t, all, rows, start, end, zone, 0, c.days)
			users := g.data(`{ users(`+w+`) { nodes { userId stats(`+w+`) { `+series+` } } } }`, nil)
			for _, u := range list(users, "users", "nodes") {
				var id int
				_, _ = fmt.Sscan(get(u, "userId").(string), &id)
				checkDays(t, get(u, "stats", "series"), rows, start, end, zone, upstream.ID(id), c.days)
			}
		})
	}
}

// checkDays compares a series with the rows of a user, or of all if the user is 0.
func checkDays(t *testing.T, series any, rows upstreamtest.Rows, start, end time.Time, zone *time.Location,
	user upstream.ID, days int) {
	t.Helper()
	sent, bounced := map[string]int{}, map[string]int{}
	in := func(at upstream.Time) bool { return !at.UTC().Before(start) && at.UTC().Before(end) }
	date := func(at time.Time) string { return at.In(zone).Format(time.DateOnly) }
	for i, e := range rows.Emails {
		if in(e.ProcessTime) && (user == 0 || e.UserID == user) {
			sent[date(e.ProcessTime.UTC())]++
		}
		if b := rows.Bounces[i]; in(b.BounceTime) && (user == 0 || b.UserID == user) {
			bounced[date(b.BounceTime.UTC())]++
		}
	}
	points := list(series)
	if len(points) != days {
		t.Errorf("%d days, want %d", len(points), days)
	}
	for _, p := range points {
		at, err := time.Parse(time.RFC3339, get(p, "start").(string))
		if err != nil || at.In(zone).Format("15:04:05") != "00:00:00" {
			t.Errorf("a day begins at %v", get(p, "start"))
		}
		d := date(at)
		if fmt.Sprint(get(p, "sent")) != fmt.Sprint(sent[d]) ||
			fmt.Sprint(get(p, "bounced")) != fmt.Sprint(bounced[d]) {
			t.Errorf("user %d, %s: %v, want %d sent and %d bounced", user, d, p, sent[d], bounced[d])
		}
		if rate := number(get(p, "bounceRate")); (rate == nil) != (sent[d] == 0) ||
			rate != nil && *rate != float64(bounced[d])/float64(sent[d]) {
			t.Errorf("%s: rate %v", d, get(p, "bounceRate"))
		}
	}
}

func TestTimeZonesOfSeriesAreChecked(t *testing.T) {
	t.Parallel()
	g := newGateway(t, rowsOfDay(10))
	for args, argument := range map[string]string{
		`interval: DAY, timeZone: "Nowhere/City"`:   "timeZone",
		`interval: DAY, timeZone: ""`:               "timeZone",
		`interval: HOUR, timeZone: "Asia/Kolkata"`:  "timeZone",
		`interval: HOUR, timeZone: "Europe/Berlin"`: "",
	} {
		r := g.ask(`{ stats(`+today+`) { series(`+args+`) { sent } } }`, nil)
		switch {
		case argument == "" && len(r.Errors) > 0:
			t.Errorf("%s: %+v", args, r.Errors)
		case argument != "" && (len(r.Errors) != 1 || r.Errors[0].Extensions["code"] != "BAD_USER_INPUT" ||
			r.Errors[0].Extensions["argument"] != argument):
			t.Errorf("%s: %+v", args, r.Errors)
		}
	}
	// Its summer time, from October on, is a whole number of hours from UTC.
	for start, errs := range map[string]int{"2025-12-01": 0, "2025-09-01": 1, "2025-03-01": 1} {
		r := g.ask(`{ stats(window: {between: {start: "`+start+`T00:00:00Z", end: "2025-12-31T00:00:00Z"}}) {
			series(interval: HOUR, timeZone: "Australia/Lord_Howe") { sent } } }`, nil)
		if len(r.Errors) != errs {
			t.Errorf("from %s: %+v", start, r.Errors)
		}
	}
	r := g.ask(`{ stats(window: {last: "P3Y"}) { series(interval: DAY, timeZone: "Europe/Berlin") { sent } } }`, nil)
	if len(r.Errors) != 1 || r.Errors[0].Extensions["argument"] != "interval" {
		t.Errorf("%+v", r.Errors)
	}
}
