package page

import (
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
