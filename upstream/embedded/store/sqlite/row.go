package sqlite

import (
	"cmp"
	"database/sql/driver"
	"slices"
	"strings"

	"deliverygraph/upstream"
)

// row is an event of any kind.
type row struct {
	id      int64         // 0 if it has no place yet
	time    upstream.Time // by which lists are sorted
	user    upstream.ID
	sender  upstream.ID
	emailID string
	local   string
	domain  string
	address string // of the recipient
	headers []upstream.Header
	own
}

// kind describes how the events of one kind are stored.
type kind struct {
	upstream.Kind
	table   string
	listed  string // the columns that lists need, of its table as r and domain as d
	details string // further columns
	apart   string // the join with the table of the details that are long
	insert  string // a statement with the arguments of [row.values], for bounces followed by the id of the pattern
}

// The columns that all kinds have, in kind.listed and kind.insert.
const (
	sharedSelection = "r.id, r.user_id, r.sender_id, r.email_id, r.local, d.name, r.address, r.headers"
	sharedColumns   = "id, user_id, sender_id, email_id, local, domain_id, address, headers"
	sharedPlaces    = "?, ?, ?, ?, ?, ?, ?, ?"
)

// newRow returns a row without its own fields.
func newRow[R any, P upstream.Row[R]](x P) row {
	id, t := x.Identity(), x.Texts()
	return row{
		time: id.Time, user: id.UserID, sender: id.SenderID, emailID: id.EmailID,
		address: upstream.LowerAddress(id.Recipient), local: *t.Local, domain: upstream.LowerDomain(*t.Domain),
		headers: *t.XHeaders,
	}
}

// read reads the columns of k.listed, and those of k.details if they were selected.
func (r *row) read(k *kind, v []driver.Value) (err error) {
	if v[5] == nil {
		return errDamaged // the domain does not exist
	}
	*r = row{
		id: integer(v[0]), user: upstream.ID(integer(v[1])), sender: upstream.ID(integer(v[2])),
		emailID: text(v[3]), local: text(v[4]), domain: text(v[5]), address: text(v[6]),
	}
	r.time = timeOf(r.id)
	if v[6] == nil {
		r.address = r.local + "@" + r.domain
	}
	r.own.read(k.Kind, v[8:])
	if v[7] != nil {
		r.headers, err = decodeHeaders(text(v[7]))
	}
	return err
}

// values returns the arguments of k.insert.
func (r *row) values(k *kind, domain int64) []any {
	var headers any
	if r.headers != nil {
		headers = encodeHeaders(r.headers)
	}
	return r.own.values(k.Kind, []any{
		r.id, int64(r.user), int64(r.sender), r.emailID, r.local, domain, r.oddAddress(), headers,
	})
}

// oddAddress returns the address as it is stored: nil if it is local@domain.
func (r *row) oddAddress() any {
	if r.address == r.local+"@"+r.domain {
		return nil
	}
	return r.address
}

// countedAs returns the type by which the event is counted.
func (r *row) countedAs(k *kind) string {
	switch {
	case k.Kind != upstream.Emails:
		return string(r.Type)
	case r.Delivered:
		return delivered
	}
	return undelivered
}

// The types of emails.
const (
	delivered   = "delivered"
	undelivered = "undelivered"
)

// compare is the order of lists. Rows that compare as 0 are the same event.
func (r *row) compare(o *row) int {
	if r.time != o.time {
		return cmp.Compare(r.time, o.time)
	}
	return cmp.Or(strings.Compare(r.emailID, o.emailID), strings.Compare(r.address, o.address),
		cmp.Compare(r.user, o.user), cmp.Compare(r.sender, o.sender))
}

// equal reports whether both rows, of one event, have the same content.
func (r *row) equal(o *row) bool {
	return r.own == o.own && r.local == o.local && r.domain == o.domain &&
		(r.headers == nil) == (o.headers == nil) && slices.Equal(r.headers, o.headers)
}

// Values as the driver returns them.
func integer(v driver.Value) int64 { n, _ := v.(int64); return n }
func text(v driver.Value) string   { s, _ := v.(string); return s }

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
