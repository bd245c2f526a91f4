package store

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"deliverygraph/upstream"
)

// Event is a row of any kind with all its fields, as stores keep it: the domain and the recipient's are in lower case.
type Event struct {
	upstream.Identity
	Local, Domain string
	XHeaders      []upstream.Header
	Own
}

// event returns a row as an event.
func event[R any, P upstream.Row[R]](x P, own Own) Event {
	id, t := x.Identity(), x.Texts()
	id.Recipient = upstream.LowerAddress(id.Recipient)
	return Event{id, *t.Local, upstream.LowerDomain(*t.Domain), *t.XHeaders, own}
}

// Equal reports whether both, which are one event, have the same content.
func (e *Event) Equal(o *Event) bool {
	return e.Own == o.Own && e.Local == o.Local && e.Domain == o.Domain &&
		(e.XHeaders == nil) == (o.XHeaders == nil) && slices.Equal(e.XHeaders, o.XHeaders)
}

// CheckTime returns the error of a [Writer] for an event whose time is beyond [MaxTime].
func (e *Event) CheckTime() error {
	if e.Time <= MaxTime && e.Time >= -MaxTime {
		return nil
	}
	return &upstream.Error{Code: upstream.InvalidArgument, Message: fmt.Sprintf(
		"email %q has the time %d, which is further than %d seconds from 1970", e.EmailID, e.Time, MaxTime)}
}

// NoBounce returns the error of a [Reader] that has no bounce with a key.
func NoBounce(k upstream.BounceKey) error {
	return &upstream.Error{Code: upstream.NotFound, Message: fmt.Sprintf(
		"there is no bounce of user %d, sender %d, time %d and email %q", k.UserID, k.SenderID, k.BounceTime, k.EmailID)}
}

// Merge combines e with another event of the same kind and message. An email gets the earlier time, and is delivered
// if one of them is. Of bounces and blocked emails, the one that says more stays. The event gets the other's headers if
// there are more of them. If there are as many, the text decides, so that the order of events does not matter.
func (e *Event) Merge(k upstream.Kind, o *Event) {
	headers, process := e.XHeaders, min(e.ProcessTime, o.ProcessTime)
	if headers == nil || cmp.Or(len(headers)-len(o.XHeaders),
		strings.Compare(EncodeHeaders(headers), EncodeHeaders(o.XHeaders))) < 0 {
		headers = o.XHeaders
	}
	switch {
	case k == upstream.Emails:
		e.Time = min(e.Time, o.Time)
		e.Delivered = e.Delivered || o.Delivered
	case o.saysMore(e):
		*e = *o
	}
	e.XHeaders, e.ProcessTime = headers, process
}

// saysMore reports whether of two failures of a message e is the one to keep: the one with the whole message, or the
// earlier one. The other comparisons only make the choice independent of the order.
func (e *Event) saysMore(o *Event) bool {
	if whole := e.FullContent != ""; whole != (o.FullContent != "") {
		return whole
	}
	return cmp.Or(cmp.Compare(e.Time, o.Time), cmp.Compare(e.Code, o.Code),
		cmp.Compare(e.DiagnosticCode, o.DiagnosticCode), cmp.Compare(e.FullContent, o.FullContent),
		cmp.Compare(e.Reason, o.Reason)) < 0
}
