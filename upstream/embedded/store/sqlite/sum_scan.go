package sqlite

import (
	"cmp"
	"database/sql/driver"
	"slices"
	"strconv"
	"strings"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// constant is the expression for a key without a dimension, and for a time that is not distinguished from others.
const constant = "''"

// columns returns the expressions on a row r for both keys and the time.
func (s *sum) columns() []string {
	columns := []string{dimensions[s.by[0]].row, dimensions[s.by[1]].row, constant}
	if s.times != 0 {
		columns[2] = bucket(s.times)
	}
	return columns
}

// dimensions are the columns by which events are grouped: the expression on a row r, and on a row of event_count if it
// has that. Hours have the column of their day.
var dimensions = [...]struct{ row, counted string }{
	upstream.NoDimension:         {constant, constant},
	upstream.DimensionType:       {"r.type", "type"},
	upstream.DimensionCategory:   {row: "r.category"},
	upstream.DimensionCode:       {row: "r.code"},
	upstream.DimensionRule:       {row: "r.rule"},
	upstream.DimensionDiagnostic: {row: "r.pattern_id"},
	upstream.DimensionReason:     {row: "r.reason"},
	upstream.DimensionDelivered:  {"r.delivered", "iif(type = 'delivered', 'true', 'false')"},
	upstream.DimensionDomain:     {row: "r.domain_id"},
	upstream.DimensionSender:     {"r.sender_id", "sender_id"},
	upstream.DimensionUser:       {"r.user_id", "user_id"},
	upstream.DimensionHour:       {bucket(upstream.Hour), "day"},
	upstream.DimensionDay:        {bucket(upstream.Day), "day"},
	upstream.DimensionHeader:     {row: "h.value"},
}

// keys are the expressions for the keys of columns whose values are not keys.
var keys = map[string]string{
	"r.domain_id":  "(select name from domain where id = r.domain_id)",
	"r.pattern_id": "(select text from pattern where id = r.pattern_id)",
	"r.delivered":  "iif(r.delivered, 'true', 'false')",
}

// bucket returns the expression for the start of the hour or day of a row r, also before 1970.
func bucket(i upstream.Interval) string {
	n := strconv.FormatInt(int64(i.Seconds()), 10)
	return "((r.id >> 20) - ((r.id >> 20) % " + n + " + " + n + ") % " + n + ")"
}

// scan adds up rows.
func (s *sum) scan() {
	columns, table := s.columns(), s.kind.table
	if s.choose(); len(s.along) > 0 {
		keys, args := s.keys(s.lo, s.hi)
		s.group(columns, "("+keys+" limit -1) k cross join "+table+" r on r.id = k.id", args)
		return
	}
	first, last := s.Number("select min(id) from "+table), s.Number("select max(id) from "+table)
	lo, hi := max(first, s.lo), min(last+1, s.hi)
	if lo >= hi || s.byDomain(columns, lo, hi) {
		return
	}
	// An index that has the columns is much smaller than the table, but has to be read as a whole.
	const share = 8 // of the store, from which on the index is faster
	by := "not indexed"
	if index := s.covering(columns); index != "" && hi-lo >= (last-first)/share {
		by = "indexed by " + index
	}
	checks, args := s.checks(nil)
	s.group(columns, table+" r "+by+" where r.id >= ? and r.id < ?"+checks, append([]any{lo, hi}, args...))
}

// group adds up the rows r of a query by columns.
func (s *sum) group(columns []string, from string, args []any) {
	query := "select "
	for _, c := range columns {
		query += cmp.Or(keys[c], c) + ", "
	}
	query += "count(*) from " + from
	if by := slices.DeleteFunc(slices.Clone(columns), func(c string) bool { return c == constant }); len(by) > 0 {
		query += " group by " + strings.Join(by, ", ")
	}
	for v := range s.Rows(query, args...) {
		s.add(v[:2], upstream.Time(integer(v[2])), integer(v[3]))
	}
}

// covering returns the index that has all that is needed, or "".
func (s *sum) covering(columns []string) (index string) {
	if !s.indexed || len(s.filters) > 0 {
		return ""
	}
	for _, c := range columns {
		name, found := strings.CutPrefix(c, "r.")
		if !found { // of the id alone, which every index has
			continue
		}
		if index != "" {
			return ""
		}
		if index = s.kind.index(name); !strings.Contains(indexFile, " "+index+" ") {
			return ""
		}
	}
	return index
}

// byDomain adds up all events from lo and before hi by domain, and perhaps by day. It reports whether it does: if it is
// faster than reading all rows. It looks up each domain, and each day of it, in the index on domains. That reads only
// the window, and sorts nothing.
func (s *sum) byDomain(columns []string, lo, hi int64) bool {
	const rowsPerSeek = 8 // that can be read and sorted in the time of a look-up
	selected, first, step := slices.Clone(columns), lo, hi-lo
	for i, c := range columns {
		switch c {
		case constant:
		case "r.domain_id":
			selected[i] = "d.name"
		case bucket(upstream.Day):
			first, step = firstID(upstream.Day.Floor(timeOf(lo))), int64(day)<<placeBits
			selected[i] = "t.lo >> 20"
		default:
			return false
		}
	}
	if !s.indexed || len(s.filters) > 0 || !slices.Contains(selected, "d.name") {
		return false
	}
	seeks := s.Number("select count(*) from domain") * ((hi-1-first)/step + 1)
	where, args := s.inCounts(upstream.Day.Floor(timeOf(lo)), timeOf(hi))
	if seeks*rowsPerSeek > s.Number("select sum(total) from event_count"+where, args...) {
		return false
	}
	query := "with recursive t (lo) as (select ?1 union all select lo + ?2 from t where lo + ?2 < ?4)" +
		" select " + strings.Join(selected, ", ") + ", (select count(*) from " + s.kind.from("domain_id") +
		"domain_id = d.id and id >= max(t.lo, ?3) and id < min(t.lo + ?2, ?4)) from t cross join domain d"
	for v := range s.Rows(query, first, step, lo, hi) {
		if n := integer(v[3]); n > 0 {
			s.add(v[:2], upstream.Time(integer(v[2])), n)
		}
	}
	return true
}

// headers adds up events by a header. The table of headers has the rows of each value. The rows that have none are all
// others, so they are the difference to all rows.
func (s *sum) headers() {
	type slot struct {
		other driver.Value // the other key
		at    upstream.Time
	}
	header := slices.Index(s.by[:], upstream.DimensionHeader)
	without := map[slot]int64{}
	all := *s
	all.by[header] = upstream.NoDimension
	all.add = func(keys []driver.Value, at upstream.Time, n int64) { without[slot{keys[1-header], at}] += n }
	all.run()
	with := *s
	with.add = func(keys []driver.Value, at upstream.Time, n int64) {
		without[slot{keys[1-header], at}] -= n
		s.add(keys, at, n)
	}
	with.having(header)
	for x, n := range without {
		keys := []driver.Value{x.other, x.other}
		keys[header] = ""
		s.add(keys, x.at, max(0, n)) // a row may have a header twice, with different values
	}
}

// having adds up the rows that have a header, which is one of the keys.
func (s *sum) having(header int) {
	table, columns := s.kind.table, s.columns()
	from, args := "header h cross join "+table+"_header r on r.header_id = h.id", []any{}
	if len(s.filters) > 0 || slices.ContainsFunc(columns, func(c string) bool { return strings.HasPrefix(c, "r.") }) {
		from = "header h cross join " + table + "_header k on k.header_id = h.id and k.id >= ? and k.id < ?" +
			" cross join " + table + " r on r.id = k.id"
		args = append(args, s.lo, s.hi)
	}
	checks, checked := s.checks(nil)
	from += " where h.name = ? and h.value <> '' and r.id >= ? and r.id < ?" + checks
	s.group(columns, from, append(append(args, store.FoldHeader(s.header), s.lo, s.hi), checked...))
}
