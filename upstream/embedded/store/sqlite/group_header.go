package sqlite

import (
	"slices"
	"strings"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// noHeader is the expression for the value of a header that a row does not have.
const noHeader = "''"

// headers calls f for events that are grouped by a header. The table of headers has the rows of each value. The rows
// that have none are all others, so they are the difference to all rows.
func (g *grouping) headers(l *listing, f func(keys upstream.Keys, at upstream.Time, n int64)) {
	type slot struct {
		keys upstream.Keys // without the header
		at   upstream.Time
	}
	header := slices.Index(g.q.By[:], upstream.DimensionHeader)
	without := map[slot]int64{}
	count := func(keys upstream.Keys, at upstream.Time, n int64) {
		keys[header] = ""
		without[slot{keys, at}] += n
	}
	g.events(l, noHeader, g.add(count))
	query, args := g.having(l)
	add := g.add(func(keys upstream.Keys, at upstream.Time, n int64) {
		count(keys, at, -n)
		f(keys, at, n)
	})
	for v := range g.rows(query, args...) {
		add(v)
	}
	for s, n := range without {
		f(s.keys, s.at, max(0, n)) // a row may have a header twice, with different values
	}
}

// having returns the query for the keys, the times and the number of the rows that have the header.
func (g *grouping) having(l *listing) (query string, args []any) {
	columns := g.columns("h.value")
	whole := len(l.filters) > 0
	for _, c := range columns {
		name, found := strings.CutPrefix(c, "r.")
		whole = whole || found && name != "id"
	}
	table := l.kind.table
	from := " from header h cross join " + table + "_header r on r.header_id = h.id"
	if whole {
		from = " from header h cross join " + table + "_header k on k.header_id = h.id" +
			" and k.id >= ? and k.id < ? cross join " + table + " r on r.id = k.id"
		args = append(args, l.lo, l.hi)
	}
	from += " where h.name = ? and h.value <> '' and r.id >= ? and r.id < ?"
	args = append(args, store.FoldHeader(g.q.Header), l.lo, l.hi)
	for _, f := range l.filters {
		from += " and " + f.check
		args = append(args, f.args...)
	}
	return "select " + strings.Join(columns, ", ") + ", count(*)" + from + groupBy(columns), args
}
