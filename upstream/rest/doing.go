package rest

import (
	"fmt"

	"deliverygraph/upstream"
)

// doing is what a call is about, for its errors: put into words only when there is one.
type doing struct {
	verb, kind, by string
	user, sender   upstream.ID
}

// String is such as "list bounces of user 21". It names whose events are asked for by
// number, as errors are logged, and no address.
func (d doing) String() string {
	s := d.verb + d.kind + d.by
	switch {
	case d.user != 0 && d.sender != 0:
		return fmt.Sprintf("%s of user %d and sender %d", s, d.user, d.sender)
	case d.user != 0:
		return fmt.Sprintf("%s of user %d", s, d.user)
	case d.sender != 0:
		return fmt.Sprintf("%s of sender %d", s, d.sender)
	}
	return s
}

func by(r upstream.Rollup) string {
	if r == upstream.ByUser {
		return " by user"
	}
	return " by sender"
}

// per is empty for an interval that there is not.
func per(i upstream.Interval) string {
	switch i {
	case upstream.Hour:
		return " per hour"
	case upstream.Day:
		return " per day"
	}
	return ""
}
