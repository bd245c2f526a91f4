package classify

import (
	"slices"
	"strings"
)

// vocabulary maps the words and stems of all phrases to numbers from 1.
type vocabulary struct {
	words   map[string]int32
	stems   map[string]int32
	lengths []int // of the stems, in bytes, ascending
}

// look sets the numbers of a word.
func (v *vocabulary) look(folded []byte, w *word) {
	if v == nil {
		return
	}
	w.exact = v.words[string(folded)]
	found := 0
	for _, n := range v.lengths {
		if n > len(folded) || found == len(w.stems) {
			return
		}
		if id := v.stems[string(folded[:n])]; id != 0 {
			w.stems[found] = id
			found++
		}
	}
}

// number returns the number of a word or stem, which it adds if it is new.
func (v *vocabulary) number(t term) int32 {
	m := v.words
	if t.stem {
		m = v.stems
		if n := len(t.word); !slices.Contains(v.lengths, n) {
			v.lengths = append(v.lengths, n)
			slices.Sort(v.lengths)
		}
	}
	id, ok := m[t.word]
	if !ok {
		id = int32(len(v.words) + len(v.stems) + 1)
		m[strings.Clone(t.word)] = id
	}
	return id
}

// automaton matches the phrases of all rules at once. A state stands for the part of a
// phrase that has matched; state 0 is the start.
type automaton struct {
	vocabulary
	next   map[edge][]int32 // the states that a word leads to from a state
	states []state
}

type edge struct{ from, word int32 }

// wildcard is the word of an edge that any word can take.
const wildcard = -1

// state describes a state of the automaton.
type state struct {
	gaps  []int32 // the states that a gap leads to
	words []int32 // the words that it has an edge for
	rule  int32   // 1 + the index of the rule whose phrase ends here, or 0
	any   bool    // it has an edge for any word
}

func newAutomaton() automaton {
	return automaton{
		vocabulary: vocabulary{words: map[string]int32{}, stems: map[string]int32{}},
		next:       map[edge][]int32{}, states: make([]state, 1),
	}
}

// add adds a phrase of a rule.
func (a *automaton) add(p phrase, rule int) {
	end := a.state()
	a.states[end].rule = int32(rule) + 1
	a.compile(p, []int32{0}, end)
}

func (a *automaton) state() int32 {
	a.states = append(a.states, state{})
	return int32(len(a.states) - 1)
}

// compile adds the edges of a phrase, which is not empty, from some states to another.
func (a *automaton) compile(p phrase, from []int32, to int32) {
	last := len(p) - 1
	if p[last].optional { // without it, and with it
		a.compile(p[:last], from, to)
		p = slices.Clone(p)
		p[last].optional = false
	}
	for i, t := range p {
		target := to
		if i < last {
			target = a.state()
		}
		switch {
		case t.choice != nil:
			for _, alternative := range t.choice {
				a.compile(alternative, from, target)
			}
		case t.word != "":
			for _, f := range from {
				a.connect(edge{f, a.number(t)}, target)
			}
		case t.any:
			for _, f := range from {
				a.connect(edge{f, wildcard}, target)
				a.states[f].any = true
			}
		default:
			for _, f := range from {
				a.states[f].gaps = append(a.states[f].gaps, target)
			}
		}
		if t.optional {
			from = append(slices.Clip(from), target)
		} else {
			from = []int32{target}
		}
	}
}

func (a *automaton) connect(e edge, to int32) {
	if !slices.Contains(a.next[e], to) {
		a.next[e] = append(a.next[e], to)
	}
	if s := &a.states[e.from]; e.word != wildcard && !slices.Contains(s.words, e.word) {
		s.words = append(s.words, e.word)
	}
}

// walk finds phrases in a text.
type walk struct {
	*automaton
	words   []word
	present []bool // by number: whether the word is in the text, to prune dead ends early
	first   int    // the word at which the walk began
	steps   int    // how many more steps may be taken
	// found is called for each match, with the rule and the first and last word.
	found func(rule, first, last int)
}

// mostSteps bounds the work per text. Even a text of maxText bytes that is crafted to
// match as many phrases as possible needs fewer steps.
const mostSteps = 1 << 20

// find calls found for each phrase in the text.
func (w *walk) find() {
	if n := len(w.vocabulary.words) + len(w.vocabulary.stems) + 1; len(w.present) < n {
		w.present = make([]bool, n)
	}
	w.mark(true)
	w.steps = mostSteps
	for w.first = range w.words {
		w.from(0, w.first)
	}
	w.mark(false)
}

func (w *walk) mark(present bool) {
	for _, word := range w.words {
		w.present[word.exact] = present
		for _, id := range word.stems {
			w.present[id] = present
		}
	}
	w.present[0] = false // 0 is any word that is in no phrase
}

// from continues in state s with the word at i.
func (w *walk) from(s int32, i int) {
	if i >= len(w.words) || s != 0 && w.words[i].begins || w.steps <= 0 {
		return
	}
	w.steps--
	word := &w.words[i]
	if word.exact != 0 {
		w.along(edge{s, word.exact}, i)
	}
	for _, id := range word.stems {
		if id == 0 {
			break
		}
		w.along(edge{s, id}, i)
	}
	if w.states[s].any {
		w.along(edge{s, wildcard}, i)
	}
}

// along follows the edge, if it exists.
func (w *walk) along(e edge, i int) {
	words := w.states[e.from].words
	if len(words) <= 8 && e.word != wildcard && !slices.Contains(words, e.word) {
		return // faster than asking the map
	}
	for _, to := range w.next[e] {
		s := &w.states[to]
		if s.rule != 0 {
			w.found(int(s.rule)-1, w.first, i)
		}
		if w.leads(s) {
			w.from(to, i+1)
		}
		for _, behind := range s.gaps {
			if !w.leads(&w.states[behind]) {
				continue
			}
			for j := i + 1; j <= i+1+gapWords && j < len(w.words) && !w.words[j].begins; j++ {
				w.from(behind, j)
			}
		}
	}
}

// leads reports whether some word of the text leads on from a state.
func (w *walk) leads(s *state) bool {
	if s.any {
		return true
	}
	for _, id := range s.words {
		if w.present[id] {
			return true
		}
	}
	return false
}
