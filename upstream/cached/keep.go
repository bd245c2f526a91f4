package cached

import (
	"math"
	"time"

	"deliverygraph/upstream"
)

// Forever is how long a sealed answer is fresh. It is kept until its memory is needed.
const Forever = time.Duration(math.MaxInt64)

// moment is the time of a question, and what was settled then. It is taken before the API is asked: an answer that was
// under way while its events settled may lack some of them, and must not be sealed.
type moment struct {
	now     upstream.Time
	settled upstream.Time // events before this no longer change
}

func (o Options) moment() moment {
	now := o.Now()
	m := moment{now: upstream.Time(now.Unix()), settled: math.MinInt64 / 2}
	if o.Settle > 0 {
		m.settled = upstream.Time(now.Add(-o.Settle).Unix())
	}
	return m
}

// seals reports whether the events in the window no longer change.
func (m moment) seals(w upstream.Window) bool { return w.End <= m.settled }

// hour returns the last full UTC hour before which everything is settled.
func (m moment) hour() upstream.Time { return upstream.Hour.Floor(m.settled) }

// keep returns how long an answer to q is fresh.
func (o Options) keep(m moment, q *upstream.Question, answer any) time.Duration {
	w := q.Window
	switch q.Shape {
	case upstream.ShapeCatalogue:
		return o.Catalogue
	case upstream.ShapeDetail:
		w = upstream.Window{Start: q.BounceTime, End: q.BounceTime + 1}
	}
	keep := o.Fresh
	if m.seals(w) {
		keep = Forever
	}
	if p := upstream.PageOf(answer); p != nil {
		return o.keepPage(m, w, keep, p)
	}
	return keep
}

// keepPage returns how long a list's page is fresh, given how long its window alone would keep it.
//
// A full page of settled rows no longer changes even if its window is open: rows come oldest first, so new ones follow
// it. This is not assumed of a page that is out of order, as a remote may send it. A page with rows from outside the
// window is wrong, so it is asked for again soon, however old its rows are.
func (o Options) keepPage(m moment, w upstream.Window, keep time.Duration, p upstream.Page) time.Duration {
	settled := p.Len() >= upstream.PageSize
	var before upstream.Time
	for i := range p.Len() {
		t := p.Identity(i).Time
		if t < w.Start || t > w.End { // a remote may always include the end
			return min(keep, o.Fresh)
		}
		settled = settled && t < m.settled && (i == 0 || t >= before)
		before = t
	}
	if settled {
		return Forever
	}
	return keep
}
