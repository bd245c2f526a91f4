package page

import "deliverygraph/upstream"

// Forge makes a cursor of arbitrary contents that opens under binding, as only
// somebody who read this package's code can.
func Forge(binding string, w upstream.Window, rest []byte) string {
	return newSealer(binding).seal(w, rest)
}

// MaxCalls is what a connection may ask at most.
const MaxCalls = maxCalls
