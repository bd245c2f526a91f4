package classify

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// phrase is a Text of a rule: terms one after the other.
type phrase []term

// term is one step of a phrase. The zero value is a gap: up to gapWords words of any kind.
type term struct {
	word     string   // in the form that text is compared in
	stem     bool     // the word may go on
	any      bool     // one word of any kind
	choice   []phrase // one of these
	optional bool     // of a choice: it may be missing
}

// gapWords is how many words may stand where a phrase has "...".
const gapWords = 6

// parsePhrase reads a phrase: words, (this|that) for a choice, [words] for what may be
// missing, word* for a word's beginning, _ for one word of any kind, and ... for up to six.
func parsePhrase(s string) (phrase, error) {
	p := phraseParser{rest: s}
	out, err := p.phrase()
	switch {
	case err != nil:
		return nil, err
	case p.rest != "":
		return nil, fmt.Errorf("%q has no bracket that it belongs to", p.rest[:1])
	case out.empty():
		return nil, errors.New("all of it may be missing: it must have a word that may not")
	case out.wildAt(0, 1) || out.wildAt(len(out)-1, -1):
		return nil, errors.New("it must begin and end with a word")
	}
	return out, nil
}

// empty reports whether a phrase matches without any word.
func (p phrase) empty() bool {
	for _, t := range p {
		if !t.optional {
			return false
		}
	}
	return true
}

// wildAt reports whether a phrase may begin with a word of any kind, read from i on in
// steps of 1; or end with one, read backwards in steps of -1.
func (p phrase) wildAt(i, step int) bool {
	for ; i >= 0 && i < len(p); i += step {
		t := p[i]
		if t.choice == nil {
			return t.word == ""
		}
		for _, alternative := range t.choice {
			from := 0
			if step < 0 {
				from = len(alternative) - 1
			}
			if alternative.wildAt(from, step) {
				return true
			}
		}
		if !t.optional {
			break
		}
	}
	return false
}

// phraseParser reads a phrase from left to right.
type phraseParser struct {
	rest  string
	depth int
}

// phrase reads up to the end, to a | or to a closing bracket.
func (p *phraseParser) phrase() (phrase, error) {
	var out phrase
	for {
		p.rest = strings.TrimLeft(p.rest, " \t")
		if p.rest == "" || strings.IndexByte("|)]", p.rest[0]) >= 0 {
			return out, nil
		}
		switch c := p.rest[0]; {
		case c == '(' || c == '[':
			t, err := p.choice()
			if err != nil {
				return nil, err
			}
			out = append(out, t)
		case strings.HasPrefix(p.rest, "..."):
			p.rest = p.rest[3:]
			out = append(out, term{})
		case c == '_':
			p.rest = p.rest[1:]
			out = append(out, term{any: true})
		default:
			words, err := p.words()
			if err != nil {
				return nil, err
			}
			out = append(out, words...)
		}
	}
}

// choice reads (a|b), or [a|b], which may be missing.
func (p *phraseParser) choice() (term, error) {
	if p.depth++; p.depth > 3 {
		return term{}, errors.New("its brackets are nested more than three deep")
	}
	opening := p.rest[0]
	closing := map[byte]byte{'(': ')', '[': ']'}[opening]
	p.rest = p.rest[1:]
	t := term{optional: opening == '['}
	for {
		alternative, err := p.phrase()
		switch {
		case err != nil:
			return term{}, err
		case alternative.empty():
			return term{}, errors.New("a choice is empty: write [this] for what may be missing")
		case p.rest == "":
			return term{}, fmt.Errorf("%q is not closed", string(opening))
		}
		t.choice = append(t.choice, alternative)
		end := p.rest[0]
		p.rest = p.rest[1:]
		switch end {
		case '|':
		case closing:
			p.depth--
			return t, nil
		default:
			return term{}, fmt.Errorf("%q is closed by %q", string(opening), string(end))
		}
	}
}

// words reads what stands up to the next space or bracket: most often a word, but
// "non-existent" is two of them, as it is in a text.
func (p *phraseParser) words() (phrase, error) {
	end := strings.IndexAny(p.rest, " \t()[]|")
	if end < 0 {
		end = len(p.rest)
	}
	given := p.rest[:end]
	p.rest = p.rest[end:]
	literal, stem := strings.CutSuffix(given, "*")
	for _, c := range literal {
		if !wordRune(c) && !strings.ContainsRune(`'’-/.`, c) {
			return nil, fmt.Errorf("%q is neither a letter nor a digit; between words it is passed over anyway: leave it "+
				"out", string(c))
		}
	}
	var t text
	t.scan(literal, nil)
	var out phrase
	for _, w := range t.words {
		out = append(out, term{word: fold(literal[w.start:w.end])})
	}
	switch {
	case len(out) == 0:
		return nil, fmt.Errorf("%q is no word: numbers are passed over in a text; codes stand on a line of their own, "+
			"Code", given)
	case stem && utf8.RuneCountInString(out[len(out)-1].word) < 3:
		return nil, fmt.Errorf("%q is too short: write at least three letters before the *", given)
	}
	out[len(out)-1].stem = stem
	return out, nil
}

// wordRune reports whether words are made of c.
func wordRune(c rune) bool { return unicode.In(c, unicode.L, unicode.N, unicode.M) }
