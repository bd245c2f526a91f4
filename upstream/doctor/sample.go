package doctor

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"deliverygraph/upstream"
)

// sample is a part of the server's data of one kind that was read in full. Checks compare other answers with it.
type sample struct {
	kind   upstream.Kind
	window upstream.Window // days that hold data
	counts counted         // over window
	page   page            // the first page of the list over window

	part upstream.Window  // the part of window that rows covers
	rows []upstream.Event // every row in part, in the server's order
	all  bool             // rows are all rows of window
	why  string           // why there are no rows, if there are none
}

// page is the answer to a list request. If it has a fault, rows is nil.
type page struct {
	answer
	came []upstream.Event // the first upstream.PageSize rows
	rows []upstream.Event // came without repetitions
	size int              // how many rows the answer has
}

// counted is the answer to a counts request. If it has a fault, rows is nil.
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

// settling is the age that events must have to be examined: newer ones may still arrive.
const settling = time.Hour

// spans are the numbers of days to search, in this order, until one holds enough events.
var spans = []int64{1, 7, 30, 365, 10_000}

// longEnough is the span in days from which any event is enough.
const longEnough = 30

// samples finds data of each kind: in the given window or, if that is zero, in the
// shortest span of latest days that holds enough.
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

// search finds a window that holds data and sets it and its counts. It tries the spans from index from on and returns
// the index of the one chosen, where the search for the next kind starts.
func (e *exam) search(ctx context.Context, s *sample, end upstream.Time, from int) int {
	chosen := -1
	for i := from; i < len(spans); i++ {
		w := upstream.Window{Start: end - upstream.Time(spans[i])*upstream.Day.Seconds(), End: end}
		counts := e.count(ctx, s.kind, upstream.CountQuery{Window: w})
		if counts.fault != "" && chosen >= 0 {
			break // the server may refuse wide windows
		}
		s.window, s.counts, chosen = w, counts, i
		if counts.fault != "" {
			// Without counts, use the last month.
			s.window.Start = end - longEnough*upstream.Day.Seconds()
			break
		}
		if n := counts.total().Total; n > upstream.PageSize || n > 0 && spans[i] >= longEnough {
			break
		}
	}
	return chosen
}

// pick reads the first page of the window and chooses the part of the window that it
// covers in full: all of it or, if more rows follow, the time before the last row.
func (e *exam) pick(ctx context.Context, s *sample) {
	s.page = e.list(ctx, s.kind, upstream.ListQuery{Window: s.window})
	first := s.page
	s.part = s.window
	switch {
	case first.fault != "":
		s.why = "the list cannot be read"
		return
	case len(first.rows) == 0:
		s.why = fmt.Sprintf("no %s between %s and %s UTC", s.kind,
			s.window.Start.UTC().Format(time.DateTime), s.window.End.UTC().Format(time.DateTime))
		return
	case first.size < upstream.PageSize && (s.counts.fault != "" || s.counts.total().Total <= int64(len(first.rows))):
		s.all = true
		s.part.End = min(s.part.End, slices.MaxFunc(first.rows, byTime).Time+1)
	case slices.IsSortedFunc(first.rows, byTime):
		s.part.End = gap(first.rows)
	case slices.IsSortedFunc(first.rows, func(a, b upstream.Event) int { return byTime(b, a) }):
		// Newest first: the page has all rows that are later than its last.
		s.part.Start = first.rows[len(first.rows)-1].Time + 1
	default: // any row may be missing from the page
		s.why = "the list is not sorted: try a window with fewer than 500 rows"
		return
	}
	// Skip the time before the first row, to spare the server work.
	s.part.Start = max(s.part.Start, slices.MinFunc(first.rows, byTime).Time-1)
	s.rows = within(s.part, first.rows)
	if len(s.rows) == 0 {
		s.why = fmt.Sprintf("all rows of the first page of %s are from the same second", s.kind)
	}
}

func byTime(a, b upstream.Event) int { return cmp.Compare(a.Time, b.Time) }

// gap returns an end for the sample such that the page has all rows before it. If
// possible it is a second without events in the later half of the page: then a server
// that includes end_time fails only the check of that, not all checks.
func gap(rows []upstream.Event) upstream.Time {
	last := len(rows) - 1
	for i := last; i > 0 && i > last/2; i-- {
		if rows[i-1].Time+1 < rows[i].Time {
			return rows[i-1].Time + 1
		}
	}
	return rows[last].Time
}

// holdStill withdraws differences that changing data may have caused. If any were found for a kind, it requests the
// counts and the list again; if these have changed, the kind's differences become Unjudged.
func (e *exam) holdStill(ctx context.Context, s *sample) {
	rests := func(f Finding) bool { return f.restsOnData && f.kind == s.kind && f.Outcome >= Copes }
	if !slices.ContainsFunc(e.report.Findings, rests) {
		return
	}
	counts, list := upstream.CountQuery{Window: s.window}, upstream.ListQuery{Window: s.window}
	e.ask.forget(counts.Question(s.kind))
	e.ask.forget(list.Question(s.kind))
	changed := false
	if s.counts.fault == "" {
		now := e.count(ctx, s.kind, counts)
		changed = now.fault == "" && now.total() != s.counts.total()
	}
	if s.page.fault == "" && !changed {
		now := e.list(ctx, s.kind, list)
		missing, extra := compare(now.rows, s.page.rows)
		changed = now.fault == "" && len(missing)+len(extra) > 0
	}
	for i, f := range e.report.Findings {
		if changed && rests(f) {
			e.report.Findings[i] = Finding{Outcome: Unjudged, Rule: f.Rule, Subject: f.Subject,
				Note: fmt.Sprintf("the %s of this window changed during the examination: try another window", s.kind)}
		}
	}
}

// ask asks the server a question of the API. The value is zero if the answer has a fault.
func ask[A any](ctx context.Context, e *exam, q upstream.Question) (A, answer) {
	return askBy[A](ctx, e, q, q.Encode())
}

// askBy asks a question by another query string than the gateway's.
func askBy[A any](ctx context.Context, e *exam, q upstream.Question, query string) (value A, a answer) {
	if a = e.ask.get(ctx, q.Path(), query); a.fault != "" {
		return value, a
	}
	found, err := q.Decode(string(a.body))
	if err != nil {
		a.fault = "JSON that the API's document does not allow: " + err.Error()
		return value, a
	}
	return found.(A), a
}

// list requests a page of a list.
func (e *exam) list(ctx context.Context, k upstream.Kind, q upstream.ListQuery) (p page) {
	var rows any
	if rows, p.answer = ask[any](ctx, e, q.Question(k)); p.fault != "" {
		return p
	}
	p.came = upstream.Events(upstream.PageOf(rows))
	p.size = len(p.came)
	p.came = p.came[:min(p.size, upstream.PageSize)]
	p.rows = e.onceEach(k, p.answer, p.came)
	return p
}

// count requests counts.
func (e *exam) count(ctx context.Context, k upstream.Kind, q upstream.CountQuery) (c counted) {
	c.rows, c.answer = ask[[]upstream.Count](ctx, e, q.Question(k))
	return c
}
