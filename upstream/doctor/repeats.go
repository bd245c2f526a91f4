package doctor

import (
	"fmt"

	"deliverygraph/upstream"
)

// repeats are the repeated rows of a list.
type repeats struct {
	answer
	row       upstream.Event // one of them
	number    int            // how many there are
	elsewhere bool           // the row and its repetition do not follow each other
}

// onceEach returns the rows in order without repetitions, so that these do not affect other checks. It remembers
// repetitions for once. Those that do not follow the row directly are worse than others.
func (e *exam) onceEach(k upstream.Kind, a answer, rows []upstream.Event) []upstream.Event {
	seen := make(map[upstream.Identity]bool, len(rows))
	each := make([]upstream.Event, 0, len(rows))
	found := repeats{answer: a}
	for i, r := range rows {
		if !seen[r.Identity] {
			seen[r.Identity] = true
			each = append(each, r)
			continue
		}
		found.number++
		if elsewhere := rows[i-1].Identity != r.Identity; found.number == 1 || elsewhere && !found.elsewhere {
			found.row, found.elsewhere = r, elsewhere
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
	came := fmt.Sprintf("%s repeated, such as %s", plural(found.number, "row"), brief(found.row))
	if found.elsewhere {
		c.breaks(came, "each row once", "the gateway shows repeated rows, unless they follow each other directly")
		return
	}
	c.copes(came, "each row once",
		"the gateway shows the row once; totals of lists with filters that counts do not have fail with an error")
}
