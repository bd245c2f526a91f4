package dsn

import (
	"cmp"
	"regexp"
	"strings"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/importer/format"
)

// Message is what a bounce message says.
type Message struct {
	// Recipients are the recipients that the message reports, in its order.
	Recipients []Recipient
	// Notice is the text for people, without the returned message. It is empty if there are
	// several recipients, because it is unknown which of them it is about.
	Notice string
	// Refusal is why the mail is not a bounce message, such as "automatic reply". It is
	// empty if it is one.
	Refusal string

	// Line is the line of the file, from 1, where the message begins.
	Line int

	text     string // the mail, up to mostMail bytes
	cut      int    // how many bytes of it are missing
	header   header // of the bounce message
	parties  map[string]bool
	original header // of the returned message
	to       *addressees
	more     bool // recipients than are read

	reportingMTA   string
	queueID        string // Postfix's id of the returned message
	envelopeSender string
	arrival        upstream.Time // of the returned message
	lastAttempt    upstream.Time
}

// Recipient is what a bounce message says about a recipient.
type Recipient struct {
	Address    string // as the sender wrote it, if the report has that
	final      string // after alias expansion
	Action     string // failed, delayed, delivered, relayed or expanded (RFC 3464)
	Status     string // the enhanced status code; empty if there is none
	Diagnostic string // what the server said
	// Expired is set if Postfix gave up after temporary failures. Reports of other servers do not say so reliably.
	Expired bool
}

// Code returns the recipient's status code, or the one in the diagnostic if the status is
// missing or ends in .0.0.
func (r Recipient) Code() string {
	if r.Status == "" || strings.HasSuffix(r.Status, ".0.0") {
		if c := format.Code(r.Diagnostic); c != "" {
			return c
		}
	}
	return r.Status
}

// frame matches the lines of MIME in a text that could not be parsed as MIME.
var frame = regexp.MustCompile(
	`(?m)^(?:--[^\s-]\S{2,}|Content-[A-Za-z-]+:.*|This is a MIME-encapsulated message\.?)[ \t]*$`)

// Parse parses any mail, even a damaged one. If it is not a bounce message, Refusal says
// why. If it only passes on another bounce message, Parse returns that one.
func Parse(mail string) *Message { return parse(normalise(mail), true) }

func parse(mail string, outermost bool) *Message {
	h, body := readHeader(mail)
	m := &Message{header: h}
	p := parts{kinds: map[string]bool{}}
	p.take(h, body, 0)

	text := p.notice
	if strings.TrimSpace(text) == "" {
		text = plain(clip(p.markup, mostMarkup))
	}
	text = clip(text, mostText)
	notice, report, original := valid(text), p.status, p.original
	if report == "" || original == "" {
		var foundReport, foundOriginal string
		notice, foundReport, foundOriginal = cutNotice(notice)
		report, original = cmp.Or(report, foundReport), cmp.Or(original, foundOriginal)
	}
	m.Notice = strings.TrimSpace(frame.ReplaceAllLiteralString(notice, ""))
	original = normalise(original)
	m.original, _ = readHeader(original)
	m.apply(groups(report))
	mentions := m.mentions(strings.Split(m.Notice, "\n"))
	if outermost && len(m.Recipients) == 0 && len(mentions) == 0 && m.original.isBounce() {
		if inner := parse(original, false); inner.Refusal == "" && len(inner.Recipients) > 0 {
			return inner
		}
	}
	m.Refusal = m.refuse(p.kinds)
	m.readNotice(mentions)
	for i := range m.Recipients {
		r := &m.Recipients[i]
		r.Expired = m.queueID != "" && r.Action == "failed" && strings.HasPrefix(r.Status, "4")
	}
	if len(m.Recipients) > 1 {
		m.Notice = ""
	}
	return m
}

// Notice returns the Notice of a bounce message, see [Message].
func Notice(mail string) string { return Parse(mail).Notice }
