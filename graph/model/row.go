package model

import "deliverygraph/upstream"

// Node is any object with an opaque id.
type Node interface{ IsNode() }

// Bounce is a row of the list of bounces.
type Bounce struct {
	Row    *upstream.Bounce
	Origin *Origin
	Detail *upstream.BounceDetail // if it came with the row; nil if it must be loaded
}

func (*Bounce) IsNode() {}

func (b *Bounce) ID() NodeID {
	r := b.Row
	return NodeID{Type: BounceNode, UserID: r.UserID, SenderID: r.SenderID, Time: r.BounceTime, EmailID: r.EmailID, Recipient: r.EmailAddress}
}
func (b *Bounce) UserID() upstream.ID         { return b.Row.UserID }
func (b *Bounce) User() User                  { return rowUser(b.Row.UserID, b.Origin) }
func (b *Bounce) SenderID() upstream.ID       { return b.Row.SenderID }
func (b *Bounce) Sender() Sender              { return rowSender(b.Row.SenderID, b.Row.UserID, b.Origin) }
func (b *Bounce) EmailID() string             { return b.Row.EmailID }
func (b *Bounce) Recipient() string           { return b.Row.EmailAddress }
func (b *Bounce) LocalPart() string           { return b.Row.Local }
func (b *Bounce) Domain() string              { return b.Row.Domain }
func (b *Bounce) Category() string            { return b.Row.Category }
func (b *Bounce) Code() string                { return b.Row.Code }
func (b *Bounce) BouncedAt() upstream.Time    { return b.Row.BounceTime }
func (b *Bounce) ProcessedAt() upstream.Time  { return b.Row.ProcessTime }
func (b *Bounce) PostbackAt() *upstream.Time  { return orNull(b.Row.PostbackTime) }
func (b *Bounce) XHeaders() []upstream.Header { return b.Row.XHeaders }

// Type returns the bounce type. Values other than hard and soft are errors, because the schema's enum, like the
// document, has no others.
func (b *Bounce) Type() (upstream.BounceType, error) {
	if t := b.Row.Type; t != upstream.Hard && t != upstream.Soft {
		return "", &upstream.Error{Code: upstream.InvalidResponse, Message: "the upstream sent a bounce that is neither hard nor soft"}
	}
	return b.Row.Type, nil
}

// BounceEvent is a new bounce in a subscription.
type BounceEvent struct {
	Node *Bounce
	// At returns the event's cursor.
	At func() string
}

// Cursor returns the position of the event.
func (e *BounceEvent) Cursor() string { return e.At() }

// BounceDetail holds the details of a bounce that the caller may read.
type BounceDetail struct {
	RuleName            string
	Rule                BounceRule
	Diagnostic, Content Text
}

// BounceRule is a rule that classifies bounces. Only the name is known of rules that are not the gateway's own.
type BounceRule struct {
	Name        string
	Category    *string
	Type        *upstream.BounceType
	Description *string
}

// Text is a text, or the reason why the caller may not read it.
type Text struct {
	Text     string
	Withheld error
}

func (t Text) get() (*string, error) {
	if t.Withheld != nil {
		return nil, t.Withheld
	}
	return &t.Text, nil
}

func (d *BounceDetail) DiagnosticCode() (*string, error) { return d.Diagnostic.get() }
func (d *BounceDetail) FullContent() (*string, error)    { return d.Content.get() }

// Email is a row of the list of emails.
type Email struct {
	Row    *upstream.Email
	Origin *Origin
}

func (*Email) IsNode() {}

func (e *Email) ID() NodeID {
	r := e.Row
	return NodeID{Type: EmailNode, UserID: r.UserID, SenderID: r.SenderID, Time: r.ProcessTime, EmailID: r.EmailID, Recipient: r.EmailAddress}
}
func (e *Email) UserID() upstream.ID         { return e.Row.UserID }
func (e *Email) User() User                  { return rowUser(e.Row.UserID, e.Origin) }
func (e *Email) SenderID() upstream.ID       { return e.Row.SenderID }
func (e *Email) Sender() Sender              { return rowSender(e.Row.SenderID, e.Row.UserID, e.Origin) }
func (e *Email) EmailID() string             { return e.Row.EmailID }
func (e *Email) Recipient() string           { return e.Row.EmailAddress }
func (e *Email) LocalPart() string           { return e.Row.Local }
func (e *Email) Domain() string              { return e.Row.Domain }
func (e *Email) ProcessedAt() upstream.Time  { return e.Row.ProcessTime }
func (e *Email) Delivered() bool             { return e.Row.Delivered }
func (e *Email) XHeaders() []upstream.Header { return e.Row.XHeaders }

// BlockedEmail is a row of the list of blocked emails.
type BlockedEmail struct {
	Row    *upstream.BlockedEmail
	Origin *Origin
}

func (*BlockedEmail) IsNode() {}

func (e *BlockedEmail) ID() NodeID {
	r := e.Row
	return NodeID{Type: BlockedEmailNode, UserID: r.UserID, SenderID: r.SenderID, Time: r.ProcessTime, EmailID: r.EmailID, Recipient: r.EmailAddress}
}
func (e *BlockedEmail) UserID() upstream.ID         { return e.Row.UserID }
func (e *BlockedEmail) User() User                  { return rowUser(e.Row.UserID, e.Origin) }
func (e *BlockedEmail) SenderID() upstream.ID       { return e.Row.SenderID }
func (e *BlockedEmail) Sender() Sender              { return rowSender(e.Row.SenderID, e.Row.UserID, e.Origin) }
func (e *BlockedEmail) EmailID() string             { return e.Row.EmailID }
func (e *BlockedEmail) Recipient() string           { return e.Row.EmailAddress }
func (e *BlockedEmail) LocalPart() string           { return e.Row.Local }
func (e *BlockedEmail) Domain() string              { return e.Row.Domain }
func (e *BlockedEmail) Reason() string              { return e.Row.Reason }
func (e *BlockedEmail) ProcessedAt() upstream.Time  { return e.Row.ProcessTime }
func (e *BlockedEmail) PostbackAt() *upstream.Time  { return orNull(e.Row.PostbackTime) }
func (e *BlockedEmail) XHeaders() []upstream.Header { return e.Row.XHeaders }

// rowUser returns the user of a row.
func rowUser(id upstream.ID, o *Origin) User { return User{Key: id, Within: o.UserID} }

// rowSender returns the sender of a row. Its owner is the row's user; its address is loaded with the counts of the
// row's list.
func rowSender(id, user upstream.ID, o *Origin) Sender {
	return Sender{Key: id, Owner: user, Origin: *o}
}

func orNull(t upstream.Time) *upstream.Time {
	if t == 0 {
		return nil
	}
	return &t
}
