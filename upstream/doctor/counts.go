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
	e.shapes.note(path, s.counts.body)
	if len(s.rows) == 0 {
		if s.page.fault != "" || s.counts.total().Total > 0 {
			e.check("counts and time series", path, s.counts.answer).cannot(s.why)
		}
		return
	}
	h := e.halves(ctx, s)
	if h == nil {
		return
	}
	e.rollup(ctx, s, h)
	e.countFilter(ctx, s, h)
	e.series(ctx, s, h)
}

// halves are two adjacent windows within a sample. Both end at the time of a row, which
// shows whether the server includes or excludes the ends of windows.
type halves struct {
	left, right, whole upstream.Window
	rows               []upstream.Event // of whole, as listed
	l, r               tallies          // the server's counts by sender of left and right
	asListed           bool             // l and r match rows
}

// newHalves cuts a sample near its middle. It returns false if the rows span fewer than three seconds.
func newHalves(s *sample) (*halves, bool) {
	seconds := times(s.rows)
	n := len(seconds)
	if n < 3 {
		return nil, false
	}
	middle, end := seconds[n/2], seconds[n-1]
	h := &halves{
		left:  upstream.Window{Start: s.part.Start, End: middle},
		right: upstream.Window{Start: middle, End: end},
		whole: upstream.Window{Start: s.part.Start, End: end},
	}
	h.rows = h.listed(s, h.whole)
	return h, true
}

// listed returns the sample's rows in a window.
func (h *halves) listed(s *sample, w upstream.Window) []upstream.Event {
	return matching(s.rows, func(r upstream.Event) bool { return w.Contains(r.Time) })
}

// halves checks the counts of both halves of a sample against its rows.
func (e *exam) halves(ctx context.Context, s *sample) *halves {
	path := s.kind.CountsPath()
	h, ok := newHalves(s)
	if !ok {
		e.check(ruleCounts, path, answer{}).cannot(fmt.Sprintf("the sampled %s span too few seconds", s.kind))
		return nil
	}
	left := e.count(ctx, s.kind, upstream.CountQuery{Window: h.left})
	right := e.count(ctx, s.kind, upstream.CountQuery{Window: h.right})
	for _, half := range []counted{left, right} {
		if e.check(ruleCounts, path, half.answer).of(s.kind).failed("counts of a part of the window") {
			return nil
		}
	}
	h.l, h.r = talliesOf(left.rows), talliesOf(right.rows)

	// counted is what a server counts that moves the edges of windows by so many seconds:
	// start 1 excludes start_time, end 1 includes end_time.
	counted := func(w upstream.Window, start, end upstream.Time) tallies {
		return tally(h.listed(s, upstream.Window{Start: w.Start + start, End: w.End + end}), upstream.BySender)
	}
	are := func(start, end upstream.Time) bool {
		return equal(h.l, counted(h.left, start, end)) && equal(h.r, counted(h.right, start, end))
	}
	window := e.check(ruleCountWindow, path, right.answer).of(s.kind)
	listed := e.check(ruleCounts, path, right.answer).of(s.kind)
	h.asListed = are(0, 0)
	switch {
	case h.asListed:
		listed.agrees()
		window.agrees()
		return h
	case are(0, 1):
		window.f.alike = "counts include end_time"
	case are(1, 0):
		window.f.alike = "counts exclude start_time"
	case are(1, 1):
		window.f.alike = "counts exclude start_time and include end_time"
	}
	if window.f.alike != "" {
		listed.agrees()
		came, wanted := h.r.differ(counted(h.right, 0, 0), whoseSender)
		window.breaks(came+": "+window.f.alike, wanted,
			"the gateway's counts are slightly wrong, and adjacent windows do not add up")
		return h
	}
	const effect = "the gateway shows counts that contradict its lists"
	came, wanted := h.r.differ(counted(h.right, 0, 0), whoseSender)
	if came == "" {
		listed.f.Asked = left.shown
		came, wanted = h.l.differ(counted(h.left, 0, 0), whoseSender)
	}
	listed.breaks(came, wanted+", as in the list of that window", effect)
	// The counts may still be consistent with each other.
	whole := e.count(ctx, s.kind, upstream.CountQuery{Window: h.whole})
	window.f.Asked = whole.shown
	window.answer = whole.answer
	if window.failed("counts of the window") {
		return h
	}
	if came, wanted := talliesOf(whole.rows).differ(h.l.plus(h.r), whoseSender); came != "" {
		window.breaks(came, wanted+", the sum of its two parts, cut at "+at(h.left.End),
			"the gateway's counts of adjacent windows do not add up")
		return h
	}
	window.agrees()
	return h
}

// rollup compares counts by user with counts by sender.
func (e *exam) rollup(ctx context.Context, s *sample, h *halves) {
	users := e.count(ctx, s.kind, upstream.CountQuery{Window: h.whole, Rollup: upstream.ByUser})
	c := e.check(ruleRollup, s.kind.CountsPath(), users.answer).of(s.kind)
	if c.failed("a row with user_id for each user") {
		return
	}
	const effect = "the gateway shows wrong counts of accounts and wrong totals"
	got := talliesOf(users.rows)
	if h.asListed {
		if came, wanted := got.differ(tally(h.rows, upstream.ByUser), whoseUser); came != "" {
			c.breaks(came, wanted+", as in the list", effect)
			return
		}
		c.agrees()
		return
	}
	whole := e.count(ctx, s.kind, upstream.CountQuery{Window: h.whole})
	if whole.fault != "" {
		c.cannot("the counts by sender cannot be relied on")
		return
	}
	if got.sum() != whole.total() {
		c.breaks(words(got.sum())+" of all users", words(whole.total())+" of all senders", effect)
		return
	}
	c.agrees()
}

// countFilter checks one of the filters of counts, a different one for each kind.
func (e *exam) countFilter(ctx context.Context, s *sample, h *halves) {
	rows := h.rows
	// pick returns the latest row that differs from the first, to filter by a value that some rows do not have.
	pick := func(differs func(upstream.Event) bool) upstream.Event {
		for _, r := range slices.Backward(rows) {
			if differs(r) {
				return r
			}
		}
		return rows[0]
	}
	q := upstream.CountQuery{Window: h.whole}
	var name string
	var is func(upstream.Event) bool
	switch s.kind {
	case upstream.Bounces:
		q.BounceType, name = upstream.Hard, "bounce_type"
		is = func(r upstream.Event) bool { return r.BounceType == upstream.Hard }
	case upstream.Emails:
		q.UserID, name = pick(func(r upstream.Event) bool { return r.UserID != rows[0].UserID }).UserID, "user_id"
		is = func(r upstream.Event) bool { return r.UserID == q.UserID }
	default:
		q.SenderID, name = pick(func(r upstream.Event) bool { return r.SenderID != rows[0].SenderID }).SenderID, "sender_id"
		is = func(r upstream.Event) bool { return r.SenderID == q.SenderID }
	}
	want := tally(matching(rows, is), upstream.BySender)
	if want.sum() == tally(rows, upstream.BySender).sum() {
		// Every row has the value: filter by one that no row has.
		q.UserID, q.SenderID, want = q.UserID*999_983, q.SenderID*999_983, tallies{}
		if s.kind == upstream.Bounces {
			q.BounceType = upstream.Soft
		}
	}
	subject := s.kind.CountsPath() + "?" + name
	if !h.asListed {
		e.check(ruleFilter, subject, answer{}).cannot("even the counts without a filter differ")
		return
	}
	got := e.count(ctx, s.kind, q)
	c := e.check(ruleFilter, subject, got.answer).of(s.kind)
	if c.failed("counts of the matching events") {
		return
	}
	if came, wanted := talliesOf(got.rows).differ(want, whoseSender); came != "" {
		c.breaks(came, wanted, "the gateway shows wrong counts")
		return
	}
	c.agrees()
}

// groups checks the extension that groups events, for one kind. Servers need not have it.
func (e *exam) groups(ctx context.Context, s *sample) {
	path := s.kind.GroupsPath()
	q := upstream.GroupsQuery{
		ListQuery: upstream.ListQuery{Window: s.window},
		Grouping:  upstream.Grouping{By: [2]upstream.Dimension{upstream.DimensionDomain}, Top: upstream.MaxGroups},
	}
	a := e.ask.get(ctx, path, q.Encode(s.kind))
	if a.status == http.StatusNotFound || a.status == http.StatusMethodNotAllowed {
		e.check(topicGroups, path, answer{}).observes(
			"not there: breakdowns are made of counts, or of lists within the budget of calls")
		return
	}
	groups, err := upstream.DecodeGroups(string(a.body), q)
	a.decoded(err)
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
