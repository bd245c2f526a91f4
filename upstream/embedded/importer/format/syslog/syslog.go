// Package syslog reads lines of system logs: those of RFC 3164, RFC 3339 and RFC 5424, with or without a priority, and
// entries of journalctl, from -o json and its short forms. Lines may be within those of a container's log.
//
// Times of RFC 3164 have neither a year nor a zone. The zone is that of the options. The year is the latest one for
// which no line at the beginning of the file is later than the file itself. It changes where the lines pass from
// December to January.
package syslog

import (
	"bytes"
	"iter"
	"time"

	"deliverygraph/upstream/embedded/importer/format"
)

// Entry is a line of a log.
type Entry struct {
	Time    int64  // milliseconds since 1970
	Host    string // empty if the line has none
	Program string // such as "postfix/smtp", without the process id
	Message []byte // shares memory with the line
}

// Parser reads the lines of one file, in their order. It is not safe for concurrent use.
type Parser struct {
	clock clock
	names map[string]string // hosts and programs, so that entries share their strings

	// The minute of the line before, because most lines have the same: its text before and after the seconds, and its
	// beginning.
	minute, zone []byte
	begins       int64
}

// New returns a parser for a file. It peeks at the beginning of the file.
func New(f format.File, o format.Options) *Parser {
	c := newClock(o, f.ModTime)
	if c.keep = f.Clock; c.keep != nil && !c.keep.IsZero() {
		c.last = c.keep.In(c.loc)
		return newParser(c)
	}
	for range 2 {
		trial := newParser(c)
		trial.clock.keep = nil
		for line := range bytes.Lines(f.Beginning()) {
			trial.Parse(bytes.TrimRight(line, "\r\n"))
		}
		if !trial.clock.late {
			break
		}
		c.year--
	}
	return newParser(c)
}

func newParser(c clock) *Parser { return &Parser{clock: c, names: map[string]string{}} }

// Begins returns the time of the first line with a time, or zero if there is none.
func Begins(f format.File, o format.Options) time.Time {
	p := New(f, o)
	for line := range bytes.Lines(f.Beginning()) {
		if e, problem := p.Parse(bytes.TrimRight(line, "\r\n")); problem == "" {
			return time.UnixMilli(e.Time)
		}
	}
	return time.Time{}
}

// Entries returns the entries that the first bytes of a file have, for recognising formats. It omits the last line,
// which may be incomplete, unless it is the only one.
func Entries(head []byte) iter.Seq[Entry] {
	if end := bytes.LastIndexByte(head, '\n'); end >= 0 {
		head = head[:end]
	}
	return func(yield func(Entry) bool) {
		p := newParser(newClock(format.Options{}, time.Time{}))
		for line := range bytes.Lines(head) {
			if e, problem := p.Parse(bytes.TrimRight(line, "\r\n")); problem == "" && !yield(e) {
				return
			}
		}
	}
}

const (
	noTime    = "the line does not begin with a time, such as Jan 25 21:25:22 or 2026-01-25T21:25:22+01:00"
	noJournal = "the line is not an entry of journalctl -o json"
)

// Parse parses a line, or says what is wrong with it.
func (p *Parser) Parse(line []byte) (e Entry, problem string) {
	inner, at := Unwrap(line)
	e, problem = p.parse(inner)
	if problem == "" || at == "" {
		return e, problem
	}
	written, ok := format.ParseTime(at, p.clock.loc)
	if !ok {
		return e, noTime
	}
	e.Time = int64(written) * 1000
	e.Program, e.Message = p.program(inner)
	return e, ""
}

func (p *Parser) parse(line []byte) (e Entry, problem string) {
	if len(line) == 0 {
		return e, noTime
	}
	if line[0] == '{' {
		return p.journal(line)
	}
	rest, versioned := priority(line)
	e.Time, rest = p.stamp(rest)
	if rest == nil {
		return e, noTime
	}
	if versioned {
		e.Host, e.Program, e.Message = p.structured(rest)
		return e, ""
	}
	e.Host, rest = p.host(rest)
	e.Program, e.Message = p.program(rest)
	return e, ""
}

// priority removes a priority such as "<22>", and the version after it in RFC 5424.
func priority(line []byte) (rest []byte, versioned bool) {
	if line[0] != '<' {
		return line, false
	}
	end := bytes.IndexByte(line[:min(len(line), 5)], '>')
	if end < 0 {
		return line, false
	}
	return bytes.CutPrefix(line[end+1:], []byte("1 "))
}

// host splits off the name of the host, which some logs omit.
func (p *Parser) host(text []byte) (host string, rest []byte) {
	name, rest, found := bytes.Cut(text, []byte(" "))
	if !found || bytes.HasSuffix(name, []byte(":")) || bytes.IndexByte(name, '[') > 0 {
		return "", text
	}
	if message := bytes.TrimLeft(rest, " "); len(message) < len(rest) {
		return "", message // the name is a severity, which logs of containers pad
	}
	return p.intern(name), rest
}

// program splits off the name and the process id of the program, which end with a colon, if there are any.
func (p *Parser) program(text []byte) (program string, message []byte) {
	end := bytes.IndexAny(text, "[: ")
	if end <= 0 || text[end] == ' ' {
		return "", text
	}
	name, rest := text[:end], text[end:]
	if rest[0] == '[' {
		id := bytes.IndexByte(rest, ']')
		if id < 0 {
			return "", text
		}
		rest = rest[id+1:]
	}
	rest, found := bytes.CutPrefix(rest, []byte(":"))
	if !found {
		return "", text
	}
	message = bytes.TrimLeft(rest, " ")
	if id, rest, ok := bytes.Cut(message, []byte("] ")); ok && bytes.HasPrefix(id, []byte("[ID ")) {
		message = rest // of Solaris, such as [ID 197553 mail.info]
	}
	return p.intern(name), message
}

// structured parses what follows the time in RFC 5424: host, program, process id, message id, structured data and the
// message.
func (p *Parser) structured(text []byte) (host, program string, message []byte) {
	var parts [4][]byte
	for i := range parts {
		parts[i], text, _ = bytes.Cut(text, []byte(" "))
	}
	for len(text) > 0 && text[0] == '[' {
		end := bytes.Index(text, []byte("] "))
		if inner := bytes.Index(text, []byte("][")); inner >= 0 && (end < 0 || inner < end) {
			end = inner
		}
		if end < 0 {
			return p.intern(parts[0]), p.intern(parts[1]), nil
		}
		text = text[end+1:]
	}
	text = bytes.TrimLeft(bytes.TrimPrefix(text, []byte("-")), " ")
	return p.intern(parts[0]), p.intern(parts[1]), bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
}

// maxNames limits the number of names that are shared.
const maxNames = 1 << 12

func (p *Parser) intern(name []byte) string {
	if s, ok := p.names[string(name)]; ok {
		return s
	}
	if len(p.names) >= maxNames {
		clear(p.names)
	}
	s := string(name)
	p.names[s] = s
	return s
}

// Unescape decodes the escapes by which rsyslog writes control characters and other bytes, such as #012. Control
// characters, such as the line breaks of replies, become spaces.
func Unescape(text []byte) []byte {
	if bytes.IndexByte(text, '#') < 0 && bytes.IndexFunc(text, control) < 0 {
		return text
	}
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c == '#' && i+3 < len(text) && octal(text[i+1], '3') && octal(text[i+2], '7') && octal(text[i+3], '7') {
			if b := (text[i+1]-'0')<<6 | (text[i+2]-'0')<<3 | (text[i+3] - '0'); b < ' ' || b >= 0x7f {
				c, i = b, i+3
			}
		}
		if control(rune(c)) {
			c = ' '
		}
		out = append(out, c)
	}
	return out
}

func octal(c, most byte) bool { return '0' <= c && c <= most }

func control(r rune) bool { return r < ' ' || r == 0x7f }
