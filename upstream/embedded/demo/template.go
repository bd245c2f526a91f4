package demo

import "strings"

// template is a parsed text with fields in braces. It alternates literals and fields,
// beginning and ending with a literal, so that filling it in is only copying.
type template struct {
	literals []string
	fields   []field
}

// field is a place in a template.
type field uint8

const (
	fRecipient field = iota
	fDomain
	fMX
	fIP
	fSender
	fSenderHost
	fMTA
	fMTAIP
	fVerp
	fQueue
	fBoundary
	fBounced
	fSent
	fCode
	fDiagnostic
	fAnswer
	fMessageID
	fSubject
	fXHeaders
	nFields
)

var fieldNames = map[string]field{
	"recipient": fRecipient, "domain": fDomain, "mx": fMX, "ip": fIP, "sender": fSender, "senderhost": fSenderHost,
	"mta": fMTA, "mtaip": fMTAIP, "verp": fVerp, "queue": fQueue, "boundary": fBoundary,
	"bounced": fBounced, "sent": fSent, "code": fCode, "diagnostic": fDiagnostic, "answer": fAnswer,
	"id": fMessageID, "subject": fSubject, "xheaders": fXHeaders,
}

// values are the values of a template's fields.
type values [nFields]string

// parse parses a template. It panics if a field is unknown.
func parse(text string) template {
	var t template
	for {
		before, rest, more := strings.Cut(text, "{")
		t.literals = append(t.literals, before)
		if !more {
			return t
		}
		name, after, closed := strings.Cut(rest, "}")
		f, known := fieldNames[name]
		if !closed || !known {
			panic("demo: no field {" + name + "}")
		}
		t.fields = append(t.fields, f)
		text = after
	}
}

// append appends the template, filled in with v, to b.
func (t template) append(b []byte, v *values) []byte {
	for i, f := range t.fields {
		b = append(b, t.literals[i]...)
		b = append(b, v[f]...)
	}
	return append(b, t.literals[len(t.fields)]...)
}
