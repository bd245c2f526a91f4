package classify

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// phrase is a Text of a rule: a sequence of terms.
type phrase []term

// term is one step of a phrase. The zero value is a gap of up to gapWords arbitrary words.
type term struct {
	word     string   // folded, see appendFolded
	stem     bool     // word is the beginning of a word
	any      bool     // one arbitrary word
	choice   []phrase // alternatives
	optional bool     // the choice may be missing
}

// gapWords is the largest number of words that "..." in a phrase stands for.
const gapWords = 6

// parsePhrase parses a phrase: words, (this|that) for a choice, [words] for optional words,
// word* for any word that begins so, _ for one arbitrary word, and ... for up to gapWords.
func parsePhrase(s string) (phrase, error) {
	p := phraseParser{rest: s}
	out, err := p.phrase()
	switch {
	case err != nil:
		return nil, err
	case p.rest != "":
		return nil, fmt.Errorf("%q has no opening bracket", p.rest[:1])
	case out.empty():
		return nil, errors.New("everything in it is optional: at least one word must be required")
	case out.wildAt(0, 1) || out.wildAt(len(out)-1, -1):
		return nil, errors.New("it must begin and end with a word")
	}
	return out, nil
}

// empty reports whether a phrase matches the empty text.
func (p phrase) empty() bool {
	for _, t := range p {
		if !t.optional {
			return false
		}
	}
	return true
}

// wildAt reports whether the phrase may begin with an arbitrary word when it is read from
// i in steps of 1, or end with one when it is read in steps of -1.
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

// phraseParser parses a phrase from left to right.
type phraseParser struct {
	rest  string
	depth int
}

// phrase parses up to the end, a | or a closing bracket.
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

// choice parses (a|b), or the optional [a|b].
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
			return term{}, errors.New("a choice is empty: write [this] for optional words")
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

// words parses the text up to the next space or bracket. That is usually one word, but
// "non-existent" makes two, as it does in a text.
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
			return nil, fmt.Errorf("%q is neither a letter nor a digit; leave it out, as punctuation between words is "+
				"ignored", string(c))
		}
	}
	var t text
	t.scan(literal)
	var out phrase
	for _, w := range t.words {
		out = append(out, term{word: string(w.folded)})
	}
	switch {
	case len(out) == 0:
		return nil, fmt.Errorf("%q is not a word: numbers in a text are ignored; put codes on a Code line", given)
	case stem && utf8.RuneCountInString(out[len(out)-1].word) < 3:
		return nil, fmt.Errorf("%q is too short: write at least three letters before the *", given)
	}
	out[len(out)-1].stem = stem
	return out, nil
}

// wordRune reports whether c can be part of a word.
func wordRune(c rune) bool { return unicode.IsLetter(c) || unicode.IsNumber(c) || unicode.IsMark(c) }
