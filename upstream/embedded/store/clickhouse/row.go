package clickhouse

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/cespare/xxhash/v2"

	"deliverygraph/upstream"
	"deliverygraph/upstream/grouped"
)

// row is an event of any kind.
type row struct {
	key
	version uint64
	removed bool
	user    upstream.ID
	sender  upstream.ID
	emailID string
	local   string
	domain  string
	address string // of the recipient
	headers []upstream.Header
	own
}

// key tells an event from others of its kind.
type key struct {
	time upstream.Time // by which lists are sorted
	id   uint64        // of the message
}

// kind describes how the events of one kind are stored.
type kind struct {
	upstream.Kind
	table   string
	listed  string // the columns that lists need
	details string // further columns
}

// sharedColumns are the columns that all kinds have.
const sharedColumns = "time, id, version, removed, user_id, sender_id, email_id, local, domain, address, headers, " +
	"header_names, header_values"

// newRow returns a row without its own fields.
func newRow[R any, P upstream.Row[R]](x P) row {
	id, t := x.Identity(), x.Texts()
	r := row{
		key: key{time: id.Time}, user: id.UserID, sender: id.SenderID, emailID: id.EmailID,
		address: upstream.LowerAddress(id.Recipient), local: *t.Local, domain: upstream.LowerDomain(*t.Domain),
		headers: *t.XHeaders,
	}
	r.id = r.messageID()
	return r
}

// messageID returns a hash of what the events of a message share.
func (r *row) messageID() uint64 {
	b := make([]byte, 0, 160)
	for _, s := range []string{r.emailID, r.address} {
		b = append(strconv.AppendInt(b, int64(len(s)), 10), ' ')
		b = append(b, s...)
	}
	b = append(strconv.AppendInt(b, int64(r.user), 10), ' ')
	return xxhash.Sum64(strconv.AppendInt(b, int64(r.sender), 10))
}

// compare is the order of lists.
func (r *row) compare(o *row) int {
	return cmp.Or(cmp.Compare(r.time, o.time), strings.Compare(r.emailID, o.emailID),
		strings.Compare(r.address, o.address), cmp.Compare(r.user, o.user), cmp.Compare(r.sender, o.sender))
}

// equal reports whether both rows, of one event, have the same content.
func (r *row) equal(o *row) bool {
	return r.removed == o.removed && r.own == o.own && r.local == o.local && r.domain == o.domain &&
		(r.headers == nil) == (o.headers == nil) && slices.Equal(r.headers, o.headers)
}

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
	x.targets = r.own.listedFields(k.Kind, []any{
		(*int64)(&r.time), &r.id, &r.version, &r.removed, (*int64)(&r.user), (*int64)(&r.sender), &r.emailID, &r.local,
		&r.domain, &x.odd, &x.hasHeaders, &x.names, &x.values,
	})
	if details {
		x.targets = r.own.detailFields(k.Kind, x.targets)
	}
	return x
}

// read returns the row that was scanned.
func (x *scanner) read() row {
	r := x.row
	if r.address = r.local + "@" + r.domain; x.odd != nil {
		r.address = *x.odd
	}
	if r.headers = nil; x.hasHeaders {
		r.headers = make([]upstream.Header, len(x.names))
		for i, name := range x.names {
			r.headers[i] = upstream.Header{Name: name, Value: x.values[i]}
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
	if r.address != r.local+"@"+r.domain {
		odd = &r.address
	}
	names, keys, values := make([]string, len(r.headers)), make([]string, len(r.headers)), make([]string, len(r.headers))
	for i, h := range r.headers {
		names[i], keys[i], values[i] = h.Name, fold(h.Name), h.Value
	}
	v := []any{
		int64(r.time), r.id, r.version, flag(r.removed), int64(r.user), int64(r.sender), r.emailID, r.local, r.domain, odd,
		flag(r.headers != nil), names, values,
	}
	for _, field := range r.own.detailFields(k.Kind, r.own.listedFields(k.Kind, nil)) {
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
		v = append(v, grouped.Pattern(r.DiagnosticCode, r.local))
	}
	return v
}

func flag(b bool) uint8 {
	if b {
		return 1
	}
	return 0
}

// fold returns the same spelling for names of headers that differ only in case.
func fold(name string) string { return strings.ToUpper(strings.ToLower(name)) }
