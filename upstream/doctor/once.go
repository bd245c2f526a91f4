package doctor

import (
	"fmt"

	"deliverygraph/upstream"
	"deliverygraph/upstream/event"
)

// repeat is a row that came again in one list.
type repeat struct {
	answer
	row       event.Row
	was, at   int // where it came first, and the first time again
	number    int // of rows that came again in the list
	elsewhere bool
}

// onceEach gives each of the rows once, in their order: whatever else is held against
// them is another matter than that some came again. That is noted, for the rule about it.
func (e *exam) onceEach(k upstream.Kind, a answer, rows []event.Row) []event.Row {
	first := make(map[identity]int, len(rows))
	each := make([]event.Row, 0, len(rows))
	found := repeat{answer: a}
	for i, r := range rows {
		id := identityOf(r)
		was, again := first[id]
		if !again {
			first[id] = i
			each = append(each, r)
			continue
		}
		found.number++
		// One that does not follow itself is the worse one.
		elsewhere := identityOf(rows[i-1]) != id
		if found.number == 1 || elsewhere && !found.elsewhere {
			found.row, found.was, found.at, found.elsewhere = r, was, i, elsewhere
		}
	}
	if known := e.repeats[k]; found.number > 0 && (known.number == 0 || found.elsewhere && !known.elsewhere) {
		e.repeats[k] = found
	}
	return each
}

// once tells whether rows came again in any of a kind's lists.
func (e *exam) once(s *sample) {
	found := e.repeats[s.kind]
	if found.number == 0 {
		e.check(ruleOnce, s.kind.ListPath(), s.page.answer).of(s.kind).agrees()
		return
	}
	c := e.check(ruleOnce, s.kind.ListPath(), found.answer).of(s.kind)
	came := fmt.Sprintf("%s again, such as %s, which is row %d and row %d", plural(found.number, "row"), brief(found.row), found.was, found.at)
	if found.elsewhere {
		c.breaks(came, "each row once", "the gateway shows a row as often as it comes, unless it follows itself")
		return
	}
	c.copes(came, "each row once", "the gateway shows it once; the total of a list whose filter the counts do not take is an error")
}
