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
	id        int64 // 0 before it has a place
	time      upstream.Time
	user      upstream.ID
	sender    upstream.ID
	emailID   string
	local     string
	domain    string
	address   string // the recipient
	headers   []upstream.Header
	delivered bool          // emails
	process   upstream.Time // bounces
	postback  upstream.Time // bounces and blocked emails
	typ       string        // bounces, as the five below
	category  string
	code      string
	rule      string
	diag      string
	content   string
	reason    string // blocked emails
}

// compare is the order of lists. Rows that compare as 0 are the same event.
func (r *row) compare(o *row) int {
	if c := cmp.Compare(r.time, o.time); c != 0 {
		return c
	}
	return cmp.Or(strings.Compare(r.emailID, o.emailID), strings.Compare(r.address, o.address),
		cmp.Compare(r.user, o.user), cmp.Compare(r.sender, o.sender))
}

// equal reports whether both rows, of one event, say the same.
func (r *row) equal(o *row) bool {
	return r.local == o.local && r.domain == o.domain && r.delivered == o.delivered && r.process == o.process &&
		r.postback == o.postback && r.typ == o.typ && r.category == o.category && r.code == o.code && r.rule == o.rule &&
		r.diag == o.diag && r.content == o.content && r.reason == o.reason &&
		(r.headers == nil) == (o.headers == nil) && slices.Equal(r.headers, o.headers)
}

// plainAddress reports whether the recipient is local@domain.
func (r *row) plainAddress() bool {
	n := len(r.local)
	return len(r.address) == n+1+len(r.domain) && r.address[:n] == r.local && r.address[n] == '@' && r.address[n+1:] == r.domain
}

// kind says how the events of one kind are stored: upstream.Kinds has the kinds.
type kind struct {
	upstream.Kind
	table   string
	columns string // those that only this kind has; lists leave the bounces' last two aside
	values  func(*row) []any
	scan    func(*row, []driver.Value) // the values of those columns
	typ     func(*row) string          // that events are counted by
}

var kinds = [len(upstream.Kinds)]*kind{
	upstream.Emails: {
		Kind: upstream.Emails, table: "email", columns: "delivered",
		values: func(r *row) []any { return []any{flag(r.delivered)} },
		scan:   func(r *row, v []driver.Value) { r.delivered = integer(v[0]) != 0 },
		typ: func(r *row) string {
			if r.delivered {
				return delivered
			}
			return undelivered
		},
	},
	upstream.Bounces: {
		Kind: upstream.Bounces, table: "bounce", columns: "process_time, postback_time, type, category, code, rule, diagnostic",
		values: func(r *row) []any {
			return []any{int64(r.process), int64(r.postback), r.typ, r.category, r.code, r.rule, r.diag}
		},
		scan: func(r *row, v []driver.Value) {
			r.process, r.postback = upstream.Time(integer(v[0])), upstream.Time(integer(v[1]))
			r.typ, r.category, r.code = text(v[2]), text(v[3]), text(v[4])
			if len(v) > 5 {
				r.rule, r.diag = text(v[5]), text(v[6])
			}
		},
		typ: func(r *row) string { return r.typ },
	},
	upstream.BlockedEmails: {
		Kind: upstream.BlockedEmails, table: "blocked_email", columns: "postback_time, reason",
		values: func(r *row) []any { return []any{int64(r.postback), r.reason} },
		scan:   func(r *row, v []driver.Value) { r.postback, r.reason = upstream.Time(integer(v[0])), text(v[1]) },
		typ:    func(*row) string { return "" },
	},
}

// The types that emails are counted by.
const (
	delivered   = "delivered"
	undelivered = "undelivered"
)

// listed is the columns that lists need, of the event table as r and domain as d.
func (k *kind) listed() string { return strings.TrimSuffix(k.selection(), ", r.rule, r.diagnostic") }

// selection is all columns.
func (k *kind) selection() string {
	return "r.id, r.user_id, r.sender_id, r.email_id, r.local, d.name, r.address, r.headers, " +
		"r." + strings.ReplaceAll(k.columns, ", ", ", r.")
}

// read reads a row of selection or listed; it leaves the content aside.
func (k *kind) read(r *row, v []driver.Value) error {
	if v[5] == nil {
		return errDamaged // a number of no domain
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
	k.scan(r, v[8:])
	if v[7] == nil {
		return nil
	}
	var err error
	r.headers, err = decodeHeaders(text(v[7]))
	return err
}

// Values as the driver gives them.
func integer(v driver.Value) int64 { n, _ := v.(int64); return n }
func text(v driver.Value) string   { s, _ := v.(string); return s }

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func emailRow(x *upstream.Email) row {
	return row{
		time: x.ProcessTime, user: x.UserID, sender: x.SenderID, emailID: x.EmailID,
		local: x.Local, domain: upstream.LowerDomain(x.Domain), address: upstream.LowerAddress(x.EmailAddress), headers: x.XHeaders, delivered: x.Delivered,
	}
}

func email(r *row) upstream.Email {
	return upstream.Email{
		UserID: r.user, SenderID: r.sender, EmailID: r.emailID, EmailAddress: r.address, Local: r.local, Domain: r.domain,
		ProcessTime: r.time, Delivered: r.delivered, XHeaders: r.headers,
	}
}

func bounceRow(x *upstream.BounceDetail) row {
	return row{
		time: x.BounceTime, user: x.UserID, sender: x.SenderID, emailID: x.EmailID,
		local: x.Local, domain: upstream.LowerDomain(x.Domain), address: upstream.LowerAddress(x.EmailAddress), headers: x.XHeaders,
		process: x.ProcessTime, postback: x.PostbackTime, typ: string(x.Type), category: x.Category, code: x.Code,
		rule: x.RuleName, diag: x.DiagnosticCode, content: x.FullContent,
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

func blockedEmailRow(x *upstream.BlockedEmail) row {
	return row{
		time: x.ProcessTime, user: x.UserID, sender: x.SenderID, emailID: x.EmailID,
		local: x.Local, domain: upstream.LowerDomain(x.Domain), address: upstream.LowerAddress(x.EmailAddress), headers: x.XHeaders,
		postback: x.PostbackTime, reason: x.Reason,
	}
}

func blockedEmail(r *row) upstream.BlockedEmail {
	return upstream.BlockedEmail{
		UserID: r.user, SenderID: r.sender, EmailID: r.emailID, EmailAddress: r.address, Local: r.local, Domain: r.domain,
		Reason: r.reason, ProcessTime: r.time, PostbackTime: r.postback, XHeaders: r.headers,
	}
}
