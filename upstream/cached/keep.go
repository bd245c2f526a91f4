package cached

import (
	"math"
	"time"

	"deliverygraph/upstream"
)

// Forever is how long what is sealed is fresh.
const Forever = time.Duration(math.MaxInt64)

// forever is how long it is kept: until its room is needed.
const forever = Forever

// moment is when a question was asked, and what was settled then. It is taken
// before the API is asked: an answer that was under way while its events settled
// may lack some, and is not sealed.
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

// seals says whether what happened in the window no longer changes.
func (m moment) seals(w upstream.Window) bool { return w.End <= m.settled }

// hour is the last whole hour, UTC, before which all is settled.
func (m moment) hour() upstream.Time { return upstream.Hour.Floor(m.settled) }

// keep is how long an answer about the window is fresh.
func (o Options) keep(m moment, w upstream.Window) time.Duration {
	if m.seals(w) {
		return forever
	}
	return o.Fresh
}

// keepPage is how long a list's page is fresh. One that no longer changes although its
// window is open is kept forever: rows come oldest first, so whatever is yet to come lies
// behind a full page of settled rows. A page that is out of order, as a remote may give
// it, is not relied on for that; and one with rows from outside the window is wrong, so it
// is asked for again soon, however long ago it happened.
func keepPage[R any](o Options, m moment, w upstream.Window, rows []R, at func(*R) upstream.Time) time.Duration {
	keep := o.keep(m, w)
	settled := len(rows) >= upstream.PageSize
	for i := range rows {
		t := at(&rows[i])
		if t < w.Start || t > w.End { // a remote may take the end to belong to it, always
			return min(keep, o.Fresh)
		}
		settled = settled && t < m.settled && (i == 0 || t >= at(&rows[i-1]))
	}
	if settled {
		return forever
	}
	return keep
}
