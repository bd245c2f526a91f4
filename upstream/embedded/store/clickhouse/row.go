package clickhouse

import (
	"strconv"

	"github.com/cespare/xxhash/v2"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/grouped"
)

// row is a version of an event.
type row struct {
	id      uint64 // of the message
	version uint64
	removed bool
	store.Event
}

// key identifies an event of its kind.
type key struct {
	time upstream.Time // by which lists are sorted
	id   uint64        // of the message
}

func (r *row) key() key { return key{r.Time, r.id} }

// kind describes how the events of one kind are stored.
type kind struct {
	upstream.Kind
	table   string
	listed  string // the columns that lists need
	details string // further columns
	codes   string // the column with the codes of the catalogue; empty if the kind has none
}

// sharedColumns are the columns that all kinds have.
const sharedColumns = "time, id, version, removed, user_id, sender_id, email_id, local, domain, address, headers, " +
	"header_names, header_values"

// rowsOf returns a batch's rows by kind.
func rowsOf(b *store.Batch) (rows [len(kinds)][]row) {
	b.Events(func(k upstream.Kind, e store.Event) {
		r := row{Event: e}
		r.id = r.messageID()
		rows[k] = append(rows[k], r)
	})
	return rows
}

// messageID returns a hash of what the events of a message share.
func (r *row) messageID() uint64 {
	b := make([]byte, 0, 160)
	for _, s := range []string{r.EmailID, r.Recipient} {
		b = append(strconv.AppendInt(b, int64(len(s)), 10), ' ')
		b = append(b, s...)
	}
	b = append(strconv.AppendInt(b, int64(r.UserID), 10), ' ')
	return xxhash.Sum64(strconv.AppendInt(b, int64(r.SenderID), 10))
}

// equal reports whether both rows, of one event, have the same content.
func (r *row) equal(o *row) bool { return r.removed == o.removed && r.Equal(&o.Event) }

// scanner reads rows of a kind.
type scanner struct {
	row
	odd           *string
	hasHeaders    bool
	names, values []string
	targets       []any
}

func newScanner(k *kind, details bool) *scanner {
	x := &scanner{}
	r := &x.row
	x.targets = r.listedFields(k.Kind, []any{
		(*int64)(&r.Time), &r.id, &r.version, &r.removed, (*int64)(&r.UserID), (*int64)(&r.SenderID), &r.EmailID,
		&r.Local, &r.Domain, &x.odd, &x.hasHeaders, &x.names, &x.values,
	})
	if details {
		x.targets = r.detailFields(k.Kind, x.targets)
	}
	return x
}

// read returns the row that was scanned.
func (x *scanner) read() row {
	r := x.row
	if r.Recipient = r.Local + "@" + r.Domain; x.odd != nil {
		r.Recipient = *x.odd
	}
	if r.XHeaders = nil; x.hasHeaders {
		r.XHeaders = make([]upstream.Header, len(x.names))
		for i, name := range x.names {
			r.XHeaders[i] = upstream.Header{Name: name, Value: x.values[i]}
		}
	}
	return r
}

// insertColumns are the columns of a kind in the order of [row.values].
func (k *kind) insertColumns() string {
	columns := k.listed + k.details + ", header_keys"
	if k.Kind == upstream.Bounces {
		columns += ", pattern"
	}
	return columns
}

// values returns the values of the insertColumns.
func (r *row) values(k *kind) []any {
	var odd *string
	if r.Recipient != r.Local+"@"+r.Domain {
		odd = &r.Recipient
	}
	n := len(r.XHeaders)
	names, keys, values := make([]string, n), make([]string, n), make([]string, n)
	for i, h := range r.XHeaders {
		names[i], keys[i], values[i] = h.Name, store.FoldHeader(h.Name), h.Value
	}
	v := []any{
		int64(r.Time), r.id, r.version, flag(r.removed), int64(r.UserID), int64(r.SenderID), r.EmailID,
		r.Local, r.Domain, odd, flag(r.XHeaders != nil), names, values,
	}
	for _, field := range r.detailFields(k.Kind, r.listedFields(k.Kind, nil)) {
		switch x := field.(type) {
		case *string:
			v = append(v, *x)
		case *int64:
			v = append(v, *x)
		case *bool:
			v = append(v, flag(*x))
		}
	}
	if v = append(v, keys); k.Kind == upstream.Bounces {
		v = append(v, grouped.Pattern(r.DiagnosticCode, r.Local))
	}
	return v
}

func flag(b bool) uint8 {
	if b {
		return 1
	}
	return 0
}
