package sqlite

import (
	"database/sql/driver"
	"slices"
	"strings"

	"deliverygraph/upstream"
)

// listing is a list that is being read. Its query goes along one index, which has the rows
// in list order, and checks the other filters row by row:
//
//	select … from (
//		select r.id from email r indexed by email_sender
//		where r.sender_id = ? and r.id >= ? and r.id < ? and r.user_id = ?
//		order by 1 limit 500 offset 0
//	) k cross join email r on r.id = k.id left join domain d on d.id = r.domain_id
//
// So it reads whole rows only for the page that it gives.
type listing struct {
	*reader
	kind    *kind
	filters []filter
	none    bool  // nothing can match
	along   []int // the filters whose streams the query goes along, none if along the table itself
	lo, hi  int64 // the ids from lo and before hi
	skip    int64 // rows to skip

	page       page
	generation int64 // of the store
}

// filter is a condition that rows must meet.
type filter struct {
	check   string // on a row r
	args    []any
	streams []stream // the rows that meet it; none where no index has them
	counted string   // the condition on event_count; empty where events are not counted by it
}

// stream is the part of an index that has the rows with one value, in list order.
type stream struct {
	header bool // it is of the table of headers, as h; else of that of events, as r
	index  string
	where  string
	args   []any
}

// maxStreams is the most streams that are merged into one.
const maxStreams = 64

// filter takes over the filters of q.
func (l *listing) filter(only []upstream.ID, q *upstream.ListQuery) error {
	l.lo, l.hi = firstID(q.Window.Start), firstID(q.Window.End)
	l.none = l.lo >= l.hi
	l.equal(q.BounceType != "" && l.kind.Kind == upstream.Bounces, "type", "type", string(q.BounceType))
	l.equal(q.BounceCategory != "" && l.kind.Kind == upstream.Bounces, "category", "", q.BounceCategory)
	l.equal(q.BlockedReason != "" && l.kind.Kind == upstream.BlockedEmails, "reason", "", q.BlockedReason)
	if q.Delivered && l.kind.Kind == upstream.Emails {
		l.filters = append(l.filters, filter{check: "r.delivered", counted: "type = '" + delivered + "'"})
	}
	if q.Local != "" {
		if err := l.local(q.Local); err != nil {
			return err
		}
	}
	switch {
	case q.UserID != 0:
		l.none = l.none || only != nil && !slices.Contains(only, q.UserID)
		l.equal(true, "user_id", "user_id", int64(q.UserID))
	case only != nil:
		l.anyOf("user_id", only)
	}
	if q.Sender != "" {
		senders, err := l.numbers("select id from sender where address = ?", q.Sender)
		if err != nil {
			return err
		}
		l.anyOf("sender_id", senders)
	}
	l.equal(q.SenderID != 0, "sender_id", "sender_id", int64(q.SenderID))
	if q.Domain != "" {
		ids, err := l.numbers("select id from domain where name = ?", upstream.LowerDomain(q.Domain))
		if err != nil {
			return err
		}
		l.anyOf("domain_id", ids)
	}
	for _, h := range q.XHeaders {
		if err := l.header(h); err != nil {
			return err
		}
	}
	if q.Recipient != "" {
		if err := l.recipient(upstream.LowerAddress(q.Recipient)); err != nil {
			return err
		}
	}
	if !l.indexed {
		for i := range l.filters {
			l.filters[i].streams = nil
		}
	}
	return nil
}

// numbers gives the numbers that a query answers.
func (r *reader) numbers(query string, args ...any) (all []upstream.ID, err error) {
	err = r.conn.each(r.ctx, func(v []driver.Value) error {
		all = append(all, upstream.ID(integer(v[0])))
		return nil
	}, query, args...)
	return all, err
}

// indexName is the name of the index on a column.
func (k *kind) indexName(column string) string {
	return k.table + "_" + strings.TrimSuffix(column, "_id")
}

// equal adds a filter by one value of a column.
func (l *listing) equal(given bool, column, counted string, value any) {
	if !given {
		return
	}
	f := filter{check: "r." + column + " = ?", args: []any{value}}
	f.streams = []stream{{index: l.kind.indexName(column), where: f.check, args: f.args}}
	if counted != "" {
		f.counted = counted + " = ?"
	}
	l.filters = append(l.filters, f)
}

// anyOf adds a filter by several values of a column.
func (l *listing) anyOf(column string, ids []upstream.ID) {
	ids = slices.Clone(ids)
	slices.Sort(ids)
	ids = slices.Compact(ids)
	l.none = l.none || len(ids) == 0
	f := filter{check: "r." + column + " in (" + placeholders(len(ids)) + ")"}
	for _, id := range ids {
		f.args = append(f.args, int64(id))
		f.streams = append(f.streams, stream{index: l.kind.indexName(column), where: "r." + column + " = ?", args: []any{int64(id)}})
	}
	if len(ids) > maxStreams {
		f.streams = nil
	}
	if column != "domain_id" {
		f.counted = column + " in (" + placeholders(len(ids)) + ")"
	}
	l.filters = append(l.filters, f)
}

// header adds a filter by a header.
func (l *listing) header(h upstream.Header) error {
	if !l.indexed { // the table of headers is not there yet
		l.filters = append(l.filters, filter{
			check: "exists (select 1 from json_each(r.headers) j where lower(j.key) = lower(?) and j.value = ?)", args: []any{h.Name, h.Value},
		})
		return nil
	}
	id, err := l.conn.number(l.ctx, "select id from header where name = ? and value = ?", fold(h.Name), h.Value)
	l.none = l.none || id == 0
	l.filters = append(l.filters, filter{
		check: "exists (select 1 from " + l.kind.table + "_header where header_id = ? and id = r.id)", args: []any{id},
		streams: []stream{{header: true, where: "h.header_id = ?", args: []any{id}}},
	})
	return err
}

// local adds a filter by the local part of the recipient. The index on recipients has its
// rows in list order for each domain; if there are many, SQLite sorts them.
func (l *listing) local(local string) error {
	f := filter{check: "r.local = ?", args: []any{local}}
	if !l.indexed {
		l.filters = append(l.filters, f)
		return nil
	}
	table := l.kind.table
	domains, err := l.numbers("with recursive met (d) as (select min(domain_id) from "+table+" where local = ?1"+
		" union all select (select min(domain_id) from "+table+" where local = ?1 and domain_id > met.d) from met where met.d is not null)"+
		" select d from met where d is not null limit ?2", local, int64(maxStreams+1))
	s := stream{index: l.kind.indexName("recipient"), where: f.check, args: f.args}
	if len(domains) > maxStreams {
		f.streams = []stream{s}
	} else {
		for _, d := range domains {
			f.streams = append(f.streams, stream{index: s.index, where: "r.local = ? and r.domain_id = ?", args: []any{local, int64(d)}})
		}
		l.none = l.none || len(domains) == 0
	}
	l.filters = append(l.filters, f)
	return err
}

// recipient adds a filter by the recipient.
func (l *listing) recipient(address string) error {
	at := max(strings.LastIndexByte(address, '@'), 0)
	domain, err := l.conn.number(l.ctx, "select id from domain where name = ?", strings.TrimPrefix(address[at:], "@"))
	if err != nil {
		return err
	}
	plain := stream{index: l.kind.indexName("recipient"), where: "r.local = ? and r.domain_id = ? and r.address is null", args: []any{address[:at], domain}}
	odd := stream{index: l.kind.indexName("address"), where: "r.address = ?", args: []any{address}}
	l.filters = append(l.filters, filter{
		check: "(" + plain.where + " or " + odd.where + ")", args: append(plain.args, address), streams: []stream{plain, odd},
	})
	return nil
}

// keys is the query for the ids of the rows from lo and before hi that pass the filters,
// along the streams of some. It checks the others row by row, or with none leaves them aside.
func (l *listing) keys(along []int, check bool, lo, hi int64) (query string, args []any) {
	var checks strings.Builder
	var checked []any
	for i, f := range l.filters {
		if check && !slices.Contains(along, i) {
			checks.WriteString(" and " + f.check)
			checked = append(checked, f.args...)
		}
	}
	table := l.kind.table
	if len(along) == 0 {
		return "select r.id from " + table + " r not indexed where r.id >= ? and r.id < ?" + checks.String() + " order by 1", append([]any{lo, hi}, checked...)
	}
	var b strings.Builder
	for n, i := range along {
		for m, s := range l.filters[i].streams {
			switch {
			case m > 0:
				b.WriteString(" union all ")
			case n > 0:
				b.WriteString(" intersect ")
			}
			id, from := "r.id", table+" r indexed by "+s.index
			if s.header {
				id, from = "h.id", table+"_header h"
			}
			// Of several filters the rows are checked once they have passed all of them.
			inline := ""
			if len(along) == 1 {
				inline = checks.String()
				if s.header && inline != "" {
					from += " cross join " + table + " r on r.id = h.id"
				}
			}
			b.WriteString("select " + id + " from " + from + " where " + s.where + " and " + id + " >= ? and " + id + " < ?" + inline)
			args = append(append(args, s.args...), lo, hi)
			if inline != "" {
				args = append(args, checked...)
			}
		}
	}
	b.WriteString(" order by 1")
	if len(along) == 1 || checks.Len() == 0 {
		return b.String(), args
	}
	// Without a limit SQLite would drop the order.
	return "select r.id from (" + b.String() + " limit -1) k cross join " + table + " r on r.id = k.id where true" + checks.String(), append(args, checked...)
}

// query is the query of a page of rows.
func (l *listing) query(limit int) (string, []any) {
	keys, args := l.keys(l.along, true, l.lo, l.hi)
	return "select " + l.kind.listed() + " from (" + keys + " limit ? offset ?) k cross join " + l.kind.table +
		" r on r.id = k.id left join domain d on d.id = r.domain_id", append(args, int64(limit), l.skip)
}

// choose decides what the query goes along: of the filters with streams the one whose rows
// lie furthest apart, from l.lo on, so that the fewest rows are checked in vain. Filters with
// some times as many rows are merged with it, which takes less than to check each row.
func (l *listing) choose() error {
	const (
		sample = 256
		merged = 4 // times as many rows
	)
	var choices []int
	for i, f := range l.filters {
		if len(f.streams) > 0 {
			choices = append(choices, i)
		}
	}
	if len(choices) < 2 {
		l.along = choices
		return nil
	}
	reach := make([]float64, len(l.filters)) // how far a sample of its rows goes
	best := -1
	for _, i := range slices.Backward(choices) { // the last ones tend to have the fewest rows
		end := int64(0)
		keys, args := l.keys([]int{i}, false, l.lo, l.hi)
		err := l.conn.each(l.ctx, func(v []driver.Value) error {
			end = integer(v[0])
			return nil
		}, keys+" limit 1 offset ?", append(args, int64(sample))...)
		if err != nil {
			return err
		}
		if end == 0 { // it has few rows
			l.along = []int{i}
			return nil
		}
		reach[i] = float64(end - l.lo)
		if best < 0 || reach[i] > reach[best] {
			best = i
		}
	}
	l.along = []int{best}
	for _, i := range choices {
		if i != best && len(l.filters[i].streams) == 1 && reach[i]*merged > reach[best] {
			l.along = append(l.along, i)
		}
	}
	return nil
}
