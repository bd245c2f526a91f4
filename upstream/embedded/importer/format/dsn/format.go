package dsn

import (
	"bytes"
	"context"
	"errors"
	"io"
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

func (reader) Close(format.Sink) error { return nil }

// Read reads a mail or an mbox.
func (reader) Read(ctx context.Context, f format.File, s format.Sink) error {
	box := mailbox{r: f.Reader}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		mail, line, cut, err := box.next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case strings.TrimSpace(mail) == "":
			continue
		}
		if err := hand(Parse(mail), mail, line, cut, s); err != nil {
			return err
		}
	}
}

// hand hands over what a mail says about each of its recipients.
func hand(m *Message, mail string, line, cut int, s format.Sink) error {
	if m.Refusal != "" {
		s.Skip(m.Refusal)
		return nil
	}
	bounced, processed := m.times()
	switch {
	case len(m.Recipients) == 0:
		return s.Bad(line, "the bounce message names no recipient")
	case bounced == 0:
		return s.Bad(line, "the bounce message has no date")
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
			if err := s.Bad(line, "the bounce message's recipient "+r.Address+" has no domain"); err != nil {
				return err
			}
			continue
		}
		if err := s.Record(line, format.Record{
			Outcome:    format.Bounced,
			Sender:     m.sender(),
			EmailID:    ids[i],
			Recipient:  recipient,
			Processed:  processed,
			Time:       bounced,
			Code:       r.Code(),
			Diagnostic: r.Diagnostic,
			Content:    shorten(mail, most, cut),
			Headers:    headers,
		}); err != nil {
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
