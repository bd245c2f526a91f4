package dsn

import (
	"regexp"
	"slices"
	"strings"
	"sync"
)

// mention is a place in a notice that names a recipient, and the text about it.
type mention struct {
	address string
	at      int // the line
	text    string
}

var (
	// replied matches replies in a transcript, such as "550 5.1.1 <user@example.com>... User unknown".
	replied = regexp.MustCompile(`^\s*(?:<<<\s*)?[245]\d\d[ -](?:[245]\.\d+\.\d+ )?\s*<?["\w]`)
	// asked matches RCPT commands in a transcript.
	asked = regexp.MustCompile(`(?i)^\s*(?:>>>\s*)?RCPT TO:`)
	// originalAddress matches the label of the address that the sender used, which follows
	// the one that it was expanded to.
	originalAddress = regexp.MustCompile(`(?i)^\s*original (?:address|recipient):\s*<?$`)
	// decoration matches what may precede an address in a list.
	decoration = regexp.MustCompile(`^[\s>*#•\-]*(?:\d+[.)]\s+)?`)
)

// readNotice adds what only the notice says: the recipients, unless there is a report; the
// server's words; and whether it is a delay notice.
func (m *Message) readNotice(mentions []mention) {
	if len(m.Recipients) == 0 {
		m.Recipients = m.mentioned(mentions)
	}
	opening := words(clip(m.Notice, mostWords))
	delayed := sync.OnceValue(func() bool {
		return delays.MatchString(decodeWords(m.header.get("Subject"))) || delays.MatchString(opening)
	})
	said := make(map[string]string)
	for _, l := range mentions {
		if key := strings.ToLower(l.address); len(said[key]) < mostDiagnostic {
			said[key] = strings.TrimSpace(said[key] + " " + l.text)
		}
	}
	for i := range m.Recipients {
		r := &m.Recipients[i]
		if r.Diagnostic == "" {
			r.Diagnostic = said[strings.ToLower(r.Address)]
			if r.Diagnostic == "" && len(m.Recipients) == 1 && len(mentions) == 1 { // it may name an alias
				r.Diagnostic = mentions[0].text
			}
			if strings.IndexFunc(r.Diagnostic, wordChar) < 0 && len(m.Recipients) == 1 { // the reason is elsewhere
				r.Diagnostic = opening
			}
			r.Diagnostic = clip(wrapper.ReplaceAllLiteralString(r.Diagnostic, "ERROR_CODE :"), mostDiagnostic)
		}
		if r.Action == "" {
			r.Action = "failed"
			if !strings.HasPrefix(r.Status, "5") && delayed() {
				r.Action = "delayed"
			}
		}
	}
}

// mentioned returns the recipients from the first source that has any: the field of Exim
// and Gmail, the places where servers list recipients, any other address in the notice,
// users that it names, the returned message, and the return path.
func (m *Message) mentioned(mentions []mention) (recipients []Recipient) {
	seen := map[string]bool{"": true}
	for _, source := range []func() []string{
		func() []string { return findAddresses(m.header.get("X-Failed-Recipients")) },
		func() (all []string) {
			for _, l := range mentions {
				all = append(all, l.address)
			}
			return all
		},
		func() []string {
			others := slices.DeleteFunc(findAddresses(m.Notice), m.isParty)
			return others[:min(1, len(others))]
		},
		func() []string { return users(m.Notice) },
		func() []string {
			if to := findAddresses(m.original.get("To")); len(to) == 1 {
				return to
			}
			return nil
		},
		func() []string { return []string{verp(addressOf(m.header.get("To")))} },
	} {
		for _, a := range source() {
			if key := strings.ToLower(a); !seen[key] {
				seen[key] = true
				recipients = append(recipients, Recipient{Address: a})
			}
		}
		if len(recipients) > 0 {
			break
		}
	}
	return recipients
}

// listedUser matches a line in a list of local users, such as "  jane (user not found)".
var listedUser = regexp.MustCompile(`^[ \t]+([A-Za-z0-9][\w.+-]*)[ \t]*(?:\([^)]*\))?$`)

// users returns the local users that a notice lists after a line that ends in a colon.
func users(notice string) (names []string) {
	listed := false
	for line := range strings.Lines(notice) {
		line = strings.TrimRight(line, " \t\r\n")
		found := listedUser.FindStringSubmatch(line)
		switch {
		case listed && found != nil && len(names) < 100:
			names = append(names, found[1])
		case line != "":
			listed = strings.HasSuffix(line, ":")
		}
	}
	return names
}

// mentions returns the places in a notice that name a recipient, in order. The sender does
// not count unless there is no other.
func (m *Message) mentions(lines []string) []mention {
	if found := m.mentionsOf(lines, m.isParty); len(found) > 0 {
		return found
	}
	return m.mentionsOf(lines, isStaff)
}

// mentionsOf returns the places that name a recipient, with the exception of some addresses.
func (m *Message) mentionsOf(lines []string, except func(string) bool) []mention {
	var all []mention
	for i, line := range lines {
		if strings.IndexByte(line, '@') < 0 || len(line) > 2000 {
			continue
		}
		a, start, end := findAddress(line)
		if a == "" || except(a) {
			continue
		}
		before := line[:start]
		rest := strings.TrimLeft(line[end:], `>)]"' `)
		listed := alone(before) || labels.MatchString(strings.TrimRight(before, `<("'[`)) ||
			strings.HasSuffix(before, "SMTP=") || named(before, line[start-min(start, 1):])
		ends := rest == "" || strings.IndexByte(":;.,([=-", rest[0]) >= 0 || isWord(rest)
		transcript := replied.MatchString(line) && strings.Trim(before, ` <"'0123456789.-`) == "" ||
			asked.MatchString(line) && !fieldFollows(lines[i+1:])
		switch n := len(all); {
		case n > 0 && all[n-1].at == i-1 && originalAddress.MatchString(before):
			all[n-1].address = a // as the sender wrote it
		case listed && ends || transcript:
			all = append(all, mention{address: a, at: i})
		}
	}
	for i, l := range all {
		end := len(lines)
		if i+1 < len(all) {
			end = all[i+1].at
		}
		all[i].text = tail(lines[l.at:transcriptEnd(lines[:end], l.at)], l.address)
		if from := 0; replied.MatchString(lines[l.at]) {
			if i > 0 {
				if from = all[i-1].at + 1; asked.MatchString(lines[from-1]) {
					from = l.at // the command's mention has the replies
				}
			}
			all[i].text = answers(lines[from:l.at]) + all[i].text
		}
	}
	return all
}

// answers returns the server's replies in the part of a transcript at the end of lines.
func answers(lines []string) (said string) {
	for i := len(lines) - 1; i >= 0; i-- {
		line := strings.TrimSpace(lines[i])
		if line == "" || strings.HasPrefix(line, ">>>") {
			break
		}
		if answer, ok := strings.CutPrefix(line, "<<<"); ok {
			said = strings.TrimSpace(answer) + " " + said
		}
	}
	return said
}

// fieldFollows reports whether lines begin with a field such as "From: news@example.com".
// Then a "RCPT TO:" before it is not a command: Apache James lists the properties of a
// message like that.
func fieldFollows(lines []string) bool {
	if len(lines) == 0 {
		return false
	}
	_, _, ok := cutField(strings.TrimSpace(lines[0]))
	return ok
}

// transcriptEnd returns the line after the reply, or after the command and its reply, at
// line i. If line i is neither, it returns the end.
func transcriptEnd(lines []string, i int) int {
	command := asked.MatchString(lines[i])
	if !command && !replied.MatchString(lines[i]) {
		return len(lines)
	}
	for i++; i < len(lines); i++ {
		line := strings.TrimSpace(lines[i])
		if line == "" || strings.HasPrefix(line, ">>>") || !command && !isFolded(lines[i]+" ") {
			break
		}
	}
	return i
}

// alone reports whether only decoration precedes an address.
func alone(before string) bool {
	return strings.Trim(decoration.ReplaceAllLiteralString(before, ""), `<("'[ `) == ""
}

// named reports whether the owner's quoted name precedes an address.
func named(before, from string) bool {
	before = strings.TrimSpace(decoration.ReplaceAllLiteralString(strings.TrimRight(before, "<"), ""))
	return strings.HasPrefix(from, "<") && strings.HasPrefix(before, `"`) && len(strings.Fields(before)) <= 3 &&
		!strings.ContainsAny(before, ".:;,=/")
}

func isWord(s string) bool { return s[0] >= 'a' && s[0] <= 'z' || s[0] >= 'A' && s[0] <= 'Z' }

// isStaff reports whether an address belongs to administrators of mail servers.
func isStaff(a string) bool {
	local, _, _ := strings.Cut(strings.ToLower(a), "@")
	return slices.Contains([]string{"mailer-daemon", "postmaster", "abuse", "support", "helpdesk", "mailto"}, local)
}

// isParty reports whether an address belongs to the sender or to administrators.
func (m *Message) isParty(a string) bool {
	if m.parties == nil {
		m.parties = make(map[string]bool)
		for _, own := range []string{
			m.original.get("From"), m.original.get("Return-Path"),
			m.header.get("To"), m.header.get("From"), m.header.get("Delivered-To"),
		} {
			m.parties[strings.ToLower(addressOf(own))] = true
		}
	}
	return isStaff(a) || m.parties[strings.ToLower(a)]
}

const (
	// mostDiagnostic limits the bytes of a diagnostic that is taken from a notice.
	mostDiagnostic = 1000
	// mostWords limits the bytes of a notice that are searched for wordings.
	mostWords = 4 << 10
)

func wordChar(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r > 0x7f }

// tail returns the text of lines, of which the first names an address. The address is
// removed if nothing precedes it.
func tail(lines []string, address string) string {
	var b strings.Builder
	for i, line := range lines {
		if i == 0 {
			if at := strings.Index(line, address); at >= 0 && alone(line[:at]) {
				line = strings.TrimLeft(line[at+len(address):], `>)]"' :;,.`)
			}
		}
		if b.Len() > 0 && isRuler(line) || i > 0 && i+1 < len(lines) && isUnderline(line, lines[i+1]) {
			break // what follows a ruler or a heading is about something else
		}
		appendWords(&b, line)
		if b.Len() > mostDiagnostic {
			break
		}
	}
	return b.String()
}

// isRuler reports whether a line only separates what is above it from what is below.
func isRuler(line string) bool { return len(line) > 4 && strings.Trim(line, "-=*_~ \t") == "" }

// isUnderline reports whether the line below underlines a line, which makes it a heading.
func isUnderline(line, below string) bool {
	line, below = strings.TrimSpace(line), strings.TrimSpace(below)
	return line != "" && len(below) == len(line) && isRuler(below)
}

// words returns the words of a text, separated by single spaces, without rulers.
func words(text string) string {
	var b strings.Builder
	appendWords(&b, text)
	return b.String()
}

// appendWords appends the words of a text, without rulers and undecodable characters.
func appendWords(b *strings.Builder, text string) {
	for word := range strings.FieldsSeq(text) {
		if strings.Trim(word, "-=*_<>\uFFFD") == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(word)
	}
}

// clip cuts s to at most n bytes without splitting a character.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xc0 == 0x80 {
		n--
	}
	return s[:n]
}
