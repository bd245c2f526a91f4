package model

import "deliverygraph/upstream"

// Node is any object with an opaque id.
type Node interface{ IsNode() }

// Type returns the bounce type. Values other than hard and soft are errors, because the schema's enum, like the
// document, has no others.
func (b *Bounce) Type() (upstream.BounceType, error) {
	if t := b.Row.Type; t != upstream.Hard && t != upstream.Soft {
		return "", &upstream.Error{
			Code: upstream.InvalidResponse, Message: "the upstream sent a bounce that is neither hard nor soft",
		}
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

// rowID returns the id of a row.
func rowID(t NodeType, i upstream.Identity) NodeID {
	return NodeID{
		Type: t, UserID: i.UserID, SenderID: i.SenderID, Time: i.Time, EmailID: i.EmailID, Recipient: i.Recipient,
	}
}

// rowUser returns the user of a row.
func rowUser(id upstream.ID, o *Origin) User { return User{Key: id, Within: o.UserID} }

// rowSender returns the sender of a row. Its owner is the row's user; its address is loaded with the counts of the
// row's list.
func rowSender(id, user upstream.ID, o *Origin) Sender {
	return Sender{Key: id, Owner: user, Origin: *o}
}

// orNull returns nil for the zero value.
func orNull[V comparable](v V) *V {
	var zero V
	if v == zero {
		return nil
	}
	return &v
}
