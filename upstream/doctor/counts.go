package doctor

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"deliverygraph/upstream"
)

// counts compares a kind's counts with its list: by sender over two adjacent parts of
// the sample, by user over both together, and as time series.
func (e *exam) counts(ctx context.Context, s *sample) {
	path := s.kind.CountsPath()
	read := e.check(ruleRead, path, s.counts.answer)
	if read.failed(`rows of counts with the document's fields, in an array, bare or as "data" of an object`) {
		return
	}
	read.agrees()
	seconds := times(s.rows)
	n := len(seconds)
	if n == 0 {
		if s.page.fault != "" || s.counts.total().Total > 0 {
			e.check("counts and time series", path, s.counts.answer).cannot(s.why)
		}
		return
	}
	if n < 3 {
		e.check(ruleCounts, path, answer{}).cannot(fmt.Sprintf("the sampled %s span too few seconds", s.kind))
		return
	}
	// Both parts end at the time of a row, which shows whether the server includes or excludes the ends of windows.
	whole := upstream.Window{Start: s.part.Start, End: seconds[n-1]}
	if !e.halves(ctx, s, whole, seconds[n/2]) {
		e.check("counts by user, filters of counts and time series", path, answer{}).
			cannot("the counts by sender do not match the list")
		return
	}
	e.rollup(ctx, s, whole)
	e.countFilter(ctx, s, whole)
	// The hours start at the second row, so that the window begins within an hour.
	e.series(ctx, s, upstream.Hour, upstream.Window{Start: seconds[1], End: whole.End})
	e.series(ctx, s, upstream.Day, s.window)
}

// halves compares the counts by sender of both parts of a window with the list, and reports whether they match. Counts
// that do not are not examined further.
func (e *exam) halves(ctx context.Context, s *sample, w upstream.Window, middle upstream.Time) bool {
	windows := [2]upstream.Window{{Start: w.Start, End: middle}, {Start: middle, End: w.End}}
	var counts [2]counted
	for i, w := range windows {
		counts[i] = e.count(ctx, s.kind, upstream.CountQuery{Window: w})
		c := e.check(ruleCounts, s.kind.CountsPath(), counts[i].answer).of(s.kind)
		if c.failed("counts of a part of the window") {
			return false
		}
	}
	// differ compares the counts with those of a server that moves the edges of windows by so many seconds.
	differ := func(moveStart, moveEnd upstream.Time) (which int, came, wanted string) {
		for i, w := range windows {
			w = upstream.Window{Start: w.Start + moveStart, End: w.End + moveEnd}
			came, wanted = talliesOf(counts[i].rows).differ(tally(within(w, s.rows), upstream.BySender), "sender")
			if came != "" {
				return i, came, wanted
			}
		}
		return 0, "", ""
	}
	which, came, wanted := differ(0, 0)
	listed := e.check(ruleCounts, s.kind.CountsPath(), counts[which].answer).of(s.kind)
	window := e.check(ruleCountWindow, s.kind.CountsPath(), counts[which].answer).of(s.kind)
	if came == "" {
		listed.agrees()
		window.agrees()
		return true
	}
	for _, edges := range []struct {
		start, end upstream.Time
		words      string
	}{
		{0, 1, "counts include end_time"},
		{1, 0, "counts exclude start_time"},
		{1, 1, "counts exclude start_time and include end_time"},
	} {
		if _, came, _ := differ(edges.start, edges.end); came == "" {
			listed.agrees()
			window.f.alike = edges.words
			break
		}
	}
	if window.f.alike != "" {
		window.breaks(came+": "+window.f.alike, wanted,
			"the gateway's counts are slightly wrong, and adjacent windows do not add up")
		return false
	}
	listed.breaks(came, wanted+", as in the list of that window", "the gateway shows counts that contradict its lists")
	return false
}

// rollup compares counts by user with the list.
func (e *exam) rollup(ctx context.Context, s *sample, w upstream.Window) {
	users := e.count(ctx, s.kind, upstream.CountQuery{Window: w, Rollup: upstream.ByUser})
	c := e.check(ruleRollup, s.kind.CountsPath(), users.answer).of(s.kind)
	if c.failed("a row with user_id for each user") {
		return
	}
	came, wanted := talliesOf(users.rows).differ(tally(within(w, s.rows), upstream.ByUser), "user")
	if came != "" {
		c.breaks(came, wanted+", as in the list", "the gateway shows wrong counts of accounts and wrong totals")
		return
	}
	c.agrees()
}

// countFilter checks one of the filters of counts, a different one for each kind.
func (e *exam) countFilter(ctx context.Context, s *sample, w upstream.Window) {
	name := "sender_id"
	switch s.kind {
	case upstream.Bounces:
		name = "bounce_type"
	case upstream.Emails:
		name = "user_id"
	}
	rows := within(w, s.rows)
	var q upstream.CountQuery
	var want []upstream.Event
	// Filter by a value that some rows do not have or, if all have the same, by one that no row has.
	for _, like := range slices.Concat(rows[len(rows)-1:], elsewhere) {
		for _, list := range filterBy(name, like, "") {
			list.Window = w
			q, _ = list.Counted()
			want = matching(rows, func(r upstream.Event) bool { return r.Matches(list) })
		}
		if len(want) < len(rows) {
			break
		}
	}
	q.Rollup = upstream.BySender
	got := e.count(ctx, s.kind, q)
	c := e.check(ruleFilter, s.kind.CountsPath()+"?"+name, got.answer).of(s.kind)
	if c.failed("counts of the matching events") {
		return
	}
	came, wanted := talliesOf(got.rows).differ(tally(want, upstream.BySender), "sender")
	if came != "" {
		c.breaks(came, wanted, "the gateway shows wrong counts")
		return
	}
	c.agrees()
}

// series compares a kind's time series with the list, or with the counts of the sample's window if the sample is only a
// part of it.
func (e *exam) series(ctx context.Context, s *sample, i upstream.Interval, w upstream.Window) {
	rows, total := within(w, s.rows), talliesOf(s.counts.rows)
	listed := i == upstream.Hour || s.all
	if listed {
		total = tally(rows, upstream.BySender)
	}
	per := map[upstream.Interval]string{upstream.Hour: "hour", upstream.Day: "day"}[i]
	subject := s.kind.CountsPath() + "?timeseries=" + per
	found, a := ask[[]upstream.Series](ctx, e, upstream.CountQuery{Window: w, Interval: i}.Question(s.kind))
	c := e.check(ruleSeries, subject, a).of(s.kind)
	if c.failed(`an object of points by sender id, bare or as "data" of an object`) {
		return
	}
	type bucket struct {
		sender upstream.ID
		start  upstream.Time
	}
	sums, points := tallies{}, map[bucket]upstream.Tally{}
	late, empty := false, 0
	for _, one := range found {
		for _, p := range one.Points {
			start := i.Floor(p.Start)
			late = late || p.Start == w.Start && start != p.Start
			switch {
			case start != p.Start && p.Start != w.Start:
				c.breaks(fmt.Sprintf("a %s that begins at %s", per, at(p.Start)), fmt.Sprintf("whole UTC %ss", per),
					"the gateway rejects the series")
				return
			case p.Start >= w.End || p.Start+i.Seconds() <= w.Start:
				c.breaks(fmt.Sprintf("the %s of %s", per, at(p.Start)), "only points of the window",
					"the gateway rejects the series")
				return
			case p.Tally == (upstream.Tally{}):
				empty++
			}
			sums[one.ID] = sums[one.ID].Add(p.Tally)
			b := bucket{one.ID, start}
			points[b] = points[b].Add(p.Tally)
		}
	}
	if came, wanted := sums.differ(total, "sender"); came != "" {
		c.breaks(came+" in all points together", wanted+", as in the counts of that window",
			"the gateway shows series that do not add up to its totals, and totals that change as its cache fills")
		return
	}
	want := map[bucket]upstream.Tally{}
	for _, r := range rows {
		b := bucket{r.SenderID, i.Floor(r.Time)}
		want[b] = want[b].Add(r.Tally())
	}
	for _, r := range rows {
		b := bucket{r.SenderID, i.Floor(r.Time)}
		if listed && points[b] != want[b] {
			c.breaks(fmt.Sprintf("sender %d has %s in the %s of %s", b.sender, words(points[b]), per, at(b.start)),
				words(want[b])+", as in the list", "the gateway shows events in the wrong "+per)
			return
		}
	}
	switch {
	case late:
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

// groups checks the extension that groups events, for one kind. Servers need not have it.
func (e *exam) groups(ctx context.Context, s *sample) {
	path := s.kind.GroupsPath()
	q := upstream.Question{
		Shape: upstream.ShapeGroups, Kind: s.kind, ListQuery: upstream.ListQuery{Window: s.window},
		Grouping: upstream.Grouping{By: [2]upstream.Dimension{upstream.DimensionDomain}, Top: upstream.MaxGroups},
	}
	groups, a := ask[upstream.Groups](ctx, e, q)
	if a.status == http.StatusNotFound || a.status == http.StatusMethodNotAllowed {
		e.check(topicGroups, path, answer{}).observes(
			"not there: breakdowns are made of counts, or of lists within the budget of calls")
		return
	}
	c := e.check(ruleGroups, path, a).of(s.kind)
	switch want := s.counts.total().Total; {
	case c.failed("groups and the number of all others"):
	case s.counts.fault != "":
		c.cannot("there are no counts to compare with")
	case groups.Total != want:
		c.breaks(fmt.Sprintf("groups of %d %s", groups.Total, s.kind), fmt.Sprintf("%d, as counted", want),
			"breakdowns differ from totals")
	default:
		c.agrees()
	}
}
