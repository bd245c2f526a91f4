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
	// Recipients are those that it is about, in its order. There is none if it does not say.
	Recipients []Recipient
	// Notice is the text that a person reads, without the message that is returned. It is
	// empty if the message is about several recipients, as it does not tell of which.
	Notice string
	// Refusal says why a mail is not a bounce message, such as "not a bounce message" or
	// "complaint report". It is empty if it is one.
	Refusal string

	// Line is where it begins in its file, from 1.
	Line int

	text     string // of the mail, up to mostMail bytes
	cut      int    // how many bytes more there were
	header   header // of the bounce message
	parties  map[string]bool
	original header // of the message that is returned

	reportingMTA   string
	queueID        string // of the returned message, by Postfix
	envelopeSender string
	arrival        upstream.Time // of the returned message
	lastAttempt    upstream.Time
}

// Recipient is what a bounce message says about one of its recipients.
type Recipient struct {
	Address    string // as the sender named it, if the report says so
	final      string // after aliases
	Action     string // failed, delayed, delivered, relayed or expanded (RFC 3464)
	Status     string // the enhanced status code; empty if there is none
	Diagnostic string // what the server said
}

// Code is the recipient's status code; if that says nothing, the one in the diagnostic.
func (r Recipient) Code() string {
	if r.Status == "" || strings.HasSuffix(r.Status, ".0.0") {
		if c := format.Code(r.Diagnostic); c != "" {
			return c
		}
	}
	return r.Status
}

// frame are the lines of MIME in a text that was not taken apart.
var frame = regexp.MustCompile(
	`(?m)^(?:--[^\s-]\S{2,}|Content-[A-Za-z-]+:.*|This is a MIME-encapsulated message\.?)[ \t]*$`)

// Parse reads a mail of any kind: a damaged one as far as possible, and for one that is not
// a bounce message it gives the reason in Refusal. If a mail only passes a bounce message
// on, Parse returns what that one says.
func Parse(mail string) *Message { return parse(normalise(mail), true) }

func parse(mail string, outermost bool) *Message {
	h, body := readHeader(mail)
	m := &Message{header: h}
	p := parts{kinds: map[string]bool{}}
	p.take(h, body, 0)

	text := p.notice
	if strings.TrimSpace(text) == "" {
		text = plain(p.markup)
	}
	text = clip(text, mostText)
	notice, report, original := valid(text), p.status, p.original
	if report == "" || original == "" {
		var reportThere, originalThere string
		notice, reportThere, originalThere = cutNotice(notice)
		report, original = cmp.Or(report, reportThere), cmp.Or(original, originalThere)
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
	if len(m.Recipients) > 1 {
		m.Notice = ""
	}
	return m
}

// Notice returns the text that a person reads in a bounce message, for [Message].
func Notice(mail string) string { return Parse(mail).Notice }
