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
type Args struct {
	First, Last   *int
	After, Before *string
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
			return upstream.Window{}, false, &ArgumentError{c.argument,
				"before belongs to another window than after: use cursors that were returned for the same window"}
		}
		w, ok = cw, true
	}
	return w, ok, nil
}
