package doctor

import (
	"context"
	"fmt"

	"deliverygraph/upstream"
	"deliverygraph/upstream/event"
)

// series holds a kind's time series against counts of the same windows, and against
// the list where counts are in accord with it: hours of the sample from its second row
// on, so that they begin and end within hours, and days of the whole window.
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

func (e *exam) seriesOf(ctx context.Context, s *sample, i upstream.Interval, w upstream.Window, total tallies, rows []event.Row) {
	path, per := s.kind.CountsPath(), map[upstream.Interval]string{upstream.Hour: "hour", upstream.Day: "day"}[i]
	a := e.ask.get(ctx, path, upstream.SeriesQuery{CountQuery: upstream.CountQuery{Window: w}, Interval: i}.Encode())
	found, err := upstream.DecodeSeries(string(a.body), s.kind)
	a.decoded(err)
	c := e.check(ruleSeries, path+"?timeseries="+per, a).of(s.kind)
	if c.failed("an object of points by the id of each sender, bare or as \"data\" of an object") {
		return
	}
	e.shapes.note(path+"?timeseries="+per, a.body)

	type bucket struct {
		sender upstream.ID
		start  upstream.Time
	}
	sums, points := tallies{}, map[bucket]upstream.Tally{}
	startsLate, empty := false, 0
	for _, one := range found {
		for _, p := range one.Points {
			switch end := p.Start + i.Seconds(); {
			case p.Start == w.Start && i.Floor(p.Start) != p.Start:
				startsLate = true
			case i.Floor(p.Start) != p.Start:
				c.breaks(fmt.Sprintf("a %s that begins at %s", per, at(p.Start)), fmt.Sprintf("full %ss of UTC", per), "the gateway refuses the series")
				return
			case p.Start >= w.End || end <= w.Start:
				c.breaks(fmt.Sprintf("the %s of %s", per, at(p.Start)), "points of the window alone", "the gateway refuses the series")
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
	const effect = "the gateway shows series that do not add up to its totals, and totals that change while its cache grows"
	if came, wanted := sums.differ(total, whoseSender); came != "" {
		c.breaks(came+" in all points together", wanted+", as the counts of that window have", effect)
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
					words(want[b])+", as the list has", "the gateway shows events in the wrong "+per)
				return
			}
		}
	}
	switch {
	case startsLate:
		c.copes(fmt.Sprintf("a first %s that begins with the window, at %s", per, at(w.Start)), fmt.Sprintf("the %s that the window begins in, at %s", per, at(i.Floor(w.Start))),
			"the gateway puts it in its place")
	case empty > 0:
		c.copes(plural(empty, "point")+" of nothing", "points of what there is alone", "the gateway fills gaps with zeros anyway")
	default:
		c.agrees()
	}
}
