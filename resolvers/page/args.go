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

// ArgumentError reports an invalid paging argument.
type ArgumentError struct {
	Argument string // first, last, after or before
	Message  string // a sentence without a full stop that names the argument
}

// Error returns the message.
func (e *ArgumentError) Error() string { return e.Message }

// Request is a client's request for a page of a list: its paging arguments, checked, with their cursors decoded.
type Request struct {
	// Window is the window of the cursors, or else that given to [Args.Open].
	Window upstream.Window

	binding binding
	extent
	newest        bool
	after, before []byte // the contents of the cursors; nil if there is none
}

// Open checks the paging arguments and decodes their cursors. Cursors are valid only for the same list: a canonical
// text of the field, the filter and the window argument as it was given ("P7D" rather than the resolved times). It
// should not depend on the paging arguments.
//
// A relative window ("the last 7 days") is resolved when its first page is requested, and later pages stay in that
// window. Therefore w is used only without cursors. A cursor proves nothing: apply the same limits to its window as to
// any other.
//
// The error is an [*ArgumentError].
func (a Args) Open(list string, w upstream.Window) (Request, error) {
	if a.Newest {
		list += " newest first"
	}
	r := Request{Window: w, binding: newBinding(list), newest: a.Newest}
	var err error
	if a.After != nil {
		if r.Window, r.after, err = r.binding.decode("after", *a.After); err != nil {
			return Request{}, err
		}
	}
	if a.Before != nil {
		after := r.Window
		if r.Window, r.before, err = r.binding.decode("before", *a.Before); err != nil {
			return Request{}, err
		}
		if a.After != nil && r.Window != after {
			return Request{}, &ArgumentError{"before",
				"before belongs to another window than after: use cursors that were returned for the same window"}
		}
	}
	r.extent, err = a.extent()
	return r, err
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
