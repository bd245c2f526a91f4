package store

import (
	"fmt"
	"iter"
	"slices"

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

func rows[R any](events iter.Seq[*Event], of func(*Event) R) []R {
	all := []R{}
	for e := range events {
		all = append(all, of(e))
	}
	return all
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
	return &upstream.Error{
		Code: upstream.NotFound,
		Message: fmt.Sprintf("there is no bounce of user %d, sender %d, time %d and email %q",
			k.UserID, k.SenderID, k.BounceTime, k.EmailID),
	}
}
