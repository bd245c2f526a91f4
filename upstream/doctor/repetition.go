package doctor

import (
	"fmt"

	"deliverygraph/upstream"
)

// repeat is a row that a list repeats.
type repeat struct {
	answer
	row       upstream.Event
	was, at   int  // indexes of the row and of its first repetition
	number    int  // how many rows the list repeats
	elsewhere bool // the repetition does not directly follow the row
}

// onceEach returns the rows in order without repetitions, so that these do not affect
// other checks. It remembers repetitions for ruleOnce.
func (e *exam) onceEach(k upstream.Kind, a answer, rows []upstream.Event) []upstream.Event {
	first := make(map[upstream.Identity]int, len(rows))
	each := make([]upstream.Event, 0, len(rows))
	found := repeat{answer: a}
	for i, r := range rows {
		id := r.Identity
		was, again := first[id]
		if !again {
			first[id] = i
			each = append(each, r)
			continue
		}
		found.number++
		// A repetition elsewhere is worse than one that follows directly.
		elsewhere := rows[i-1].Identity != id
		if found.number == 1 || elsewhere && !found.elsewhere {
			found.row, found.was, found.at, found.elsewhere = r, was, i, elsewhere
		}
	}
	if known := e.repeats[k]; found.number > 0 && (known.number == 0 || found.elsewhere && !known.elsewhere) {
		e.repeats[k] = found
	}
	return each
}

// once checks whether any of a kind's lists repeated rows.
func (e *exam) once(s *sample) {
	found := e.repeats[s.kind]
	if found.number == 0 {
		e.check(ruleOnce, s.kind.ListPath(), s.page.answer).of(s.kind).agrees()
		return
	}
	c := e.check(ruleOnce, s.kind.ListPath(), found.answer).of(s.kind)
	came := fmt.Sprintf("%s repeated, such as %s, which is row %d and row %d",
		plural(found.number, "row"), brief(found.row), found.was, found.at)
	if found.elsewhere {
		c.breaks(came, "each row once", "the gateway shows repeated rows, unless they follow each other directly")
		return
	}
	c.copes(came, "each row once",
		"the gateway shows the row once; totals of lists with filters that counts do not have fail with an error")
}
