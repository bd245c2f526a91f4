package dsn

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"iter"
	"strings"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/importer/format"
)

// Format reads bounce mails.
var Format = format.Format{
	Name:      "dsn",
	About:     "bounce mails: delivery reports (RFC 3464) and others, as single mails, of a Maildir, or in an mbox",
	Recognise: recognise,
	New:       func(format.Options) format.Reader { return reader{} },
	Whole:     true,
}

// recognise looks for the header of a mail, behind the line of an mbox if there is one.
func recognise(head []byte) bool {
	head = bytes.TrimLeft(head, "\r\n")
	if bytes.HasPrefix(head, []byte("From ")) && !bytes.HasPrefix(head, []byte("From:")) {
		line, _, _ := bytes.Cut(head, []byte("\n"))
		return fromLine.Match(line)
	}
	h, _ := readHeader(normalise(string(head[:min(len(head), 32<<10)])))
	known := 0
	for _, name := range []string{
		"From", "To", "Subject", "Date", "Received",
		"Message-ID", "Return-Path", "MIME-Version", "Content-Type", "Delivered-To",
	} {
		if h.get(name) != "" {
			known++
		}
	}
	return known >= 3
}

// reader reads mails. It keeps nothing from one to the next.
type reader struct{}

// Read reads a mail or an mbox.
func (reader) Read(ctx context.Context, f format.File, s format.Sink) error {
	for m, err := range All(f.Reader) {
		if err := cmp.Or(ctx.Err(), err); err != nil {
			return err
		}
		if err := m.hand(s); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// All returns the messages of a file: of an mbox, or of one mail. An error ends it.
func All(r *bufio.Reader) iter.Seq2[*Message, error] {
	return func(yield func(*Message, error) bool) {
		box := mailbox{r: r}
		for {
			mail, line, cut, err := box.next()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if strings.TrimSpace(mail) == "" {
				continue
			}
			m := Parse(mail)
			m.Line, m.text, m.cut = line, mail, cut
			if !yield(m, nil) {
				return
			}
		}
	}
}

// hand hands over what a mail says about each of its recipients.
func (m *Message) hand(s format.Sink) error {
	if m.Refusal != "" {
		s.Skip(m.Refusal)
		return nil
	}
	bounced, processed := m.times()
	switch {
	case len(m.Recipients) == 0:
		return s.Bad(m.Line, "the bounce message names no recipient")
	case bounced == 0:
		return s.Bad(m.Line, "the bounce message has no date")
	}
	ids := m.emailIDs(bounced)
	headers := m.customHeaders()
	// Many recipients share one message, and each row has it whole: together they take
	// no more than two of the largest messages do.
	most := min(mostMail, 2*mostMail/len(m.Recipients))
	for i, r := range m.Recipients {
		switch r.Action {
		case "delayed":
			s.Skip("delay notice")
			continue
		case "delivered", "relayed", "expanded":
			s.Skip("delivery receipt")
			continue
		}
		recipient := m.complete(r.Address)
		if _, _, ok := split(recipient); !ok {
			if err := s.Bad(m.Line, "the bounce message's recipient "+r.Address+" has no domain"); err != nil {
				return err
			}
			continue
		}
		rec := format.Record{
			Outcome:    format.Bounced,
			Sender:     m.sender(),
			EmailID:    ids[i],
			Recipient:  recipient,
			Processed:  processed,
			Time:       bounced,
			Code:       r.Code(),
			Diagnostic: r.Diagnostic,
			Content:    shorten(m.text, most, m.cut),
			Headers:    headers,
		}
		if m.logged() { // clocks and the rounding of times differ
			rec.Earliest = processed - 3
		}
		if err := s.Record(m.Line, rec); err != nil {
			return err
		}
	}
	return nil
}

// mostHeaders bounds the custom headers of a message, and mostHeader the bytes of one.
const (
	mostHeaders = 50
	mostHeader  = 1000
)

// customHeaders are the X- headers of the message that came back.
func (m *Message) customHeaders() (headers []upstream.Header) {
	for _, f := range m.original {
		if format.CustomHeader(f.name) && len(headers) < mostHeaders {
			headers = append(headers, upstream.Header{Name: f.name, Value: clip(decodeWords(f.value), mostHeader)})
		}
	}
	return headers
}
