package page

import "deliverygraph/upstream"

// Forge returns a cursor with arbitrary contents that is valid for list. Only someone who has read this package
// can make one.
func Forge(list string, w upstream.Window, rest []byte) string {
	return newBinding(list).encode(w, rest)
}

// Connect opens the arguments and returns the connection, in the window of the source unless there are cursors.
func Connect[R any](list string, s Source[R], a Args) (*Connection[R], error) {
	r, err := a.Open(list, s.Window)
	if err != nil {
		return nil, err
	}
	return New(r, s)
}

// KnowRate makes a memory say how many rows a second the end of the list has.
func KnowRate(m Memory, rate float64) { m.Store(recollection{tail: tail{rate: rate}}, 0) }

// MaxCalls is the maximum number of upstream calls of a connection.
const MaxCalls = maxCalls
