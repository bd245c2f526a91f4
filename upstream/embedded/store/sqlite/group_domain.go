package sqlite

import (
	"database/sql/driver"
	"slices"
	"strconv"
	"strings"

	"deliverygraph/upstream"
)

// rowsPerSeek is how many rows can be read and sorted in the time of a look-up of byDomain.
const rowsPerSeek = 8

// byDomain calls add for the domains of all rows, by day if that is asked for, and reports whether it can. It looks up
// each domain, and each day of it, in the index on domains. That reads only the window, and needs no sorting.
func (g *grouping) byDomain(l *listing, columns []string, add func([]driver.Value)) bool {
	if len(l.filters) > 0 || !l.indexed || !slices.Contains(columns, "r.domain_id") {
		return false
	}
	days := bucket(upstream.Day)
	for _, c := range columns {
		if c != "0" && c != "r.domain_id" && c != days {
			return false
		}
	}
	first, last := l.extent()
	if first > last {
		return true
	}
	step, selected := last-first+1, slices.Clone(columns)
	for i, c := range selected {
		if c == "r.domain_id" {
			selected[i] = "d.id"
		}
	}
	if slices.Contains(columns, days) {
		step = int64(day) << placeBits
		for i, c := range selected {
			if c == days {
				selected[i] = "t.lo >> " + strconv.Itoa(placeBits)
			}
		}
		first = firstID(upstream.Day.Floor(timeOf(first)))
	}
	seeks := g.number("select count(*) from domain") * ((last-first)/step + 1)
	if rows := g.number("select sum(total) from event_count where kind = ? and day >= ? and day <= ?",
		l.kind.table, int64(upstream.Day.Floor(timeOf(first))), int64(timeOf(last))); seeks*rowsPerSeek > rows {
		return false
	}
	table := l.kind.table
	query := "with recursive t (lo) as (select ?1 union all select lo + ?2 from t where lo + ?2 <= ?3) select " +
		strings.Join(selected, ", ") + ", (select count(*) from " + table + " r indexed by " + table + "_domain" +
		" where r.domain_id = d.id and r.id >= max(t.lo, ?4) and r.id < min(t.lo + ?2, ?5)) from t cross join domain d"
	for v := range g.rows(query, first, step, last, l.lo, l.hi) {
		if integer(v[3]) > 0 {
			add(v)
		}
	}
	return true
}

// extent returns the first and the last id of all rows in the window. The first is greater if there are none.
func (l *listing) extent() (first, last int64) {
	first = l.number("select coalesce(min(id), 1) from "+l.kind.table+" where id >= ? and id < ?", l.lo, l.hi)
	last = l.number("select coalesce(max(id), 0) from "+l.kind.table+" where id >= ? and id < ?", l.lo, l.hi)
	return first, last
}
