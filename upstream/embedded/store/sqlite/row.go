package sqlite

import (
	"cmp"
	"database/sql/driver"
	"slices"
	"strings"

	"deliverygraph/upstream"
)

// row is an event of any kind. Fields that its kind does not have are zero.
type row struct {
	id        int64         // 0 if it has no place yet
	time      upstream.Time // by which lists are sorted
	user      upstream.ID
	sender    upstream.ID
	emailID   string
	local     string
	domain    string
	address   string // of the recipient
	headers   []upstream.Header
	delivered bool
	process   upstream.Time // of bounces
	postback  upstream.Time
	typ       string
	category  string
	code      string
	rule      string
	diag      string
	content   string
	reason    string
}

// compare is the order of lists. Rows that compare as 0 are the same event.
func (r *row) compare(o *row) int {
	if c := cmp.Compare(r.time, o.time); c != 0 {
		return c
	}
	return cmp.Or(strings.Compare(r.emailID, o.emailID), strings.Compare(r.address, o.address),
		cmp.Compare(r.user, o.user), cmp.Compare(r.sender, o.sender))
}

// equal reports whether both rows, of one event, have the same content.
func (r *row) equal(k *kind, o *row) bool {
	for _, c := range k.columns {
		if c.value(r) != c.value(o) {
			return false
		}
	}
	return r.local == o.local && r.domain == o.domain && r.content == o.content &&
		(r.headers == nil) == (o.headers == nil) && slices.Equal(r.headers, o.headers)
}

// plainAddress reports whether the recipient is local@domain.
func (r *row) plainAddress() bool {
	n := len(r.local)
	return len(r.address) == n+1+len(r.domain) && r.address[:n] == r.local && r.address[n] == '@' &&
		r.address[n+1:] == r.domain
}

// kind describes how the events of one kind are stored.
type kind struct {
	upstream.Kind
	table   string
	columns []column          // those that not all kinds have; first those that lists need
	listed  int               // how many of them lists need
	typ     func(*row) string // by which events are counted
	insert  string            // inserts a row; it names the columns, as a migration appends new ones to the table
}

// column is a column of a table.
type column struct {
	name  string
	value func(*row) driver.Value
	scan  func(*row, driver.Value)
}

func textColumn(name string, field func(*row) *string) column {
	return column{
		name,
		func(r *row) driver.Value { return *field(r) },
		func(r *row, v driver.Value) { *field(r) = text(v) },
	}
}

func timeColumn(name string, field func(*row) *upstream.Time) column {
	return column{
		name,
		func(r *row) driver.Value { return int64(*field(r)) },
		func(r *row, v driver.Value) { *field(r) = upstream.Time(integer(v)) },
	}
}

// kinds describes the tables, in the order of [upstream.Kinds].
var kinds = [len(upstream.Kinds)]*kind{
	{
		Kind: upstream.Emails, table: "email", listed: 1,
		columns: []column{{
			"delivered",
			func(r *row) driver.Value { return flag(r.delivered) },
			func(r *row, v driver.Value) { r.delivered = integer(v) != 0 },
		}},
		typ: func(r *row) string {
			if r.delivered {
				return delivered
			}
			return undelivered
		},
	},
	{
		Kind: upstream.Bounces, table: "bounce", listed: 5,
		columns: []column{
			timeColumn("process_time", func(r *row) *upstream.Time { return &r.process }),
			timeColumn("postback_time", func(r *row) *upstream.Time { return &r.postback }),
			textColumn("type", func(r *row) *string { return &r.typ }),
			textColumn("category", func(r *row) *string { return &r.category }),
			textColumn("code", func(r *row) *string { return &r.code }),
			textColumn("rule", func(r *row) *string { return &r.rule }),
			textColumn("diagnostic", func(r *row) *string { return &r.diag }),
		},
		typ: func(r *row) string { return r.typ },
	},
	{
		Kind: upstream.BlockedEmails, table: "blocked_email", listed: 2,
		columns: []column{
			timeColumn("postback_time", func(r *row) *upstream.Time { return &r.postback }),
			textColumn("reason", func(r *row) *string { return &r.reason }),
		},
		typ: func(*row) string { return "" },
	},
}

func init() {
	for _, k := range kinds {
		names := "id, user_id, sender_id, email_id, local, domain_id, address, headers"
		for _, c := range k.columns {
			names += ", " + c.name
		}
		k.insert = "insert into " + k.table + " (" + names + ") values (" + placeholders(8+len(k.columns)) + ")"
	}
}

// The types that emails are counted by.
const (
	delivered   = "delivered"
	undelivered = "undelivered"
)

// selection is the columns that read needs, and the first n of those that only the kind has, of its table as r and
// domain as d.
func (k *kind) selection(n int) string {
	s := "r.id, r.user_id, r.sender_id, r.email_id, r.local, d.name, r.address, r.headers"
	for _, c := range k.columns[:n] {
		s += ", r." + c.name
	}
	return s
}

// read reads the columns of selection.
func (k *kind) read(r *row, v []driver.Value) error {
	if v[5] == nil {
		return errDamaged // the domain does not exist
	}
	*r = row{
		id: integer(v[0]), user: upstream.ID(integer(v[1])), sender: upstream.ID(integer(v[2])),
		emailID: text(v[3]), local: text(v[4]), domain: text(v[5]),
	}
	r.time = timeOf(r.id)
	if v[6] == nil {
		r.address = r.local + "@" + r.domain
	} else {
		r.address = text(v[6])
	}
	for i, x := range v[8:] {
		k.columns[i].scan(r, x)
	}
	if v[7] == nil {
		return nil
	}
	var err error
	r.headers, err = decodeHeaders(text(v[7]))
	return err
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

// newRow makes a row of what all kinds have.
func newRow[R any, P upstream.Row[R]](x P) row {
	id, t := x.Identity(), x.Texts()
	return row{
		time: id.Time, user: id.UserID, sender: id.SenderID, emailID: id.EmailID,
		address: upstream.LowerAddress(id.Recipient), local: *t.Local, domain: upstream.LowerDomain(*t.Domain),
		headers: *t.XHeaders,
	}
}

func emailRow(x *upstream.Email) row {
	r := newRow(x)
	r.delivered = x.Delivered
	return r
}

func bounceRow(x *upstream.BounceDetail) row {
	r := newRow(x)
	r.process, r.postback = x.ProcessTime, x.PostbackTime
	r.typ, r.category, r.code = string(x.Type), x.Category, x.Code
	r.rule, r.diag, r.content = x.RuleName, x.DiagnosticCode, x.FullContent
	return r
}

func blockedEmailRow(x *upstream.BlockedEmail) row {
	r := newRow(x)
	r.postback, r.reason = x.PostbackTime, x.Reason
	return r
}

func email(r *row) upstream.Email {
	return upstream.Email{
		UserID: r.user, SenderID: r.sender, EmailID: r.emailID, EmailAddress: r.address, Local: r.local, Domain: r.domain,
		ProcessTime: r.time, Delivered: r.delivered, XHeaders: r.headers,
	}
}

func bounce(r *row) upstream.Bounce {
	return upstream.Bounce{
		UserID: r.user, SenderID: r.sender, EmailID: r.emailID, EmailAddress: r.address, Local: r.local, Domain: r.domain,
		Type: upstream.BounceType(r.typ), Category: r.category, Code: r.code,
		BounceTime: r.time, ProcessTime: r.process, PostbackTime: r.postback, XHeaders: r.headers,
	}
}

func bounceDetail(r *row) upstream.BounceDetail {
	return upstream.BounceDetail{Bounce: bounce(r), DiagnosticCode: r.diag, RuleName: r.rule, FullContent: r.content}
}

func blockedEmail(r *row) upstream.BlockedEmail {
	return upstream.BlockedEmail{
		UserID: r.user, SenderID: r.sender, EmailID: r.emailID, EmailAddress: r.address, Local: r.local, Domain: r.domain,
		Reason: r.reason, ProcessTime: r.time, PostbackTime: r.postback, XHeaders: r.headers,
	}
}
