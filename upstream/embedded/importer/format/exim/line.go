package exim

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
	"time"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/importer/format"
	"deliverygraph/upstream/embedded/importer/format/syslog"
)

// entry is a line of the log.
type entry struct {
	time  int64  // milliseconds since 1970
	host  string // if it came through syslog
	other bool   // another program wrote it
	id    []byte // of the message; nil if the line is not about one
	text  []byte // after the id
}

// parser reads the lines of one file.
type parser struct {
	syslog *syslog.Parser
	loc    *time.Location
	stamp  string // of the line before: most lines have the same
	time   upstream.Time
}

func newParser(f format.File, o format.Options) *parser {
	return &parser{syslog: syslog.New(f, o), loc: o.Location}
}

// parse reads a line, or says what is wrong with it.
func (p *parser) parse(line []byte) (e entry, problem string) {
	text, _ := syslog.Unwrap(line)
	if !hasStamp(text) {
		head, problem := p.syslog.Parse(line)
		if problem != "" {
			return e, "the line does not begin with a time, such as 2026-01-25 21:25:22"
		}
		e.time, e.host, text = head.Time, head.Host, head.Message
		e.other = !strings.Contains(head.Program, "exim")
		if part, rest, ok := bytes.Cut(text, []byte("] ")); ok && firstPart.Match(part) {
			text = rest
		}
	}
	if hasStamp(text) { // through syslog it may be there as well
		at, rest, ok := p.cutStamp(text)
		if !ok {
			return e, "the line does not begin with a time, such as 2026-01-25 21:25:22"
		}
		e.time, text = int64(at)*1000, rest
	}
	if len(text) > 0 && text[0] == '[' { // the process id
		if _, rest, ok := bytes.Cut(text, []byte("] ")); ok {
			text = rest
		}
	}
	e.text = text
	if id, rest, ok := bytes.Cut(text, []byte(" ")); ok && isID(id) {
		e.id, e.text = id, rest
	}
	return e, ""
}

// firstPart matches how Exim numbers the first part of a line that is too long for syslog, up to the bracket.
var firstPart = regexp.MustCompile(`^\[1[/\\]\d+$`)

// hasStamp reports whether a text begins with a time in the form of Exim.
func hasStamp(text []byte) bool {
	return len(text) > len("2026-01-25 21:25:22") && text[4] == '-' && text[7] == '-' && text[10] == ' ' &&
		text[13] == ':'
}

// cutStamp parses the time at the beginning of a text, such as "2026-01-25 21:25:22.123 +0100". The fraction and the
// zone are optional.
func (p *parser) cutStamp(text []byte) (at upstream.Time, rest []byte, ok bool) {
	end := bytes.IndexByte(text[len("2026-01-25 "):], ' ')
	if end < 0 {
		return 0, nil, false
	}
	end += len("2026-01-25 ")
	if zone := text[end+1:]; len(zone) > 6 && (zone[0] == '+' || zone[0] == '-') && zone[5] == ' ' {
		end += 1 + 5
	}
	if stamp := text[:end]; string(stamp) != p.stamp {
		if p.time, ok = format.ParseTime(string(stamp), p.loc); !ok {
			p.stamp = ""
			return 0, nil, false
		}
		p.stamp = string(stamp)
	}
	return p.time, text[end+1:], true
}

// isID reports whether a word is a message id: three numbers in letters and digits, of 6, 6
// and 2 characters, or since Exim 4.97 of 6, 11 and 4.
func isID(word []byte) bool {
	if len(word) != 16 && len(word) != 23 {
		return false
	}
	last := len(word) - 3
	if len(word) == 23 {
		last = len(word) - 5
	}
	for i, c := range word {
		if i == 6 || i == last {
			if c != '-' {
				return false
			}
		} else if !('0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z') {
			return false
		}
	}
	return true
}

// delivery is what a line says about a recipient.
type delivery struct {
	to, original []byte // the address after and before aliases
	sender       []byte // as F=<…> names it, or nullSender
	remote       bool   // another host takes part
	text         []byte // why it failed
}

// parseDelivery cuts what follows the flag, such as
// "to@example.com <alias@example.org> F=<from@example.org> R=dnslookup T=remote_smtp H=mx [192.0.2.1]: text".
func parseDelivery(text []byte) (d delivery) {
	to, rest := cutAddress(text)
	if short, colon := bytes.CutSuffix(to, []byte(":")); colon && len(short) > 0 && short[0] != ':' {
		to, d.text = short, bytes.TrimSpace(rest) // the reason follows at once
		rest = nil
	}
	d.to = to
	if len(rest) > 0 && rest[0] == '(' { // an address between
		_, rest, _ = bytes.Cut(rest, []byte(") "))
	}
	if len(rest) > 0 && rest[0] == '<' {
		if end := bytes.IndexByte(rest, '>'); end >= 0 {
			d.original, rest = rest[1:end], bytes.TrimLeft(rest[end+1:], " ")
		}
	}
	fields := rest
	if colon := reasonAt(rest); colon >= 0 {
		fields, d.text = rest[:colon], bytes.TrimSpace(rest[colon+1:])
	}
	d.remote = field(fields, "H=") != nil
	if d.sender = field(fields, "F="); string(d.sender) != nullSender {
		d.sender = bytes.Trim(d.sender, "<>")
	}
	return d
}

// cutAddress splits a text after the address at its beginning.
func cutAddress(text []byte) (address, rest []byte) {
	quoted := false
	for i, c := range text {
		switch {
		case c == '"':
			quoted = !quoted
		case c == ' ' && !quoted:
			return text[:i], bytes.TrimLeft(text[i:], " ")
		}
	}
	return text, nil
}

// reasonAt returns the index of the colon before the reason, or -1. Quoted text and the names of ciphers have other
// colons.
func reasonAt(text []byte) int {
	quoted := false
	for i, c := range text {
		switch {
		case c == '"':
			quoted = !quoted
		case c == ':' && !quoted && i+1 < len(text) && text[i+1] == ' ':
			return i
		}
	}
	return -1
}

// field returns the value of a field such as "H=" among others, or nil.
func field(fields []byte, name string) []byte {
	for word := range bytes.FieldsSeq(fields) {
		if value, ok := bytes.CutPrefix(word, []byte(name)); ok {
			return value
		}
	}
	return nil
}

// expired reports whether the delivery failed because it was deferred for too long.
func (d delivery) expired() bool {
	for _, phrase := range []string{"retry timeout exceeded", "failing for a long time", "long failure period"} {
		if bytes.Contains(d.text, []byte(phrase)) {
			return true
		}
	}
	return false
}

// reason returns the enhanced status code and what the server replied, in the form of a
// Diagnostic-Code field, or else what Exim says itself.
func (d delivery) reason() (code, diagnostic string) {
	diagnostic = strings.ReplaceAll(string(d.text), `\n`, " ") // line breaks of replies
	if reply := replyAt(diagnostic); reply >= 0 {
		diagnostic = "smtp;" + diagnostic[reply:]
	}
	return format.Code(diagnostic), diagnostic
}

// replyAt returns the index of the reply, such as "550 5.1.1 User unknown", which follows words of Exim, or -1.
func replyAt(text string) int {
	for i := 0; i < len(text); {
		colon := strings.Index(text[i:], ": ")
		if colon < 0 {
			return -1
		}
		i += colon + len(": ")
		if len(text) < i+3 || text[i] < '2' || text[i] > '5' {
			continue
		}
		if len(text) > i+3 && text[i+3] != ' ' && text[i+3] != '-' {
			continue
		}
		if _, err := strconv.ParseUint(text[i:i+3], 10, 16); err == nil {
			return i
		}
	}
	return -1
}

// recognise reports whether there is a line about a message in the first bytes of a file.
func recognise(head []byte) bool {
	if end := bytes.LastIndexByte(head, '\n'); end >= 0 {
		head = head[:end]
	}
	p := newParser(format.NewFile("", time.Time{}, bytes.NewReader(head)), format.Options{})
	for line := range bytes.Lines(head) {
		if e, problem := p.parse(bytes.TrimRight(line, "\r\n")); problem == "" && !e.other &&
			(e.id != nil || e.host != "") {
			return true
		}
	}
	return false
}

// begins returns the time of a file's first line that has one.
func begins(f format.File, o format.Options) time.Time {
	p := newParser(f, o)
	for line := range bytes.Lines(f.Beginning()) {
		if e, problem := p.parse(bytes.TrimRight(line, "\r\n")); problem == "" {
			return time.UnixMilli(e.time)
		}
	}
	return time.Time{}
}
