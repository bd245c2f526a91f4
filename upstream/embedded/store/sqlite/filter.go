package sqlite

import (
	"strings"

	"deliverygraph/upstream"
)

// filter is a condition that rows must meet.
type filter struct {
	check   string // on a row r
	args    []any
	streams []stream // the ids of matching rows, merged; empty if no index has them
	counted string   // the condition on event_count; empty if events are not counted by it
	reach   int64    // how far a sample of its rows extends
}

// stream is a part of an index with ids in list order.
type stream struct {
	from string // with a where clause
	args []any
}

// maxStreams is the maximum number of streams of a filter.
const maxStreams = 64

// filter adds a filter.
func (l *listing) filter(f filter) {
	if !l.indexed {
		f.streams = nil
	}
	l.filters = append(l.filters, &f)
}

// index returns the name of the index on a column.
func (k *kind) index(column string) string { return k.table + "_" + strings.TrimSuffix(column, "_id") }

// from begins a stream of the index on a column.
func (k *kind) from(column string) string {
	return k.table + " indexed by " + k.index(column) + " where "
}

// placeholders returns n of them.
func placeholders(n int) string { return strings.TrimSuffix(strings.Repeat("?, ", n), ", ") }

// Flag adds a filter by a column that is true or false. Events are counted by its name.
func (l *listing) Flag(column string) {
	l.filter(filter{check: "r." + column, counted: "type = '" + column + "'"})
}

// OneOf adds a filter by some values of a column.
func (l *listing) OneOf(column string, values ...any) {
	l.none = l.none || len(values) == 0
	in := column + " in (" + placeholders(len(values)) + ")"
	f := filter{check: "r." + in, args: values}
	for i := 0; i < len(values) && len(values) <= maxStreams; i++ {
		f.streams = append(f.streams, stream{l.kind.from(column) + column + " = ?", values[i : i+1]})
	}
	if column == "user_id" || column == "sender_id" || column == "type" {
		f.counted = in
	}
	l.filter(f)
}

// Domain adds a filter by the recipient's domain.
func (l *listing) Domain(domain string) {
	l.OneOf("domain_id", l.Values("select id from domain where name = ?", domain)...)
}

// Header adds a filter by a header.
func (l *listing) Header(h upstream.Header) {
	id := l.Number("select id from header where name = ? and value = ?", h.Name, h.Value)
	l.none = l.none || id == 0
	table := l.kind.table + "_header where header_id = ?"
	l.filter(filter{
		check: "exists (select 1 from " + table + " and id = r.id)", args: []any{id},
		streams: []stream{{table, []any{id}}},
	})
}

// Local adds a filter by the local part of the recipient. The index on recipients has the ids in list order for each
// domain. If there are too many domains, SQLite sorts them.
func (l *listing) Local(local string) {
	f := filter{check: "r.local = ?", args: []any{local}}
	if l.indexed {
		domains := l.distinct("domain_id", l.kind.table+" where local = ?1", maxStreams+1, local)
		from := l.kind.from("recipient") + "local = ?"
		for _, d := range domains {
			f.streams = append(f.streams, stream{from + " and domain_id = ?", []any{local, d}})
		}
		if len(domains) > maxStreams {
			f.streams = []stream{{from, f.args}}
		}
		l.none = l.none || len(domains) == 0
	}
	l.filter(f)
}

// Recipient adds a filter by the recipient.
func (l *listing) Recipient(local, domain, address string) {
	parts := []any{local, l.Number("select id from domain where name = ?", domain)}
	l.filter(filter{
		check: "(r.local = ? and r.domain_id = ? and r.address is null or r.address = ?)", args: append(parts, address),
		streams: []stream{
			{l.kind.from("recipient") + "local = ? and domain_id = ? and address is null", parts},
			{l.kind.from("address") + "address = ?", []any{address}},
		},
	})
}
