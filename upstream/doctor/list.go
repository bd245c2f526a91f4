package doctor

import (
	"context"
	"fmt"
	"slices"

	"deliverygraph/upstream"
)

// lists checks a kind's list and its filters.
func (e *exam) lists(ctx context.Context, s *sample) {
	path := s.kind.ListPath()
	c := e.check(ruleRead, path, s.page.answer)
	if c.failed(`rows with the document's fields, in an array, bare or as "data" of an object`) {
		return
	}
	if len(s.page.rows) > 0 { // an empty list does not show whether rows can be decoded
		c.agrees()
	}
	if len(s.page.rows) == 0 {
		if n := s.counts.total().Total; s.counts.fault == "" && n > 0 {
			e.check(ruleCounts, s.kind.CountsPath(), s.page.answer).of(s.kind).
				breaks("no rows", plural(n, "row")+", according to "+s.counts.shown,
					"the gateway shows counts without the rows behind them")
			return
		}
		e.check("everything about "+path, path, s.page.answer).cannot(s.why)
		return
	}
	e.pages(ctx, s)
	if len(s.rows) == 0 {
		e.check("filters and windows of "+path, path, s.page.answer).cannot(s.why)
	} else {
		e.listWindow(ctx, s)
		e.filters(ctx, s)
	}
	e.once(s)
}

// pages checks order, page size and offset with the first two pages of the window. It
// requests the second so that it should begin with the last row of the first.
func (e *exam) pages(ctx context.Context, s *sample) {
	path, first := s.kind.ListPath(), s.page
	last := len(first.came) - 1
	offset := max(1, last)
	second := e.list(ctx, s.kind, upstream.ListQuery{Window: s.window, Offset: offset})
	all := first.came

	c := e.check(ruleOffset, path, second.answer).of(s.kind)
	if !c.failed("rows from this offset on") {
		wanted := "first the last row of the previous page: " + brief(first.came[last])
		if last == 0 {
			wanted = "no rows, since there is only one"
		}
		const effect = "the gateway repeats or omits rows of lists that are longer than a page"
		switch continues := len(second.rows) > 0 && second.rows[0].Identity == first.came[last].Identity; {
		case last == 0 && len(second.rows) == 0:
			c.agrees()
		case last > 0 && continues:
			all = slices.Concat(first.came, second.came[1:])
			c.agrees()
		case len(second.rows) > 0 && second.rows[0].Identity == first.rows[0].Identity:
			c.breaks("rows from the first on, as without an offset", wanted, effect)
		case len(second.rows) == 0:
			c.breaks("no rows", wanted, effect)
		default:
			c.breaks("first "+brief(second.rows[0]), wanted, effect)
		}
	}
	e.size(s, len(all))
	e.order(s, e.onceEach(s.kind, first.answer, all))
}

// size checks the size of the first page, given that the first two pages together have known rows.
func (e *exam) size(s *sample, known int) {
	c := e.check(rulePage, s.kind.ListPath(), s.page.answer).of(s.kind)
	n := s.page.size
	switch {
	case n > upstream.PageSize:
		c.copes(plural(n, "row"), "at most 500", "the gateway uses the first 500 and requests the rest by offset")
	case n < upstream.PageSize && known > n:
		c.breaks(fmt.Sprintf("%s, and more from offset %d on", plural(n, "row"), n),
			"500 rows: a shorter page is the last",
			"the gateway assumes that the list ends after the first page")
	case n < upstream.PageSize:
		c.cannot(fmt.Sprintf("the list has only %s", plural(n, "row")))
	default:
		c.agrees()
	}
}

// order checks that rows are sorted.
func (e *exam) order(s *sample, rows []upstream.Event) {
	c := e.check(ruleOrder, s.kind.ListPath(), s.page.answer).of(s.kind)
	var late, tie int // index of the first row out of order by time, and within one second
	for i, r := range rows {
		switch {
		case i == 0:
		case rows[i-1].Time > r.Time && late == 0:
			late = i
		case rows[i-1].Compare(r) > 0 && tie == 0:
			tie = i
		}
	}
	came := func(i int) string { return fmt.Sprintf("row %d, %s, after %s", i, brief(rows[i]), brief(rows[i-1])) }
	switch {
	case len(rows) < 2:
		c.cannot("the window holds only one row")
	case late > 0:
		c.copes(came(late), "oldest first",
			"the gateway notices and pages by offset from the start of the list: correct, but slow far into it")
	case tie > 0:
		c.copes(came(tie), "by time, ties by email id, then recipient",
			"the gateway notices and finds its place among rows of one second by their identity")
	default:
		c.agrees()
	}
}

// listWindow requests a window within the sample that begins and ends at the times of
// rows, which shows whether the server includes or excludes its edges.
func (e *exam) listWindow(ctx context.Context, s *sample) {
	w := edges(s.rows)
	p := e.list(ctx, s.kind, upstream.ListQuery{Window: w})
	c := e.check(ruleListWindow, s.kind.ListPath(), p.answer).of(s.kind)
	want := within(w, s.rows)
	wanted := fmt.Sprintf("%s, from %s to before %s", plural(len(want), "row"), at(w.Start), at(w.End))
	if c.failed(wanted) {
		return
	}
	missing, extra := compare(p.rows, want)
	inside, atEnd := within(w, extra), within(upstream.Window{Start: w.End, End: w.End + 1}, extra)
	atStart := within(upstream.Window{Start: w.Start, End: w.Start + 1}, missing)
	const effectOmits = "the gateway omits rows"
	switch {
	case len(missing) > 0 && len(missing) == len(atStart):
		c.breaks("none of the "+plural(len(atStart), "row")+" at start_time", wanted,
			"the gateway omits rows between one page and the next")
	case len(missing) > 0:
		c.breaks(fmt.Sprintf("all but %s, such as %s", plural(len(missing), "row"), brief(missing[0])), wanted,
			effectOmits)
	case len(inside) > 0:
		c.breaks(fmt.Sprintf("%s more, such as %s, which are missing from a longer window",
			plural(len(inside), "row"), brief(inside[0])), wanted, effectOmits)
	case len(extra) > len(atEnd):
		c.copes(fmt.Sprintf("%s more, such as %s", plural(len(extra), "row"), brief(extra[0])), wanted,
			"the gateway drops rows from outside the window")
	case len(atEnd) > 0:
		c.copes(fmt.Sprintf("%s more, at end_time", plural(len(atEnd), "row")), wanted, "the gateway drops them")
	default:
		c.agrees()
	}
}

// edges returns a window that begins at the time of one row and ends at that of a later
// one. If all rows share one second, it is the second before.
func edges(rows []upstream.Event) upstream.Window {
	times := times(rows)
	n := len(times)
	if n == 1 {
		return upstream.Window{Start: times[0] - 1, End: times[0]}
	}
	from := n / 3
	return upstream.Window{Start: times[from], End: times[max(from+1, 2*n/3)]}
}

// times returns the distinct times of rows in ascending order.
func times(rows []upstream.Event) []upstream.Time {
	all := make([]upstream.Time, len(rows))
	for i, r := range rows {
		all[i] = r.Time
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// within returns the rows of a window.
func within(w upstream.Window, rows []upstream.Event) []upstream.Event {
	return matching(rows, func(r upstream.Event) bool { return w.Contains(r.Time) })
}

func matching(rows []upstream.Event, is func(upstream.Event) bool) (found []upstream.Event) {
	for _, r := range rows {
		if is(r) {
			found = append(found, r)
		}
	}
	return found
}

// compare returns the rows that only want has and those that only got has, regardless
// of order. Neither may repeat a row.
func compare(got, want []upstream.Event) (missing, extra []upstream.Event) {
	without := func(rows, others []upstream.Event) []upstream.Event {
		excluded := make(map[upstream.Identity]bool, len(others))
		for _, o := range others {
			excluded[o.Identity] = true
		}
		return matching(rows, func(r upstream.Event) bool { return !excluded[r.Identity] })
	}
	return without(want, got), without(got, want)
}

// brief identifies a row in a message without naming its recipient.
func brief(r upstream.Event) string {
	return printable(fmt.Sprintf("%s of %s", excerpt(shownEmailID(r.EmailID), 60), at(r.Time)))
}
