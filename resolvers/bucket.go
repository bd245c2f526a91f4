package resolvers

import (
	"context"
	"slices"
	"time"

	"deliverygraph/graph/model"
	"deliverygraph/resolvers/loaders"
	"deliverygraph/upstream"
)

// buckets is the sequence of hours or days that a window touches.
type buckets struct {
	window upstream.Window
	asked  upstream.Interval // of the calls
	starts []upstream.Time
	days   bool // of a time zone, which are made of hours
}

// newBuckets returns the hours or days of a window: days of a time zone are added up from hours.
func newBuckets(w upstream.Window, interval upstream.Interval, zone *string) (buckets, error) {
	b := buckets{window: w, asked: interval}
	place := time.UTC
	if zone != nil {
		var err error
		if place, err = model.ParseZone(*zone); err != nil {
			return b, badArgument("timeZone", "timeZone: %v", err)
		}
	}
	b.days = interval == upstream.Day && place != time.UTC
	if b.days {
		b.asked = upstream.Hour
	} else if !wholeHours(w, place) {
		return b, badArgument("timeZone", "timeZone: in %s, hours do not begin with those in UTC: "+
			"omit timeZone, or use the interval DAY", place)
	}
	first := b.asked.Floor(w.Start)
	n := int((w.End-first-1)/b.asked.Seconds()) + 1
	switch {
	case n > model.MaxPoints && b.days:
		return b, badArgument("interval", "days in a time zone are made of hours, of which this window has %d, "+
			"but at most %d are allowed: use a shorter window", n, model.MaxPoints)
	case n > model.MaxPoints:
		return b, badArgument("interval", "the series would have %d points, but at most %d are allowed: "+
			"use a longer interval or a shorter window", n, model.MaxPoints)
	case b.days:
		b.starts = model.Days(w, place)
		return b, nil
	}
	b.starts = make([]upstream.Time, n)
	for i := range b.starts {
		b.starts[i] = first + upstream.Time(i)*b.asked.Seconds()
	}
	return b, nil
}

// wholeHours reports whether a time zone is whole hours from UTC throughout a window.
func wholeHours(w upstream.Window, place *time.Location) bool {
	for t := w.Start.UTC().In(place); ; {
		if _, offset := t.Zone(); offset%3600 != 0 {
			return false
		}
		_, end := t.ZoneBounds()
		if end.IsZero() || end.Unix() >= int64(w.End) {
			return true
		}
		t = end
	}
}

func (b *buckets) points() []*model.StatsPoint {
	all := make([]model.StatsPoint, len(b.starts))
	for i, start := range b.starts {
		all[i].Start = start
	}
	return pointers(all)
}

// index returns the index of the bucket in which the interval that starts at a time begins. Other times than the
// starts of intervals are an error: without their counts the series would not add up. In the answer of a remote, the
// first interval may start with the window.
func (b *buckets) index(start upstream.Time) (int, error) {
	if start != b.window.Start && start != b.asked.Floor(start) || start < b.asked.Floor(b.window.Start) ||
		start >= b.window.End {
		return 0, &upstream.Error{Code: upstream.InvalidResponse,
			Message: "the upstream returned a time series whose buckets are not UTC hours or days in the window"}
	}
	if !b.days {
		return int((start - b.starts[0]) / b.asked.Seconds()), nil
	}
	i, begins := slices.BinarySearch(b.starts, max(start, b.window.Start))
	if !begins {
		i--
	}
	return i, nil
}

// rest returns the part of a UTC hour that belongs to the bucket after the one in which the hour begins, if there is
// one: days of some time zones begin within an hour.
func (b *buckets) rest(start upstream.Time, bucket int) (part upstream.Window, ok bool) {
	hour := upstream.Window{Start: start, End: min(upstream.Hour.Floor(start)+upstream.Hour.Seconds(), b.window.End)}
	if !b.days || bucket+1 == len(b.starts) || b.starts[bucket+1] >= hour.End {
		return part, false
	}
	return upstream.Window{Start: b.starts[bucket+1], End: hour.End}, true
}

// fill adds a subject's series of a kind to the points.
func (b *buckets) fill(ctx context.Context, points []*model.StatsPoint, s *model.Stats, k upstream.Kind,
	series []upstream.Series) error {
	type split struct {
		bucket int
		part   upstream.Window
		whole  upstream.Tally
	}
	var splits []split
	for _, one := range series {
		if s.Subject.Row != 0 && one.ID != s.Subject.Row {
			continue
		}
		for _, p := range one.Points {
			at, err := b.index(p.Start)
			if err != nil {
				return err
			}
			points[at].Tallies[k] = points[at].Tallies[k].Add(p.Tally)
			if part, ok := b.rest(p.Start, at); ok && p.Total > 0 {
				i := slices.IndexFunc(splits, func(s split) bool { return s.part == part })
				if i < 0 {
					i = len(splits)
					splits = append(splits, split{bucket: at, part: part})
				}
				splits[i].whole = splits[i].whole.Add(p.Tally)
			}
		}
	}
	tallies, errs := make([]upstream.Tally, len(splits)), make([]error, len(splits))
	upstream.Concurrently(len(splits), func(i int) {
		q := countQuery(s)
		q.Window = splits[i].part
		counts, err := loaders.From(ctx).Counts(ctx, loaders.CountsKey{Kind: k, Query: q})
		if errs[i] = err; err == nil {
			tallies[i] = counts.Tally(s.Subject.Row)
		}
	})
	for i, s := range splits {
		if errs[i] != nil {
			return errs[i]
		}
		t := upstream.Tally{ // no more than the hour had when it was counted
			Total: min(tallies[i].Total, s.whole.Total), Soft: min(tallies[i].Soft, s.whole.Soft),
			Hard: min(tallies[i].Hard, s.whole.Hard),
		}
		before, after := &points[s.bucket].Tallies[k], &points[s.bucket+1].Tallies[k]
		*before, *after = before.Add(upstream.Tally{Total: -t.Total, Soft: -t.Soft, Hard: -t.Hard}), after.Add(t)
	}
	return nil
}
