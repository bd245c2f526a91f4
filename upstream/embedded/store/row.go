package store

import (
	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store/internal/event"
)

// texts are the long texts of a bounce, kept apart from its row.
type texts struct {
	diagnostic string
	rule       string
	content    string
}

// row is an event to be written. Rows read back have no texts: see event.Detail.
type row struct {
	event.Event
	texts texts
	first *row // of the rows in its batch with the same key; nil if it is the only one
}

// same says whether both rows say the same.
func (r *row) same(o *row) bool { return r.Equal(&o.Event) && r.texts == o.texts }

func emailRow(x *upstream.Email) row {
	var r row
	r.Key = event.Key{Time: x.ProcessTime, EmailID: x.EmailID, Recipient: x.EmailAddress, User: x.UserID, Sender: x.SenderID}
	r.Local, r.Domain, r.Headers = x.Local, x.Domain, x.XHeaders
	r.Process, r.Delivered = x.ProcessTime, x.Delivered
	return r
}

func email(e *event.Event) upstream.Email {
	return upstream.Email{
		UserID: e.User, SenderID: e.Sender, EmailID: e.EmailID,
		EmailAddress: e.Recipient, Local: e.Local, Domain: e.Domain,
		ProcessTime: e.Time, Delivered: e.Delivered, XHeaders: e.Headers,
	}
}

func bounceRow(x *upstream.BounceDetail) row {
	var r row
	r.Key = event.Key{Time: x.BounceTime, EmailID: x.EmailID, Recipient: x.EmailAddress, User: x.UserID, Sender: x.SenderID}
	r.Local, r.Domain, r.Headers = x.Local, x.Domain, x.XHeaders
	r.Process, r.Postback = x.ProcessTime, x.PostbackTime
	r.Type, r.Category, r.Code = string(x.Type), x.Category, x.Code
	r.texts = texts{x.DiagnosticCode, x.RuleName, x.FullContent}
	return r
}

func bounce(e *event.Event) upstream.Bounce {
	return upstream.Bounce{
		UserID: e.User, SenderID: e.Sender, EmailID: e.EmailID,
		EmailAddress: e.Recipient, Local: e.Local, Domain: e.Domain,
		Type: upstream.BounceType(e.Type), Category: e.Category, Code: e.Code,
		BounceTime: e.Time, ProcessTime: e.Process, PostbackTime: e.Postback, XHeaders: e.Headers,
	}
}

func blockedEmailRow(x *upstream.BlockedEmail) row {
	var r row
	r.Key = event.Key{Time: x.ProcessTime, EmailID: x.EmailID, Recipient: x.EmailAddress, User: x.UserID, Sender: x.SenderID}
	r.Local, r.Domain, r.Headers = x.Local, x.Domain, x.XHeaders
	r.Process, r.Postback, r.Reason = x.ProcessTime, x.PostbackTime, x.Reason
	return r
}

func blockedEmail(e *event.Event) upstream.BlockedEmail {
	return upstream.BlockedEmail{
		UserID: e.User, SenderID: e.Sender, EmailID: e.EmailID,
		EmailAddress: e.Recipient, Local: e.Local, Domain: e.Domain, Reason: e.Reason,
		ProcessTime: e.Time, PostbackTime: e.Postback, XHeaders: e.Headers,
	}
}
