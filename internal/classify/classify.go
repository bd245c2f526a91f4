package classify

import (
	"regexp"
	"slices"
	"strings"
	"sync"

	"deliverygraph/upstream"
)

// Unclassified is the category of what no rule matches.
const Unclassified = "unclassified"

// Match is the result of classifying a bounce.
type Match struct {
	Rule  Rule   // has no name if no rule matches; the bounce is then soft and unclassified
	Words string // the part of the text, or the code, that matched
}

// Classify sorts a bounce by its enhanced status code, by the diagnostic (what the
// receiving server said), and by the notice, which is the text of the bounce message
// without the returned message. Each may be empty. It is safe for concurrent use.
func (r *Rules) Classify(statusCode, diagnostic, notice string) Match {
	s := scanners.Get().(*scanner)
	defer scanners.Put(s)

	s.codes = s.codes[:0]
	if c, n := parseCode(strings.TrimSpace(statusCode)); n > 0 {
		s.codes = append(s.codes, c)
	}
	texts := [...]string{diagnostic, notice}
	var all [len(texts)]found
	codes := 0 // of the texts before
	for _, weak := range [...]bool{false, true} {
		for i, text := range texts {
			f := &all[i]
			best := &f.weak
			if !weak { // the notice is read only if the diagnostic has no strong match
				*f = s.read(r, text)
				f.codes, codes = s.codes[codes:], len(s.codes)
				best = &f.strong
			}
			if best.matches() {
				return Match{r.list[best.rule], strings.Join(strings.Fields(text[best.start:best.end]), " ")}
			}
			if m, ok := r.byCode(f.codes, weak); ok {
				return m
			}
		}
	}
	return Match{Rule: Rule{Category: Unclassified, Type: upstream.Soft}}
}

// ClassifyExpired sorts a bounce of mail that the sending server gave up after temporary failures. If the receiving
// server replied to the last attempt, and a rule matches the reply, that decides. Otherwise the category is
// message-expired, and the rule has no name. The notice does not count, as logs have none.
func (r *Rules) ClassifyExpired(statusCode, diagnostic string) Match {
	if reply.MatchString(diagnostic) {
		if m := r.Classify(statusCode, diagnostic, ""); m.Rule.Name != "" {
			return m
		}
	}
	return Match{Rule: Rule{Category: "message-expired", Type: upstream.Soft}}
}

// reply matches diagnostics that contain a reply, as opposed to those that say that there was none. Postfix reports a
// reply in its own words if it postponed the delivery because of one.
var reply = regexp.MustCompile(`(?is)^\s*smtp\s*;|: host .* (said|refused to talk to me): `)

// byCode returns the first rule that matches one of the codes and needs no words.
func (r *Rules) byCode(codes []code, weak bool) (m Match, ok bool) {
	for _, i := range r.coded {
		at := slices.IndexFunc(codes, r.list[i].matchesCode)
		if at >= 0 && r.list[i].Weak == weak {
			return Match{r.list[i], codes[at].String()}, true
		}
	}
	return Match{}, false
}

func (rule *Rule) matchesCode(c code) bool {
	return slices.ContainsFunc(rule.codes, func(p codePattern) bool { return p.matches(c) })
}

// hit is a rule that matched, and the part of the text that it matched.
type hit struct{ rule, start, end int }

func (h hit) matches() bool { return h.end > 0 }

// found is what Classify finds in a text. The codes of the diagnostic include the status code.
type found struct {
	strong, weak hit
	codes        []code
}

// scanner holds the buffers of one call of Classify. They are pooled.
type scanner struct {
	text  text
	codes []code // of the texts so far
}

var scanners = sync.Pool{New: func() any { return new(scanner) }}

// read finds the first strong and the first weak rule whose words occur in a text, and appends the codes in the text to
// s.codes.
func (s *scanner) read(r *Rules, in string) (f found) {
	s.text.scan(in)
	s.codes = append(s.codes, s.text.codes...)
	m := matcher{words: s.text.words, steps: maxSteps}
	for i := range m.words {
		m.first = i
		for _, c := range r.phrases[string(start(m.words[i].folded))] {
			rule, best := &r.list[c.rule], &f.strong
			if rule.Weak {
				best = &f.weak
			}
			if best.matches() && best.rule <= c.rule ||
				len(rule.codes) > 0 && !slices.ContainsFunc(s.codes, rule.matchesCode) {
				continue
			}
			if end := m.match(c.first, i); end >= 0 {
				*best = hit{c.rule, m.words[i].start, m.words[end-1].end}
			}
		}
	}
	return f
}
