package upstream_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

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

// Groups of the same size are ordered by their keys.
func TestLargestGroupsAreListedAndTheOthersAddedUp(t *testing.T) {
	t.Parallel()
	sizes := map[upstream.Keys]int64{
		{"b", "x"}: 5, {"a", "y"}: 3, {"a", "x"}: 3, {"c", ""}: 9, {"d", ""}: 2, {"", ""}: 1, {"e", ""}: 0,
	}
	want := upstream.Groups{
		Total: 23,
		Groups: []upstream.Group{
			{Keys: upstream.Keys{"c", ""}, Count: 9}, {Keys: upstream.Keys{"b", "x"}, Count: 5},
			{Keys: upstream.Keys{"a", "x"}, Count: 3},
		},
		Other: upstream.Other{Groups: 3, Count: 6},
	}
	for _, distinct := range []bool{false, true} {
		g := upstream.Grouper{Top: 3, Distinct: distinct}
		for keys, n := range sizes {
			if distinct {
				g.Add(keys, n)
				continue
			}
			for range n {
				g.Add(keys, 1)
			}
		}
		if d := cmp.Diff(want, g.Groups()); d != "" {
			t.Errorf("distinct %t: %s", distinct, d)
		}
	}
}
