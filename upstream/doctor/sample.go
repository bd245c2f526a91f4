package doctor

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"deliverygraph/upstream"
	"deliverygraph/upstream/event"
)

// sample is what a kind's checks are held against: a part of the server's data of
// which every row is known.
type sample struct {
	kind   upstream.Kind
	window upstream.Window // days that hold data
	counts counted         // over window
	page   page            // the first of the list over window

	part upstream.Window // all rows of it are in rows
	rows []event.Row     // in the order they came, none outside of part
	all  bool            // they are all rows of window
	why  string          // why there are no rows, if there are none
}

// page is an answer to a list call; rows are nil where it has a fault.
type page struct {
	answer
	came []event.Row // at most upstream.PageSize
	rows []event.Row // of them, each once
	size int         // how many came
}

// counted is an answer to a counts call; rows are nil where it has a fault.
type counted struct {
	answer
	rows []upstream.Count
}

func (c counted) total() (t upstream.Tally) {
	for _, r := range c.rows {
		t = t.Add(r.Tally)
	}
	return t
}

// settling is how far back the latest events are that are looked at: later ones may
// still arrive.
const settling = time.Hour

// spans are how many days are looked at, one after the other, until they hold enough
// events.
var spans = []int64{1, 7, 30, 365, 10_000}

// longEnough is the span beyond which it is enough to have any events.
const longEnough = 30

// samples finds data of each kind: in the window given, or in the latest days that
// have more than a page of it, or have some.
func (e *exam) samples(ctx context.Context, window upstream.Window, now time.Time) [len(upstream.Kinds)]*sample {
	var all [len(upstream.Kinds)]*sample
	end := upstream.Hour.Floor(upstream.Time(now.Add(-settling).Unix()))
	span := 0
	for _, k := range upstream.Kinds {
		s := &sample{kind: k, window: window}
		all[k] = s
		if window != (upstream.Window{}) {
			s.counts = e.count(ctx, k, upstream.CountQuery{Window: window})
		} else {
			span = e.search(ctx, s, end, span)
		}
		e.pick(ctx, s)
		e.report.Seen[k] = Seen{Window: s.window, Counted: -1, Part: s.part, Rows: len(s.rows)}
		if s.counts.fault == "" {
			e.report.Seen[k].Counted = s.counts.total().Total
		}
	}
	return all
}

// search sets a window that holds data and its counts, and gives the index of its
// span, at which the next kind's search begins.
func (e *exam) search(ctx context.Context, s *sample, end upstream.Time, from int) int {
	chosen := -1
	for i := from; i < len(spans); i++ {
		w := upstream.Window{Start: end - upstream.Time(spans[i])*upstream.Day.Seconds(), End: end}
		counts := e.count(ctx, s.kind, upstream.CountQuery{Window: w})
		if counts.fault != "" && chosen >= 0 {
			break // a server may refuse wide windows
		}
		s.window, s.counts, chosen = w, counts, i
		if counts.fault != "" {
			// Without counts to go by, a month of the list has to do.
			s.window.Start = end - longEnough*upstream.Day.Seconds()
			break
		}
		if n := counts.total().Total; n > upstream.PageSize || n > 0 && spans[i] >= longEnough {
			break
		}
	}
	return chosen
}

// pick gets the first page of the window, and chooses the part of it whose rows are
// all known: all of it, or, where more rows follow, what lies before the last.
func (e *exam) pick(ctx context.Context, s *sample) {
	s.page = e.list(ctx, s.kind, upstream.ListQuery{Window: s.window})
	first := s.page
	s.part = s.window
	switch {
	case first.fault != "":
		s.why = "the list cannot be read"
		return
	case len(first.rows) == 0:
		s.why = fmt.Sprintf("no %s between %s and %s UTC", s.kind, s.window.Start.UTC().Format(time.DateTime), s.window.End.UTC().Format(time.DateTime))
		return
	case first.size < upstream.PageSize && (s.counts.fault != "" || s.counts.total().Total <= int64(len(first.rows))):
		s.all = true
		s.part.End = min(s.part.End, slices.MaxFunc(first.rows, byTime).Time+1)
	case slices.IsSortedFunc(first.rows, byTime):
		s.part.End = gap(first.rows)
	case slices.IsSortedFunc(first.rows, func(a, b event.Row) int { return byTime(b, a) }):
		s.part.Start = first.rows[len(first.rows)-1].Time + 1 // newest first: all rows after the last are there
	default:
		// Any row may be missing from the page: look for a part of the window that
		// fits on one.
		s.part = e.narrow(ctx, s)
		first = e.list(ctx, s.kind, upstream.ListQuery{Window: s.part})
		if first.fault != "" || len(first.rows) == 0 || first.size >= upstream.PageSize {
			s.why = "the list is not sorted, and no part of it was found whose rows can all be had"
			return
		}
	}
	// Nothing happened before the first row: the rest makes the server work in vain.
	s.part.Start = max(s.part.Start, slices.MinFunc(first.rows, byTime).Time-1)
	for _, r := range first.rows {
		if s.part.Contains(r.Time) {
			s.rows = append(s.rows, r)
		}
	}
	if len(s.rows) == 0 {
		s.why = fmt.Sprintf("the first page of %s is all of one second", s.kind)
	}
}

func byTime(a, b event.Row) int { return cmp.Compare(a.Time, b.Time) }

// gap is a time before the last row's, with all rows before it on the page. It is one
// at which nothing happened, if the later half has such: a server that takes the
// window's end to belong to it then differs in one check, and not in all.
func gap(rows []event.Row) upstream.Time {
	last := len(rows) - 1
	for i := last; i > 0 && i > last/2; i-- {
		if rows[i-1].Time+1 < rows[i].Time {
			return rows[i-1].Time + 1
		}
	}
	return rows[last].Time
}

// narrow halves the window, by counts, until it holds less than a page: the half that
// has more, again and again.
func (e *exam) narrow(ctx context.Context, s *sample) upstream.Window {
	w := s.window
	if s.counts.fault != "" {
		return w
	}
	for total := s.counts.total().Total; total > upstream.PageSize*4/5 && w.End-w.Start > 1; {
		middle := w.Start + (w.End-w.Start)/2
		left := upstream.Window{Start: w.Start, End: middle}
		counts := e.count(ctx, s.kind, upstream.CountQuery{Window: left})
		if counts.fault != "" {
			break
		}
		if n := counts.total().Total; n > total-n {
			w, total = left, n
		} else {
			w, total = upstream.Window{Start: middle, End: w.End}, total-n
		}
	}
	return w
}

// list asks for a page of a list.
func (e *exam) list(ctx context.Context, k upstream.Kind, q upstream.ListQuery) (p page) {
	p.answer = e.ask.get(ctx, k.ListPath(), q.Encode(k))
	if p.fault != "" {
		return p
	}
	var err error
	switch k {
	case upstream.Bounces:
		p.came, err = rowsOf(string(p.body), upstream.DecodeBounces, event.OfBounce)
	case upstream.Emails:
		p.came, err = rowsOf(string(p.body), upstream.DecodeEmails, event.OfEmail)
	case upstream.BlockedEmails:
		p.came, err = rowsOf(string(p.body), upstream.DecodeBlockedEmails, event.OfBlockedEmail)
	}
	p.decoded(err)
	p.size = len(p.came)
	p.came = p.came[:min(p.size, upstream.PageSize)]
	p.rows = e.onceEach(k, p.answer, p.came)
	return p
}

func rowsOf[R any](body string, decode func(string) ([]R, error), of func(R) event.Row) ([]event.Row, error) {
	found, err := decode(body)
	rows := make([]event.Row, len(found))
	for i := range found {
		rows[i] = of(found[i])
	}
	return rows, err
}

// count asks for counts.
func (e *exam) count(ctx context.Context, k upstream.Kind, q upstream.CountQuery) (c counted) {
	c.answer = e.ask.get(ctx, k.CountsPath(), q.Encode())
	if c.fault != "" {
		return c
	}
	var err error
	c.rows, err = upstream.DecodeCounts(string(c.body), k, q.Rollup)
	c.decoded(err)
	return c
}
