package upstream_test

import (
	"slices"
	"testing"

	"deliverygraph/upstream"
)

// Points are added up by time, whatever the order of the calls.
func TestPointsAreInOrderOfTime(t *testing.T) {
	t.Parallel()
	var g upstream.Group
	for _, at := range []upstream.Time{3, 1, 3, 2, 9, 1, 0, 9} {
		g.AddPoint(at, 2)
	}
	want := []upstream.GroupPoint{{Start: 0, Count: 2}, {Start: 1, Count: 4}, {Start: 2, Count: 2},
		{Start: 3, Count: 4}, {Start: 9, Count: 4}}
	if !slices.Equal(g.Points, want) {
		t.Errorf("%v, want %v", g.Points, want)
	}
}
