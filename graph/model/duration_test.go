package model_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"deliverygraph/graph/model"
	"deliverygraph/upstream"
)

func TestDurations(t *testing.T) {
	t.Parallel()
	moment := func(s string) upstream.Time {
		m, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return upstream.Time(m.Unix())
	}
	for _, c := range []struct{ duration, before, want string }{
		{"PT1S", "2016-11-22T00:00:00Z", "2016-11-21T23:59:59Z"},
		{"PT6H", "2016-11-22T00:00:00Z", "2016-11-21T18:00:00Z"},
		{"PT90M", "2016-11-22T00:00:00Z", "2016-11-21T22:30:00Z"},
		{"P1D", "2016-03-01T12:00:00Z", "2016-02-29T12:00:00Z"},
		{"P1DT12H", "2016-11-22T00:00:00Z", "2016-11-20T12:00:00Z"},
		{"P7D", "2016-11-22T00:00:00Z", "2016-11-15T00:00:00Z"},
		{"P4W", "2016-11-22T00:00:00Z", "2016-10-25T00:00:00Z"},
		{"P1W2D", "2016-11-22T00:00:00Z", "2016-11-13T00:00:00Z"},
		{"P1M", "2016-11-22T01:02:03Z", "2016-10-22T01:02:03Z"},
		{"P1M", "2015-03-31T00:00:00Z", "2015-02-28T00:00:00Z"},
		{"P1M", "2016-03-31T00:00:00Z", "2016-02-29T00:00:00Z"},
		{"P1M", "2016-05-31T00:00:00Z", "2016-04-30T00:00:00Z"},
		{"P1M", "2016-01-31T00:00:00Z", "2015-12-31T00:00:00Z"},
		{"P3M", "2016-05-31T00:00:00Z", "2016-02-29T00:00:00Z"},
		{"P13M", "2016-03-31T00:00:00Z", "2015-02-28T00:00:00Z"},
		{"P1Y", "2016-02-29T00:00:00Z", "2015-02-28T00:00:00Z"},
		{"P4Y", "2016-02-29T00:00:00Z", "2012-02-29T00:00:00Z"},
		{"P1M1D", "2015-03-31T00:00:00Z", "2015-02-27T00:00:00Z"}, // months are subtracted first
		{"P100Y", "2016-11-22T00:00:00Z", "1916-11-22T00:00:00Z"},
		{"P0Y0M0DT0H0M1S", "1970-01-01T00:00:00Z", "1969-12-31T23:59:59Z"},
	} {
		d, err := model.ParseDuration(c.duration)
		if err != nil {
			t.Errorf("%s: %v", c.duration, err)
			continue
		}
		if got := d.Before(moment(c.before)); got != moment(c.want) {
			t.Errorf("%s before %s is %s, want %s", c.duration, c.before, got.UTC(), c.want)
		}
	}
}

func TestInvalidDurationsAreRefused(t *testing.T) {
	t.Parallel()
	for text, says := range map[string]string{
		"": "ISO 8601", "P": "ISO 8601", "PT": "ISO 8601", "P1DT": "ISO 8601", "7d": "ISO 8601", "p7d": "ISO 8601",
		"P7": "ISO 8601", "7D": "ISO 8601", "P-7D": "ISO 8601", "-P7D": "ISO 8601",
		"P1.5D": "ISO 8601", "PT0,5S": "ISO 8601", "P1S": "ISO 8601", "PT1D": "ISO 8601", "P1D1M": "ISO 8601",
		"P1D ": "ISO 8601", "P1D\n": "ISO 8601", "P٣D": "ISO 8601", "P1M1M": "ISO 8601",
		"P0D": "must be positive", "PT0S": "must be positive",
		"P101Y": "at most 100 years", "P36601D": "at most 100 years", "PT99999999999999999999S": "at most 100 years",
		"P9223372036854775807Y": "at most 100 years", "P99Y999M": "at most 100 years",
		"P" + strings.Repeat("9", 10_000) + "D": "at most 100 years",
	} {
		_, err := model.ParseDuration(text)
		if upstream.CodeOf(err) != upstream.InvalidArgument || !strings.Contains(err.Error(), says) ||
			len(err.Error()) > 400 {
			t.Errorf("%.40q: %v, want %q in it", text, err, says)
		}
	}
	for _, in := range []any{nil, 7, 7.0, true, []any{"P7D"}, map[string]any{}} {
		_, err := model.UnmarshalDuration(in)
		if upstream.CodeOf(err) != upstream.InvalidArgument || !strings.Contains(err.Error(), "must be a string") {
			t.Errorf("%v: %v", in, err)
		}
	}
}

func durations(t *rapid.T) model.Duration {
	d := model.Duration{
		Years: rapid.IntRange(0, 40).Draw(t, "years"), Months: rapid.IntRange(0, 240).Draw(t, "months"),
		Days: rapid.IntRange(0, 5000).Draw(t, "days"), Seconds: rapid.Int64Range(0, 200_000_000).Draw(t, "seconds"),
	}
	if d == (model.Duration{}) {
		d.Seconds = 1
	}
	return d
}

func TestDurationsRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := durations(t)
		got, err := model.ParseDuration(d.String())
		if got != d || err != nil {
			t.Errorf("%+v is written %s, which is %+v (%v)", d, d, got, err)
		}
		if w := written(model.MarshalDuration(d)); w != `"`+d.String()+`"` {
			t.Error(w)
		}
	})
}

// Before returns an earlier moment. It grows with the moment and shrinks with the duration, except at times of day on
// days that a month lacks, which become its last day. Days and seconds have their length in UTC.
func TestBeforeIsMonotonic(t *testing.T) {
	t.Parallel()
	moments := rapid.Map(rapid.Int64Range(0, 4102444800), func(n int64) upstream.Time { return upstream.Time(n) })
	rapid.Check(t, func(t *rapid.T) {
		d, at := durations(t), moments.Draw(t, "moment")
		before := d.Before(at)
		if before >= at {
			t.Fatalf("%s before %s is %s", d, at.UTC(), before.UTC())
		}
		if later := at + upstream.Time(86_400*rapid.Int64Range(0, 60).Draw(t, "days later")); d.Before(later) < before {
			t.Errorf("%s before %s is %s, which is before %s", d, later.UTC(), d.Before(later).UTC(), before.UTC())
		}
		longer := d
		longer.Days++
		if got := longer.Before(at); before-got != 86400 {
			t.Errorf("a day more is %d seconds", before-got)
		}
		longer = d
		longer.Seconds += 7
		if got := longer.Before(at); before-got != 7 {
			t.Errorf("seven seconds more are %d", before-got)
		}
		months := model.Duration{Months: d.Months + 1}
		got, want := months.Before(at).UTC(), at.UTC()
		if whole := (want.Year()-got.Year())*12 + int(want.Month()-got.Month()); whole != months.Months ||
			got.Day() > want.Day() || got.Day() < min(want.Day(), 28) {
			t.Errorf("%s before %s is %s", months, want, got)
		}
	})
}

// Any text is an error, or a duration whose own text parses to the same duration.
func FuzzParseDuration(f *testing.F) {
	for _, s := range []string{"P7D", "PT6H", "P1Y2M3W4DT5H6M7S", "P", "P0D", "PT", "P99999999999999999999D"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := model.ParseDuration(s)
		if err != nil {
			return
		}
		again, err := model.ParseDuration(d.String())
		if err != nil || again != d {
			t.Errorf("%q is %+v, written %s, which is %+v (%v)", s, d, d, again, err)
		}
		if now := upstream.Time(1479772800); d.Before(now) >= now {
			t.Errorf("%q is not before", s)
		}
	})
}
