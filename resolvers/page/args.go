package page

import (
	"fmt"

	"deliverygraph/upstream"
)

// Sizes of a client's page, in rows.
const (
	DefaultSize = 50  // where neither first nor last is given
	MaxSize     = 500 // the largest first or last
)

// Args are the paging arguments of a connection field, as the caller gave them:
// nil is left out (a null argument too).
//
// First counts from After, or from the start of the list; Last counts back from
// Before, or from its end. Both cursors may be given with either, and bound the
// rows from both sides. First and Last exclude each other. With neither, the
// page has DefaultSize rows: the last ones before Before where only that is given,
// else the first ones.
type Args struct {
	First, Last   *int
	After, Before *string
}

// ArgumentError is a fault of the caller's: a paging argument that cannot be.
type ArgumentError struct {
	Argument string // first, last, after or before
	Message  string // one sentence without a full stop that names the argument
}

// Error gives the message.
func (e *ArgumentError) Error() string { return e.Message }

// WindowOf gives the window that the cursors of a were made in, and false where
// a has none. A relative window ("the last 7 days") is resolved when its first
// page is asked for; its further pages must stay in that window, so resolve a
// window anew only where this gives none. Binding is as for [New]. A cursor is
// not proof of anything: hold the window against the same limits as any other.
//
// The error is an [*ArgumentError].
func WindowOf(list string, a Args) (w upstream.Window, ok bool, err error) {
	of := newBinding(list)
	for _, c := range []struct {
		argument string
		text     *string
	}{{"after", a.After}, {"before", a.Before}} {
		if c.text == nil {
			continue
		}
		cw, _, err := of.decode(c.argument, *c.text)
		if err != nil {
			return upstream.Window{}, false, err
		}
		if ok && cw != w {
			return upstream.Window{}, false, &ArgumentError{c.argument, "before belongs to another window than after: use cursors of one walk together"}
		}
		w, ok = cw, true
	}
	return w, ok, nil
}

// extent is what First and Last come to.
type extent struct {
	size     int
	backward bool // counted from the end
}

func (a Args) extent() (extent, error) {
	check := func(argument string, n int) error {
		if n < 0 || n > MaxSize {
			return &ArgumentError{argument, fmt.Sprintf("%s must be between 0 and %d, but is %d", argument, MaxSize, n)}
		}
		return nil
	}
	switch {
	case a.First != nil && a.Last != nil:
		return extent{}, &ArgumentError{"last", "first and last exclude each other: give first (with after) to page forward, or last (with before) to page backward"}
	case a.First != nil:
		return extent{*a.First, false}, check("first", *a.First)
	case a.Last != nil:
		return extent{*a.Last, true}, check("last", *a.Last)
	default:
		return extent{DefaultSize, a.Before != nil && a.After == nil}, nil
	}
}
