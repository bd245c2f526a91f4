package classify

import "slices"

// index finds the phrases that may begin with a word by the first three bytes of that word.
type index map[string][]candidate

// candidate is a phrase of a rule.
type candidate struct {
	rule  int // its index
	first *node
}

// node is a term of a phrase and what follows it. A nil node is the end of the phrase.
type node struct {
	term
	choice []*node // instead of that of the term: the alternatives, each followed by next
	next   *node
}

// add adds a phrase of a rule. Rules are added in order.
func (x index) add(p phrase, rule int) {
	c := candidate{rule, p.link(nil)}
	for _, s := range p.starts() {
		x[s] = append(x[s], c)
	}
}

// start returns the beginning of a word that is a key of an index.
func start[T ~string | ~[]byte](word T) T { return word[:min(3, len(word))] }

// starts returns the beginnings of the words that the phrase may begin with. A stem has at least three letters.
func (p phrase) starts() (all []string) {
	for _, t := range p {
		if t.choice == nil {
			all = append(all, start(t.word))
		}
		for _, alternative := range t.choice {
			all = append(all, alternative.starts()...)
		}
		if !t.optional {
			break
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// link returns the first node of a phrase that next follows.
func (p phrase) link(next *node) *node {
	for _, t := range slices.Backward(p) {
		n := &node{term: t, next: next}
		if t.optional {
			n.choice = append(n.choice, next)
		}
		for _, alternative := range t.choice {
			n.choice = append(n.choice, alternative.link(next))
		}
		next = n
	}
	return next
}

// maxSteps bounds the work per text. Even a text of maxText bytes that is crafted to match as many phrases as possible
// needs fewer steps.
const maxSteps = 1 << 20

// matcher matches phrases with the words of a text.
type matcher struct {
	words []word
	first int // the word that the phrase begins with
	steps int // how many more may be taken
}

// match matches the phrase from n on with the words from i on. It returns the index after the last word, or -1.
func (m *matcher) match(n *node, i int) int {
	if n == nil {
		return i
	}
	m.steps--
	switch {
	case m.steps < 0:
		return -1
	case n.choice != nil:
		for _, alternative := range n.choice {
			if end := m.match(alternative, i); end >= 0 {
				return end
			}
		}
		return -1
	case n.any || n.word != "":
		if !m.continues(i) || !n.any && !n.matches(m.words[i].folded) {
			return -1
		}
		return m.match(n.next, i+1)
	}
	for j := i; j <= i+gapWords && m.continues(j); j++ {
		if end := m.match(n.next, j); end >= 0 {
			return end
		}
	}
	return -1
}

// continues reports whether the word at i, if there is one, can be part of the phrase.
func (m *matcher) continues(i int) bool {
	return i < len(m.words) && (i == m.first || !m.words[i].begins)
}

// matches reports whether a folded word is the one of t, or begins with its stem.
func (t *term) matches(folded []byte) bool {
	if t.stem {
		return len(folded) >= len(t.word) && string(folded[:len(t.word)]) == t.word
	}
	return string(folded) == t.word
}
