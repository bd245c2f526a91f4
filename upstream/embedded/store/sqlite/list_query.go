package sqlite

import (
	"slices"
	"strconv"
	"strings"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// listing is a list that is being read. Its query takes ids from indexes, which have them in list order, and checks the
// remaining filters row by row. It reads whole rows only for the page:
//
//	select … from (
//		select r.id from (
//			select id from email indexed by email_sender where sender_id = ? and id >= ? and id < ?
//			order by 1 limit -1
//		) k cross join email r on r.id = k.id where r.delivered
//		limit 500 offset 0
//	) k cross join email r on r.id = k.id left join domain d on d.id = r.domain_id
type listing struct {
	*view
	kind    *kind
	filters []*filter
	none    bool      // nothing can match
	along   []*filter // those whose indexes the query reads; empty for the table itself
	lo, hi  int64     // ids from lo and before hi
	skip    int64     // rows to skip

	page store.Page
}

// listing returns a kind's list that q asks for, from its first row on.
func (v *view) listing(k *kind, q *upstream.ListQuery) *listing {
	l := &listing{view: v, kind: k, lo: firstID(q.Window.Start), hi: firstID(q.Window.End)}
	l.none = l.lo >= l.hi
	store.Filter(l, k.Kind, q, v.only, func(address string) []any {
		return l.Values("select id from sender where address = ?", address)
	})
	return l
}

// checks returns the conditions on a row r of all filters but some.
func (l *listing) checks(but []*filter) (checks string, args []any) {
	for _, f := range l.filters {
		if !slices.Contains(but, f) {
			checks += " and " + f.check
			args = append(args, f.args...)
		}
	}
	return checks, args
}

// ids is the query for the ids from lo and before hi that are in the streams of all of some filters. Only the first may
// have several streams.
func (l *listing) ids(of []*filter, lo, hi int64) (query string, args []any) {
	var lists []string
	for _, f := range of {
		var streams []string
		for _, s := range f.streams {
			streams = append(streams, "select id from "+s.from+" and id >= ? and id < ?")
			args = append(append(args, s.args...), lo, hi)
		}
		lists = append(lists, strings.Join(streams, " union all "))
	}
	return strings.Join(lists, " intersect ") + " order by 1", args
}

// keys is the query for the ids of all rows from lo and before hi that meet all filters.
func (l *listing) keys(lo, hi int64) (query string, args []any) {
	checks, checked := l.checks(l.along)
	table := l.kind.table
	if len(l.along) == 0 {
		return "select r.id from " + table + " r not indexed where r.id >= ? and r.id < ?" + checks + " order by 1",
			append([]any{lo, hi}, checked...)
	}
	query, args = l.ids(l.along, lo, hi)
	if checks == "" {
		return query, args
	}
	// Without a limit SQLite would drop the order.
	return "select r.id from (" + query + " limit -1) k cross join " + table + " r on r.id = k.id where true" + checks,
		append(args, checked...)
}

// query is the query for a page of rows.
func (l *listing) query(limit int) (string, []any) {
	keys, args := l.keys(l.lo, l.hi)
	return "select " + l.kind.listed + " from (" + keys + " limit ? offset ?) k cross join " +
		l.kind.table + " r on r.id = k.id left join domain d on d.id = r.domain_id", append(args, int64(limit), l.skip)
}

// choose decides which indexes the query reads: that of the filter whose rows are furthest apart from l.lo on, so that
// the fewest rows fail the other checks. It merges indexes with a few times as many rows, which costs less than to
// check each row.
func (l *listing) choose() {
	const (
		sample = 256
		merged = 4 // times as many rows
	)
	var best *filter
	for _, f := range slices.Backward(l.filters) { // the last ones tend to have the fewest rows
		if len(f.streams) == 0 {
			continue
		}
		one := []*filter{f}
		ids, args := l.ids(one, l.lo, l.hi)
		end := l.Number(ids+" limit 1 offset ?", append(args, int64(sample))...)
		if end == 0 { // it has few rows
			l.along = one
			return
		}
		if f.reach = end - l.lo; best == nil || f.reach > best.reach {
			best, l.along = f, one
		}
	}
	for _, f := range l.filters {
		if f != best && len(f.streams) == 1 && f.reach > best.reach/merged {
			l.along = append(l.along, f)
		}
	}
}

// distinct returns the first different values of a column, at most limit, or all if that is negative. From ends with a
// condition. An index leads from one value to the next, past the rows that share it.
func (r *reader) distinct(column, from string, limit int, args ...any) []any {
	least := "select min(" + column + ") from " + from
	return r.Values("with recursive seen (v) as ("+least+" union all"+
		" select ("+least+" and "+column+" > v) from seen where v is not null)"+
		" select v from seen where v is not null limit "+strconv.Itoa(limit), args...)
}
