package sqlite

import (
	"context"
	"database/sql/driver"
	"slices"
	"strconv"
	"strings"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/grouped"
)

// Groups groups events: see [store.Reader].
func (s *Store) Groups(
	ctx context.Context, only []upstream.ID, k upstream.Kind, q upstream.GroupsQuery, p *grouped.Providers,
) (groups upstream.Groups, err error) {
	q.Offset = 0
	q.Window.Start, q.Window.End = max(q.Window.Start, -store.MaxTime), min(q.Window.End, store.MaxTime+1)
	err = s.readIndexed(ctx, "group "+k.String(), func(r *reader) {
		groups = r.group(only, k, &q, newNames(r, p))
		r.senders(&q, &groups)
	})
	return groups, err
}

// group groups events, and then looks at the times and at the emails of the groups found.
func (r *reader) group(only []upstream.ID, k upstream.Kind, q *upstream.GroupsQuery, n *names) upstream.Groups {
	all := upstream.Grouper{Top: q.Top, Distinct: q.By == [2]upstream.Dimension{upstream.DimensionHeader}}
	x := grouping{names: n, kind: kinds[k], q: q}
	x.each(only, func(keys upstream.Keys, _ upstream.Time, n int64) { all.Add(keys, n) })
	groups := all.Groups()
	of := groups.GroupIndex()
	if q.Interval != 0 && len(of) > 0 {
		x.interval = q.Interval
		x.each(only, func(keys upstream.Keys, at upstream.Time, n int64) {
			if g := of[keys]; g != nil && n != 0 {
				g.AddPoint(q.Interval.Floor(at), n)
			}
		})
	}
	if q.Sent && len(of) > 0 {
		sent := q.SentQuery()
		x := grouping{names: n, kind: kinds[upstream.Emails], q: &sent}
		x.each(only, func(keys upstream.Keys, _ upstream.Time, n int64) {
			if g := of[keys]; g != nil {
				g.Sent += n
			}
		})
	}
	return groups
}

// senders sets the addresses of groups by sender.
func (r *reader) senders(q *upstream.GroupsQuery, groups *upstream.Groups) {
	at := slices.Index(q.By[:], upstream.DimensionSender)
	if at < 0 {
		return
	}
	addresses := map[string]string{}
	for v := range r.rows("select id, address from sender") {
		addresses[strconv.FormatInt(integer(v[0]), 10)] = text(v[1])
	}
	for i := range groups.Groups {
		g := &groups.Groups[i]
		g.Sender = addresses[g.Keys[at]]
	}
}

// names finds the names of domains and the texts of patterns by their ids.
type names struct {
	*reader
	providers         *grouped.Providers
	domains, patterns dictionary
}

// dictionary is what was read of a table of texts.
type dictionary struct {
	query string // for ids and texts
	limit int    // of texts in memory
	texts map[int64]string
}

func newNames(r *reader, p *grouped.Providers) *names {
	return &names{
		reader: r, providers: p,
		domains:  dictionary{"select id, name from domain", 1 << 20, map[int64]string{}},
		patterns: dictionary{"select id, text from pattern", 1 << 16, map[int64]string{}},
	}
}

// find returns a text of a dictionary.
func (n *names) find(d *dictionary, id int64) string {
	const few = 256 // look-ups of one text that are faster than reading all
	s, known := d.texts[id]
	if !known && len(d.texts) == few {
		for v := range n.rows(d.query+" limit ?", int64(d.limit)) {
			d.texts[integer(v[0])] = text(v[1])
		}
		s, known = d.texts[id]
	}
	if !known {
		for v := range n.rows(d.query+" where id = ?", id) {
			s, known = text(v[1]), true
		}
		if !known {
			n.fail(store.ErrDamaged)
		}
		if len(d.texts) <= d.limit {
			d.texts[id] = s
		}
	}
	return s
}

// grouping is events that are being grouped.
type grouping struct {
	*names
	kind     *kind
	q        *upstream.GroupsQuery
	interval upstream.Interval // by which the times of events are told apart; 0 is none
}

// each calls f for events with the same keys, in any order and several times for a key. At is when the events happened,
// to the grouping's interval.
func (g *grouping) each(only []upstream.ID, f func(keys upstream.Keys, at upstream.Time, n int64)) {
	l := &listing{reader: g.reader, kind: g.kind}
	l.filter(only, &g.q.ListQuery)
	if l.none {
		return
	}
	switch {
	case isCounted(l, g.q):
		g.counts(l, f)
	case g.q.Has(upstream.DimensionHeader):
		g.headers(l, f)
	default:
		g.events(l, "", g.add(f))
	}
}

// add returns a function that calls f for a row of a query's answer.
func (g *grouping) add(f func(keys upstream.Keys, at upstream.Time, n int64)) func([]driver.Value) {
	return func(v []driver.Value) { f(g.keys(v), upstream.Time(integer(v[2])), integer(v[3])) }
}

// keys converts the values of both dimensions, as the queries return them.
func (g *grouping) keys(v []driver.Value) (keys upstream.Keys) {
	for i, d := range g.q.By {
		switch d {
		case upstream.NoDimension:
		case upstream.DimensionDomain, upstream.DimensionProvider:
			keys[i] = g.find(&g.domains, integer(v[i]))
			if d == upstream.DimensionProvider {
				keys[i] = g.providers.Of(keys[i])
			}
		case upstream.DimensionSender, upstream.DimensionUser, upstream.DimensionHour, upstream.DimensionDay:
			keys[i] = strconv.FormatInt(integer(v[i]), 10)
		case upstream.DimensionWeekday:
			keys[i] = upstream.Time(integer(v[i])).Weekday()
		case upstream.DimensionDiagnostic:
			keys[i] = g.find(&g.patterns, integer(v[i]))
		case upstream.DimensionDelivered:
			keys[i] = "false"
			if v[i] == int64(1) || v[i] == delivered {
				keys[i] = "true"
			}
		default:
			keys[i] = text(v[i])
		}
	}
	return keys
}

// keyColumn returns the expression on a row r for a dimension.
func keyColumn(d upstream.Dimension) string {
	switch d {
	case upstream.NoDimension:
		return "0"
	case upstream.DimensionDomain, upstream.DimensionProvider:
		return "r.domain_id"
	case upstream.DimensionSender:
		return "r.sender_id"
	case upstream.DimensionUser:
		return "r.user_id"
	case upstream.DimensionDiagnostic:
		return "r.pattern_id"
	case upstream.DimensionHour:
		return bucket(upstream.Hour)
	case upstream.DimensionDay, upstream.DimensionWeekday:
		return bucket(upstream.Day)
	}
	return "r." + d.String()
}

// bucket returns the expression for the start of the hour or day of a row r, also before 1970.
func bucket(i upstream.Interval) string {
	n := strconv.FormatInt(int64(i.Seconds()), 10)
	return "((r.id >> 20) - ((r.id >> 20) % " + n + " + " + n + ") % " + n + ")"
}

// columns returns the expressions on a row r for both dimensions and the time. The first argument is the one for a
// header.
func (g *grouping) columns(header string) []string {
	columns := []string{keyColumn(g.q.By[0]), keyColumn(g.q.By[1]), "0"}
	if i := slices.Index(g.q.By[:], upstream.DimensionHeader); i >= 0 {
		columns[i] = header
	}
	if g.interval != 0 {
		columns[2] = bucket(g.interval)
	}
	return columns
}

// groupBy returns the clause that groups by columns which are not constant.
func groupBy(columns []string) string {
	var by []string
	for i, c := range columns {
		if c != "0" && c != noHeader {
			by = append(by, strconv.Itoa(i+1))
		}
	}
	if len(by) == 0 {
		return ""
	}
	return " group by " + strings.Join(by, ", ")
}

// events calls add with the keys, the times and the number of the rows of a list. Header is the expression for the
// value of a header.
func (g *grouping) events(l *listing, header string, add func([]driver.Value)) {
	columns := g.columns(header)
	if g.byDomain(l, columns, add) {
		return
	}
	from, args := g.source(l, columns)
	query := "select " + strings.Join(columns, ", ") + ", count(*) from " + from + groupBy(columns)
	for v := range g.rows(query, args...) {
		add(v)
	}
}

// source returns the rows r of a list to group by columns.
func (g *grouping) source(l *listing, columns []string) (from string, args []any) {
	if len(l.filters) == 0 {
		return l.kind.table + " r " + g.index(l, columns) + " where r.id >= ? and r.id < ?", []any{l.lo, l.hi}
	}
	l.choose()
	keys, args := l.keys(l.along, true, l.lo, l.hi)
	return "(" + keys + " limit -1) k cross join " + l.kind.table + " r on r.id = k.id", args
}

// index returns which index to read for columns of all rows of a window. An index that has the columns is much smaller
// than the table, but has to be read as a whole.
func (g *grouping) index(l *listing, columns []string) string {
	const share = 8 // of the store, from which on the index is faster
	covering := l.kind.covering(columns)
	if covering == "" || !l.indexed {
		return "not indexed"
	}
	first := g.number("select min(id) from " + l.kind.table)
	last := g.number("select max(id) from " + l.kind.table)
	if min(last, l.hi)-max(first, l.lo) < (last-first)/share {
		return "not indexed"
	}
	return "indexed by " + covering
}

// covering returns the index that has all of the columns, or "".
func (k *kind) covering(columns []string) string {
	index := ""
	for _, c := range columns {
		name, found := strings.CutPrefix(c, "r.")
		switch {
		case !found: // of the id alone, which every index has
		case index != "" || !slices.Contains(indexed[k.Kind], name):
			return ""
		default:
			index = k.table + "_" + strings.TrimSuffix(name, "_id")
		}
	}
	return index
}

// indexed are the columns that have indexes of their own.
var indexed = [len(upstream.Kinds)][]string{
	upstream.Emails:        {"user_id", "sender_id", "domain_id"},
	upstream.Bounces:       {"user_id", "sender_id", "domain_id", "type", "category", "code", "rule", "pattern_id"},
	upstream.BlockedEmails: {"user_id", "sender_id", "domain_id", "reason"},
}
