package page

import (
	"fmt"

	"deliverygraph/upstream"
)

// Args are the paging arguments of a connection field. A nil argument was omitted, or was null.
//
// First counts from After, or from the start of the list. Last counts back from Before, or from the end of the
// list. Either may be combined with both cursors, which bound the rows on both sides. First and Last exclude
// each other. Without either, the page has DefaultSize rows: the last ones before Before if only Before is
// given, otherwise the first ones.
//
// Newest turns the list around: its rows are in descending order, its start is the newest row, and After leads to
// older rows.
type Args struct {
	First, Last   *int
	After, Before *string
	Newest        bool
}

// OldestFirst returns the arguments that select the same rows from the list in ascending order.
func (a Args) OldestFirst() Args {
	if !a.Newest {
		return a
	}
	if e, err := a.extent(); err == nil && a.First == nil && a.Last == nil {
		if e.backward {
			a.Last = &e.size
		} else {
			a.First = &e.size
		}
	}
	return Args{First: a.Last, Last: a.First, After: a.Before, Before: a.After}
}

// binding returns what cursors of the list are bound to in the order of the arguments.
func (a Args) binding(list string) binding {
	if a.Newest {
		list += " newest first"
	}
	return newBinding(list)
}

// ArgumentError reports an invalid paging argument.
type ArgumentError struct {
	Argument string // first, last, after or before
	Message  string // a sentence without a full stop that names the argument
}

// Error returns the message.
func (e *ArgumentError) Error() string { return e.Message }

// WindowOf returns the window in which the cursors of a were made. It reports false if a has no cursors. A
// relative window ("the last 7 days") is resolved when its first page is requested, and later pages must stay
// in that window: resolve a relative window only if WindowOf reports false. The list argument is as for [New].
// A cursor proves nothing: apply the same limits to its window as to any other.
//
// The error is an [*ArgumentError].
func WindowOf(list string, a Args) (w upstream.Window, ok bool, err error) {
	if a.After == nil && a.Before == nil {
		return w, false, nil
	}
	of := a.binding(list)
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
			return upstream.Window{}, false, &ArgumentError{c.argument,
				"before belongs to another window than after: use cursors that were returned for the same window"}
		}
		w, ok = cw, true
	}
	return w, ok, nil
}

// Page sizes, in rows.
const (
	DefaultSize = 50  // if neither first nor last is given
	MaxSize     = 500 // the largest first or last allowed
)

// extent is the size and direction of a page.
type extent struct {
	size     int
	backward bool // counts from the end
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
		return extent{}, &ArgumentError{"last",
			"first and last exclude each other: use first (with after) to page forward, " +
				"or last (with before) to page backward"}
	case a.First != nil:
		return extent{*a.First, false}, check("first", *a.First)
	case a.Last != nil:
		return extent{*a.Last, true}, check("last", *a.Last)
	default:
		return extent{DefaultSize, a.Before != nil && a.After == nil}, nil
	}
}
