package grouped

import (
	"context"
	"fmt"

	"deliverygraph/upstream"
)

// part is a kind's events that are being counted.
type part struct {
	api       upstream.API
	providers *Providers
	q         *upstream.Question
	groups    map[upstream.Keys]*upstream.Group

	calls int  // that it takes
	exact bool // calls is not only the maximum
}

func (l *Layer) part(api upstream.API, q *upstream.Question) *part {
	return &part{api: api, providers: l.Providers, q: q, groups: map[upstream.Keys]*upstream.Group{}}
}

// detailed reports whether rows of lists lack what they are to be grouped by.
func (p *part) detailed() bool {
	return p.q.Has(upstream.DimensionRule) || p.q.Has(upstream.DimensionDiagnostic)
}

// price sets the number of calls. Reading a list takes one call to count it.
func (p *part) price(ctx context.Context) error {
	if Counted(p.q) {
		p.calls, p.exact = 1, true
		return nil
	}
	q, counted := p.q.Counted()
	counts, err := p.api.Counts(ctx, p.q.Kind, q)
	rows := 0
	for _, c := range counts {
		rows += int(c.Total)
	}
	p.calls, p.exact = rows/upstream.PageSize+1, counted
	if p.detailed() {
		p.calls += rows
	}
	return err
}

// parts returns the kinds of events that a question counts.
func (l *Layer) parts(api upstream.API, q *upstream.Question) []*part {
	parts := []*part{l.part(api, q)}
	if q.Sent {
		sent := q.SentQuery()
		parts = append(parts, l.part(api, &sent))
	}
	return parts
}

// price returns how many calls all parts take, besides those that count their lists. Unless it is exact, it is the
// maximum.
func price(ctx context.Context, parts []*part) (calls int, exact bool, err error) {
	exact = true
	for _, p := range parts {
		if err := p.price(ctx); err != nil {
			return 0, false, err
		}
		calls, exact = calls+p.calls, exact && p.exact
	}
	if parts[0].q.Has(upstream.DimensionSender) {
		calls++ // for their addresses
	}
	return calls, exact, nil
}

// Price returns how many calls it takes to group events, besides those that count lists, which it makes. Unless it is
// exact, it is the maximum. It asks the server whether it has the extension if that is not known.
func (l *Layer) Price(
	ctx context.Context, api upstream.API, q upstream.Question,
) (calls int, exact bool, err error) {
	if !l.Lacking() && !l.having.Load() {
		moment := upstream.Question{
			Kind:      q.Kind,
			ListQuery: upstream.ListQuery{Window: upstream.Window{Start: q.Window.Start, End: q.Window.Start + 1}},
			Grouping:  upstream.Grouping{By: [2]upstream.Dimension{upstream.DimensionUser}, Top: 1},
		}
		if _, err := api.Groups(ctx, moment); err != nil {
			return 0, false, err
		}
	}
	if !l.Lacking() {
		return 1, true, nil
	}
	return price(ctx, l.parts(api, &q))
}

// affordable returns an error if the operation may not make as many calls as all parts take.
func (l *Layer) affordable(ctx context.Context, parts []*part) error {
	calls, exact, err := price(ctx, parts)
	if err != nil {
		return err
	}
	if left := l.Left(ctx); exact && calls > left {
		return tooExpensive(fmt.Sprintf("%d upstream calls, and the operation may make %d more", calls, left))
	}
	return nil
}

// explained returns the error for a caller whose operation has used up its calls.
func (l *Layer) explained(err error, parts []*part) error {
	if upstream.CodeOf(err) != upstream.Exhausted {
		return err
	}
	calls := 0
	for _, p := range parts {
		calls += p.calls
	}
	return tooExpensive(fmt.Sprintf("more upstream calls than the operation may make, at most %d", calls))
}

func tooExpensive(calls string) error {
	return &upstream.Error{Code: upstream.Exhausted, Message: "this breakdown takes " + calls +
		", because the metrics API cannot group events and its lists have to be read: " +
		"use a shorter window or a filter, or group by sender or user, type and time, which takes one call"}
}

// add adds n events like row to their group.
func (p *part) add(row *Row, n int64) {
	if n <= 0 {
		return
	}
	keys := row.Keys(&p.q.Grouping, p.providers)
	g := p.groups[keys]
	if g == nil {
		g = &upstream.Group{Keys: keys}
		p.groups[keys] = g
	}
	g.Count += n
	if p.q.Interval != 0 {
		g.AddPoint(p.q.Interval.Floor(row.Time), n)
	}
}

// count counts the events.
func (p *part) count(ctx context.Context) error {
	if Counted(p.q) {
		return p.fromCounts(ctx)
	}
	return p.fromList(ctx)
}

// pagesAtOnce limits the pages that are in memory at once.
const pagesAtOnce = 64

// fromList reads the list. If its length is known, its pages are read side by side. Rows that arrive meanwhile may move
// others to the next page, so each row is counted once.
func (p *part) fromList(ctx context.Context) error {
	left := 1
	if p.exact && !p.detailed() {
		left = p.calls
	}
	seen := map[upstream.Identity]bool{}
	for from := 0; ; {
		pages := max(1, min(left, pagesAtOnce))
		rows, errs := make([]upstream.Page, pages), make([]error, pages)
		upstream.Concurrently(pages, func(i int) { rows[i], errs[i] = p.page(ctx, (from+i)*upstream.PageSize) })
		for i, page := range rows {
			if errs[i] != nil {
				return errs[i]
			}
			if err := p.addPage(ctx, page, seen); err != nil {
				return err
			}
		}
		if last := rows[pages-1]; last == nil || last.Len() < upstream.PageSize {
			return nil
		}
		from, left = from+pages, left-pages
	}
}

// page returns a page of the list, or nil if it is empty.
func (p *part) page(ctx context.Context, offset int) (upstream.Page, error) {
	q := p.q.ListQuery.Question(p.q.Kind)
	q.Offset = offset
	answer, err := p.api.Ask(ctx, &q)
	return upstream.PageOf(answer), err
}

// addPage counts the rows of a page that have not been seen.
func (p *part) addPage(ctx context.Context, page upstream.Page, seen map[upstream.Identity]bool) error {
	if page == nil {
		return nil
	}
	rows := p.rows(page)
	errs := make([]error, len(rows))
	bounces, _ := page.Rows().([]upstream.Bounce)
	if p.detailed() {
		upstream.Concurrently(len(rows), func(i int) {
			d, err := p.api.Bounce(ctx, bounces[i].Key())
			if upstream.CodeOf(err) == upstream.NotFound {
				err = nil // a server may keep the details of bounces for less time than their rows
			}
			rows[i].Rule, rows[i].Diagnostic, errs[i] = d.RuleName, d.DiagnosticCode, err
		})
	}
	for i := range rows {
		id := page.Identity(i)
		switch {
		case errs[i] != nil:
			return errs[i]
		case seen[id] || !p.q.Window.Contains(rows[i].Time):
			continue
		}
		seen[id] = true
		p.add(&rows[i], 1)
	}
	return nil
}

// rows returns the rows of a page.
func (p *part) rows(page upstream.Page) []Row {
	rows := make([]Row, page.Len())
	bounces, _ := page.Rows().([]upstream.Bounce)
	for i := range rows {
		rows[i].Event = page.Event(i)
		if bounces != nil {
			rows[i].Code = bounces[i].Code
		}
	}
	return rows
}
