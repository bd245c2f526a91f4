package model_test

import (
	"testing"
	"time"

	"deliverygraph/graph/model"
	"deliverygraph/upstream"
)

// Days have the length that people live them, also where clocks change at midnight.
func TestDaysOfTimeZones(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		zone, start string
		hours       []float64
	}{
		{"Europe/Berlin", "2026-03-27T23:00:00Z", []float64{24, 23, 24}},
		{"Europe/Berlin", "2026-10-23T22:00:00Z", []float64{24, 25, 24}},
		{"Asia/Kolkata", "2026-11-28T18:30:00Z", []float64{24, 24, 24}},
		{"Australia/Lord_Howe", "2026-04-03T13:00:00Z", []float64{24, 24.5, 24}},
		{"America/Sao_Paulo", "2018-11-03T03:00:00Z", []float64{24, 23, 24}}, // no midnight on 4 November
		{"America/Sao_Paulo", "2018-02-16T02:00:00Z", []float64{24, 25, 24}}, // midnight goes back to 23:00
		{"Pacific/Apia", "2011-12-29T10:00:00Z", []float64{24, 24, 24}},      // without 30 December
	} {
		zone, err := model.ParseZone(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		start, err := time.Parse(time.RFC3339, c.start)
		if err != nil {
			t.Fatal(err)
		}
		from := upstream.Time(start.Unix())
		days := model.Days(upstream.Window{Start: from + 60, End: from + 4*86400}, zone)
		if len(days) < 4 || days[0] != from {
			t.Errorf("%s: days begin at %v, want %d first", c.zone, days, from)
			continue
		}
		for i, want := range c.hours {
			if got := float64(days[i+1]-days[i]) / 3600; got != want {
				t.Errorf("%s: day %d after %s has %v hours, want %v", c.zone, i, c.start, got, want)
			}
		}
	}
	for _, name := range []string{"", "Local", "Nowhere/City", "../etc/passwd", "Europe//Berlin", "Europe/./Berlin"} {
		if _, err := model.ParseZone(name); err == nil {
			t.Errorf("%q is a time zone", name)
		}
	}
}

// Hours of a time zone are those in UTC if its clocks differ from UTC by whole hours throughout the window. Windows may
// be in years whose clock changes follow from a rule, leap years included.
func TestHoursOfTimeZones(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		zone, start, end string
		allowed          bool
	}{
		{"Europe/Berlin", "2040-12-01T00:00:00Z", "2041-06-01T00:00:00Z", true},
		{"Europe/Berlin", "1950-01-01T00:00:00Z", "9999-12-31T00:00:00Z", false}, // too many
		{"Australia/Lord_Howe", "2040-12-01T00:00:00Z", "2041-03-01T00:00:00Z", true},
		{"Australia/Lord_Howe", "2040-12-01T00:00:00Z", "2041-05-01T00:00:00Z", false},
		{"Asia/Kolkata", "2026-11-28T00:00:00Z", "2026-11-29T00:00:00Z", false},
	} {
		start, err := model.UnmarshalDateTime(c.start)
		if err != nil {
			t.Fatal(err)
		}
		end, err := model.UnmarshalDateTime(c.end)
		if err != nil {
			t.Fatal(err)
		}
		_, err = model.NewBuckets(upstream.Window{Start: start, End: end}, upstream.Hour, &c.zone)
		if (err == nil) != c.allowed {
			t.Errorf("%s from %s to %s: %v", c.zone, c.start, c.end, err)
		}
	}
}
