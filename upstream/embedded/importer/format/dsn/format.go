package dsn

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"unicode/utf8"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/importer/format"
)

// Format reads bounce mails.
var Format = format.Format{
	Name:      "dsn",
	About:     "bounce mails: delivery reports (RFC 3464) and others, as single mails, as in a Maildir, or as an mbox",
	Recognise: recognise,
	New:       func(format.Options) format.Reader { return reader{} },
	Whole:     true,
}

// recognise reports whether head is the beginning of a mail or an mbox.
func recognise(head []byte) bool {
	head = bytes.TrimLeft(head, "\ufeff \t\r\n")
	if bytes.HasPrefix(head, []byte("From ")) {
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

// reader reads mails. It has no state.
type reader struct{}

// Read reads a mail or an mbox.
func (reader) Read(ctx context.Context, f format.File, s format.Sink) error {
	for m, err := range All(f.Reader) {
		if err := cmp.Or(ctx.Err(), err); err != nil {
			return err
		}
		if err := m.send(s); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// All returns the messages of a file, which is an mbox or a single mail. It ends after an
// error.
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

// send sends the sink a record for each recipient of the message.
func (m *Message) send(s format.Sink) error {
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
	if m.more {
		reason := fmt.Sprintf("the bounce message names more than %d recipients: the others are not imported",
			mostRecipients)
		if err := s.Bad(m.Line, reason); err != nil {
			return err
		}
	}
	notice := m.Notice
	if !utf8.ValidString(m.text) { // read what is stored, so that reclassifying gives the same
		notice = Notice(strings.ToValidUTF8(m.text, "\ufffd"))
	}
	ids, sender, headers := m.emailIDs(bounced), m.sender(), m.customHeaders()
	// Each recipient's row has a copy of the message. The copies together are limited to
	// twice the size of the largest message.
	most := min(mostMail, 2*mostMail/len(m.Recipients))
	reported := map[[2]string]bool{} // by the addresses before and after alias expansion
	finals := map[string]int{}       // how many addresses another one has after alias expansion
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
		key := strings.ToLower(recipient)
		final := [2]string{key, strings.ToLower(r.final)}
		if reported[final] {
			s.Skip("repeated recipient")
			continue
		}
		reported[final] = true
		if finals[key]++; finals[key] > mostFinals {
			if finals[key] == mostFinals+1 {
				reason := fmt.Sprintf("the bounce message names more than %d final recipients of %s: "+
					"the others are not imported", mostFinals, recipient)
				if err := s.Bad(m.Line, reason); err != nil {
					return err
				}
			}
			continue
		}
		rec := format.Record{
			Outcome:    format.Bounced,
			Sender:     sender,
			EmailID:    ids[i],
			Recipient:  recipient,
			Processed:  processed,
			Time:       bounced,
			Code:       r.Code(),
			Diagnostic: r.Diagnostic,
			Expired:    r.Expired,
			Content:    shorten(m.text, most, m.cut),
			Notice:     notice,
			Headers:    headers,
		}
		if m.logged() { // clocks differ, and so does rounding
			rec.Earliest = processed - 3
		}
		if err := s.Record(m.Line, rec); err != nil {
			return err
		}
	}
	return nil
}

// mostHeaders limits the custom headers of a message, and mostHeader the bytes of each. The
// copies in the rows of all recipients together are limited like those of the message.
const (
	mostHeaders = 50
	mostHeader  = 1000
)

// customHeaders returns the X- headers of the returned message.
func (m *Message) customHeaders() (headers []upstream.Header) {
	room := 2 * mostMail / len(m.Recipients)
	for _, f := range m.original {
		if !upstream.IsHeaderName(f.name) || len(headers) == mostHeaders {
			continue
		}
		h := upstream.Header{Name: f.name, Value: clip(decodeWords(f.value), mostHeader)}
		if room -= len(h.Name) + len(h.Value); room < 0 {
			break
		}
		headers = append(headers, h)
	}
	return headers
}
