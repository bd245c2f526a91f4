package page

import "deliverygraph/upstream"

// Forge makes a cursor of arbitrary contents that opens under binding, as only
// somebody who read this package's code can.
func Forge(list string, w upstream.Window, rest []byte) string {
	return newBinding(list).encode(w, rest)
}

// MaxCalls is what a connection may ask at most.
const MaxCalls = maxCalls
