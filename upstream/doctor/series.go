package doctor

import (
	"context"
	"fmt"

	"deliverygraph/upstream"
)

// series compares a kind's time series with the counts of the same windows and, if the counts match the list, with the
// list. It requests the hours of the sample and the days of the whole window. The hours start at the second row, so
// that the window begins and ends within an hour.
func (e *exam) series(ctx context.Context, s *sample, h *halves) {
	if !h.asListed {
		e.seriesOf(ctx, s, upstream.Hour, h.right, h.r, nil)
		e.seriesOf(ctx, s, upstream.Day, s.window, talliesOf(s.counts.rows), nil)
		return
	}
	w := upstream.Window{Start: times(s.rows)[1], End: h.whole.End}
	rows := h.listed(s, w)
	e.seriesOf(ctx, s, upstream.Hour, w, tally(rows, upstream.BySender), rows)
	rows = nil
	if s.all {
		rows = s.rows
	}
	e.seriesOf(ctx, s, upstream.Day, s.window, talliesOf(s.counts.rows), rows)
}

func (e *exam) seriesOf(ctx context.Context, s *sample, i upstream.Interval, w upstream.Window, total tallies,
	rows []upstream.Event) {
	path := s.kind.CountsPath()
	per := map[upstream.Interval]string{upstream.Hour: "hour", upstream.Day: "day"}[i]
	a := e.ask.get(ctx, path, upstream.SeriesQuery{CountQuery: upstream.CountQuery{Window: w}, Interval: i}.Encode())
	found, err := upstream.DecodeSeries(string(a.body), s.kind)
	a.decoded(err)
	c := e.check(ruleSeries, path+"?timeseries="+per, a).of(s.kind)
	if c.failed(`an object of points by sender id, bare or as "data" of an object`) {
		return
	}
	e.shapes.note(path+"?timeseries="+per, a.body)

	type bucket struct {
		sender upstream.ID
		start  upstream.Time
	}
	const effectRejects = "the gateway rejects the series"
	sums, points := tallies{}, map[bucket]upstream.Tally{}
	startsLate, empty := false, 0
	for _, one := range found {
		for _, p := range one.Points {
			switch end := p.Start + i.Seconds(); {
			case p.Start == w.Start && i.Floor(p.Start) != p.Start:
				startsLate = true
			case i.Floor(p.Start) != p.Start:
				c.breaks(fmt.Sprintf("a %s that begins at %s", per, at(p.Start)), fmt.Sprintf("whole UTC %ss", per),
					effectRejects)
				return
			case p.Start >= w.End || end <= w.Start:
				c.breaks(fmt.Sprintf("the %s of %s", per, at(p.Start)), "only points of the window", effectRejects)
				return
			}
			if p.Tally == (upstream.Tally{}) {
				empty++
			}
			sums[one.ID] = sums[one.ID].Add(p.Tally)
			b := bucket{one.ID, i.Floor(p.Start)}
			points[b] = points[b].Add(p.Tally)
		}
	}
	const effect = "the gateway shows series that do not add up to its totals, " +
		"and totals that change as its cache fills"
	if came, wanted := sums.differ(total, whoseSender); came != "" {
		c.breaks(came+" in all points together", wanted+", as in the counts of that window", effect)
		return
	}
	if rows != nil {
		want := map[bucket]upstream.Tally{}
		for _, r := range rows {
			b := bucket{r.SenderID, i.Floor(r.Time)}
			want[b] = want[b].Add(r.Tally())
		}
		for _, r := range rows {
			b := bucket{r.SenderID, i.Floor(r.Time)}
			if points[b] != want[b] {
				c.breaks(fmt.Sprintf("sender %d has %s in the %s of %s", b.sender, words(points[b]), per, at(b.start)),
					words(want[b])+", as in the list", "the gateway shows events in the wrong "+per)
				return
			}
		}
	}
	switch {
	case startsLate:
		c.copes(fmt.Sprintf("a first %s that begins at start_time, %s", per, at(w.Start)),
			fmt.Sprintf("the whole %s that contains start_time, from %s on", per, at(i.Floor(w.Start))),
			"the gateway moves the point to the start of its "+per)
	case empty > 0:
		c.copes(plural(empty, "point")+" without events", "only points with events",
			"none: the gateway fills gaps with zeros anyway")
	default:
		c.agrees()
	}
}
