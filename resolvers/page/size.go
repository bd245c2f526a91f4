package page

import "fmt"

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
