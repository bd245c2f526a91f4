// Package event is one event of any kind as the store keeps it, its place in the
// total order, and pages: sorted runs of events in the few kilobytes that one read
// of the disk brings.
//
// It hides how rows become bytes. Start reading at [Event]; a [Packer] makes pages,
// a [Page] reads them.
package event

import (
	"cmp"
	"slices"

	"deliverygraph/upstream"
)

// Key is an event's identity within its kind, and its place in the total order of
// lists: time, email id, recipient, then user and sender.
type Key struct {
	Time      upstream.Time // bounce time of a bounce, else process time
	EmailID   string
	Recipient string
	User      upstream.ID
	Sender    upstream.ID
}

// Compare is negative where k comes before o, and 0 where they are the same.
func (k Key) Compare(o Key) int {
	if c := cmp.Compare(k.Time, o.Time); c != 0 {
		return c
	}
	if c := cmp.Compare(k.EmailID, o.EmailID); c != 0 {
		return c
	}
	if c := cmp.Compare(k.Recipient, o.Recipient); c != 0 {
		return c
	}
	if c := cmp.Compare(k.User, o.User); c != 0 {
		return c
	}
	return cmp.Compare(k.Sender, o.Sender)
}

// Event is an event of any kind. Fields that its kind does not have are zero.
type Event struct {
	Key
	Local    string
	Domain   string
	Headers  []upstream.Header // nil and empty are kept apart
	Process  upstream.Time
	Postback upstream.Time

	Delivered bool // emails

	Type     string // bounces
	Category string // bounces
	Code     string // bounces

	Reason string // blocked emails

	// Detail is where the long texts of a bounce are kept; 0 is nowhere. It is no
	// part of what Equal compares.
	Detail int64
}

// Equal says whether e and o say the same, their details aside.
func (e *Event) Equal(o *Event) bool {
	return e.Key == o.Key && e.Local == o.Local && e.Domain == o.Domain &&
		e.Process == o.Process && e.Postback == o.Postback && e.Delivered == o.Delivered &&
		e.Type == o.Type && e.Category == o.Category && e.Code == o.Code && e.Reason == o.Reason &&
		(e.Headers == nil) == (o.Headers == nil) && slices.Equal(e.Headers, o.Headers)
}
