package address

import (
	"mime"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	quoted = `"(?:[^"\\]|\\.)*"`
	atom   = `(?:\\.|[^\s<>"(),;:\[\]@])`
	note   = `\s*\([^()]*\)\s*` // a comment
	host   = `[\p{L}\p{N}_-]+(?:(?:\.|\s+dot\s+)[\p{L}\p{N}_-]+)+`
)

var (
	// whole is an address with an @, or whatever stands before one.
	whole = regexp.MustCompile(`(?:` + quoted + `|` + atom + `|` + note + `\.?)+\s*@\s*` +
		`(?:` + note + `)?(?:\[[^\]]*\]|[^\s<>"(),;:\[\]]+)?`)
	// spelled is one in words, such as "jane dot doe at example dot com".
	spelled = regexp.MustCompile(atom + `+(?:\s+dot\s+` + atom + `+)*(?:\s+at\s+|[-_.]at[-_.])` + host)
	// verp is one as return paths have it, without an @.
	verp = regexp.MustCompile(atom + `*[^\s<>"(),;:\[\]@=]=` +
		`(?:` + host + `|\[[^\]]*\]|\d+\.\d+\.\d+\.\d+)` + atom + `*`)
	// bang is one of UUCP, such as "example.com!user".
	bang = regexp.MustCompile(host + `!` + atom + `+`)
	// phrase is a name before an address that is masked already.
	phrase = regexp.MustCompile(quoted + `(\s*<\*\*\*>)`)
	// status is how an answer of a mail server begins.
	status = regexp.MustCompile(`^(?:[A-Za-z0-9-]+;)?\s*(?:[245]\d\d(?:[ -]+|$))?(?:[245]\.\d{1,3}\.\d{1,3}\s*)?`)
)

// keys are what stands before a = and a host name that is no address.
var keys = []string{
	"name", "host", "hostname", "domain", "mx", "ip", "client", "relay", "server", "helo", "ehlo", "rdns", "ptr", "mta",
	"nameserver", "zone",
}

// Masked stands in the place of what is masked.
const Masked = "***"

// Mask puts [Masked] in the place of every address in what a mail server said, and of the
// recipient's local part wherever it stands alone. Domains stay. Where an @ is left that
// belongs to nothing, all of the text goes but the status code that it begins with.
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

// span is a run of bytes.
type span struct{ from, to int }

// find gives where something is to be masked.
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
		if plain, err := new(mime.WordDecoder).Decode(text[m[0]:m[1]]); err != nil || In(plain) {
			all = append(all, span{m[0], m[1]})
		}
	}
	for _, m := range opaque.FindAllStringIndex(text, -1) {
		if decodesToAddress(text[m[0]:m[1]]) {
			all = append(all, span{m[0], m[1]})
		}
	}
	return all
}

func inWord(r rune) bool { return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r)) }

// replace masks spans, as one where they touch.
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
