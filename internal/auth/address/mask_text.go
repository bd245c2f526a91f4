package address

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What has a beginning and an end is limited in length or in what it holds: looking for an end that is missing, behind
// each beginning, would take time that grows with the square of the length of a text.
const (
	quoted = `"(?:[^"\\]|\\.){0,64}"`
	name   = `"(?:[^"\\]|\\.){0,200}"`
	ip     = `\[[^\]\[\s<>"(),;]*\]`
	atom   = `(?:\\.|[^\s<>"(),;:\[\]@])`
	note   = `\s*\([^()]*\)\s*` // a comment
	host   = `[\p{L}\p{N}_-]+(?:(?:\.|\s+dot\s+)[\p{L}\p{N}_-]+)+`
)

var (
	// whole matches an address with an @, or anything before an @.
	whole = regexp.MustCompile(`(?:` + quoted + `|` + atom + `|` + note + `\.?)+\s*@\s*` +
		`(?:` + note + `)?(?:` + ip + `|[^\s<>"(),;:\[\]]+)?`)
	// spelled matches an address in words, such as "jane dot doe at example dot com".
	spelled = regexp.MustCompile(atom + `+(?:\s+dot\s+` + atom + `+)*(?:\s+at\s+|[-_.]at[-_.])` + host)
	// verp matches an address as in return paths, without an @.
	verp = regexp.MustCompile(atom + `*[^\s<>"(),;:\[\]@=]=` +
		`(?:` + host + `|` + ip + `|\d+\.\d+\.\d+\.\d+)` + atom + `*`)
	// bang matches an address of UUCP, such as "example.com!user".
	bang = regexp.MustCompile(host + `!` + atom + `+`)
	// phrase matches a name before an address that is already masked.
	phrase = regexp.MustCompile(name + `(\s*<\*\*\*>)`)
	// status matches the beginning of a mail server's response.
	status = regexp.MustCompile(`^(?:[A-Za-z0-9-]+;)?\s*(?:[245]\d\d(?:[ -]+|$))?(?:[245]\.\d{1,3}\.\d{1,3}\s*)?`)
)

// keys are words that may precede a = and a host name without forming an address.
var keys = []string{
	"name", "host", "hostname", "domain", "mx", "ip", "client", "relay", "server", "helo", "ehlo", "rdns", "ptr", "mta",
	"nameserver", "zone",
}

// Masked replaces what is masked.
const Masked = "***"

// Mask replaces every address in a mail server's response with [Masked], and the recipient's local part wherever it
// occurs alone. Domains stay. If an @ remains that belongs to no address, everything but the initial status code is
// replaced.
func Mask(text, local, domain string) string {
	masked := text
	if spans := find(text, local, domain); len(spans) > 0 {
		masked = replace(text, spans)
	}
	masked = phrase.ReplaceAllString(masked, Masked+"$1")
	for _, plain := range readings(strings.ReplaceAll(masked, Masked, " ")) {
		if strings.Contains(plain, "@") {
			return status.FindString(text) + Masked
		}
	}
	return masked
}

// patternName matches what may be a person's name in a pattern of responses, in which … stands for the address or
// domain behind it; see package grouped.
var patternName = regexp.MustCompile(name + `(\s*<…>)|\S+(\s+at\s+…)`)

// MaskPattern is like [Mask] for a pattern of responses; see package grouped.
func MaskPattern(pattern string) string {
	return Mask(patternName.ReplaceAllString(pattern, Masked+"$1$2"), "", "")
}

// span is a run of bytes.
type span struct{ from, to int }

// find returns the spans to mask.
func find(text, local, domain string) (all []span) {
	for _, d := range []decoded{decode(text, ""), decode(text, " ")} {
		add := func(m []int) { all = append(all, span{d.at[m[0]], d.at[m[1]]}) }
		for _, pattern := range []*regexp.Regexp{whole, spelled, bang} {
			for _, m := range pattern.FindAllStringIndex(d.text, -1) {
				add(m)
			}
		}
		for _, m := range verp.FindAllStringIndex(d.text, -1) {
			if key, _, _ := strings.Cut(d.text[m[0]:m[1]], "="); !slices.Contains(keys, key) {
				add(m)
			}
		}
		if local == "" {
			continue
		}
		own := regexp.QuoteMeta(strings.ToLower(local))
		for _, m := range regexp.MustCompile(own).FindAllStringIndex(d.text, -1) {
			before, _ := utf8.DecodeLastRuneInString(d.text[:m[0]])
			after, _ := utf8.DecodeRuneInString(d.text[m[1]:])
			if !inWord(before) && !inWord(after) {
				add(m)
			}
		}
		if domain != "" {
			both := regexp.MustCompile(own + `"?[^\s]?` + regexp.QuoteMeta(strings.ToLower(domain)))
			for _, m := range both.FindAllStringIndex(d.text, -1) {
				add(m)
			}
		}
	}
	for _, m := range encodedWord.FindAllStringIndex(text, -1) {
		if wordHides(text[m[0]:m[1]], mostLayers) {
			all = append(all, span{m[0], m[1]})
		}
	}
	for s := range opaque(text) {
		if decodesToAddress(text[s.from:s.to], mostLayers) {
			all = append(all, s)
		}
	}
	return all
}

func inWord(r rune) bool { return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r)) }

// replace masks spans; adjacent ones become one mask.
func replace(text string, spans []span) string {
	slices.SortFunc(spans, func(a, b span) int { return a.from - b.from })
	var b strings.Builder
	end := 0
	for i, s := range spans {
		if i == 0 || s.from > end {
			b.WriteString(text[end:s.from])
			b.WriteString(Masked)
		}
		end = max(end, s.to)
	}
	return b.String() + text[end:]
}
