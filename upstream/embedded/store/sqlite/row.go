package sqlite

import (
	"database/sql/driver"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// row is an event with its place in a table.
type row struct {
	id int64 // 0 if it has no place yet
	store.Event
}

// kind describes how the events of one kind are stored.
type kind struct {
	upstream.Kind
	table   string
	listed  string // the columns that lists need, of its table as r and domain as d
	details string // further columns
	codes   string // the column with the codes of the catalogue; empty if the kind has none
	apart   string // the join with the table of the details that are long
	insert  string // a statement with the arguments of [row.values], for bounces followed by the id of the pattern
}

// The columns that all kinds have, in kind.listed and kind.insert.
const (
	sharedSelection = "r.id, r.user_id, r.sender_id, r.email_id, r.local, d.name, r.address, r.headers"
	sharedColumns   = "id, user_id, sender_id, email_id, local, domain_id, address, headers"
	sharedPlaces    = "?, ?, ?, ?, ?, ?, ?, ?"
)

// rowsOf returns a batch's rows by kind.
func rowsOf(b *store.Batch) (rows [len(kinds)][]row) {
	b.Events(func(k upstream.Kind, e store.Event) { rows[k] = append(rows[k], row{Event: e}) })
	return rows
}

// read reads the columns of k.listed, and those of k.details if they were selected.
func (r *row) read(k *kind, v []driver.Value) (err error) {
	if v[5] == nil {
		return store.ErrDamaged // the domain does not exist
	}
	*r = row{id: integer(v[0]), Event: store.Event{
		Identity: upstream.Identity{
			Time: timeOf(integer(v[0])), EmailID: text(v[3]), Recipient: text(v[6]),
			UserID: upstream.ID(integer(v[1])), SenderID: upstream.ID(integer(v[2])),
		},
		Local: text(v[4]), Domain: text(v[5]),
	}}
	if v[6] == nil {
		r.Recipient = r.Local + "@" + r.Domain
	}
	r.readOwn(k.Kind, v[8:])
	if v[7] != nil {
		r.XHeaders, err = store.DecodeHeaders(text(v[7]))
	}
	return err
}

// values returns the arguments of k.insert.
func (r *row) values(k *kind, domain int64) []any {
	var headers any
	if r.XHeaders != nil {
		headers = store.EncodeHeaders(r.XHeaders)
	}
	return r.ownValues(k.Kind, []any{
		r.id, int64(r.UserID), int64(r.SenderID), r.EmailID, r.Local, domain, r.oddAddress(), headers,
	})
}

// oddAddress returns the address as it is stored: nil if it is local@domain.
func (r *row) oddAddress() any {
	if r.Recipient == r.Local+"@"+r.Domain {
		return nil
	}
	return r.Recipient
}

// countedAs returns the type by which the event is counted.
func (r *row) countedAs(k *kind) string {
	switch {
	case k.Kind != upstream.Emails:
		return string(r.Type)
	case r.Delivered:
		return "delivered"
	}
	return "undelivered"
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
