package doctor

import (
	"fmt"
	"maps"
	"slices"

	"deliverygraph/upstream"
)

// tallies are counts by sender or user id.
type tallies map[upstream.ID]upstream.Tally

// tally counts rows.
func tally(rows []upstream.Event, by upstream.Rollup) tallies {
	t := tallies{}
	for _, r := range rows {
		t[r.ID(by)] = t[r.ID(by)].Add(r.Tally())
	}
	return t
}

// talliesOf converts the rows of a counts answer.
func talliesOf(rows []upstream.Count) tallies {
	t := tallies{}
	for _, r := range rows {
		t[r.ID] = t[r.ID].Add(r.Tally)
	}
	return t
}

// differ describes the lowest id whose counts differ, or returns "" if all are equal. Zero counts equal absent ones.
func (t tallies) differ(want tallies, whose string) (came, wanted string) {
	ids := maps.Clone(t)
	maps.Copy(ids, want)
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		if t[id] != want[id] {
			return fmt.Sprintf("%s %d has %s", whose, id, words(t[id])), words(want[id])
		}
	}
	return "", ""
}

func words(t upstream.Tally) string {
	if t.Soft+t.Hard == 0 {
		return fmt.Sprint(t.Total)
	}
	return fmt.Sprintf("%d (%d soft, %d hard)", t.Total, t.Soft, t.Hard)
}
