// Package exim reads the main log of Exim, from its file or through syslog.
//
// Exim logs a message in several lines under its id: when it arrives (<=), when it is delivered to a recipient (=>, ->,
// >>), when a delivery is deferred (==) or fails (**), and at the end (Completed). The reader keeps unfinished
// messages, because only the first line has the sender and the time of arrival.
package exim

import (
	"bytes"
	"context"

	"deliverygraph/upstream/embedded/importer/format"
	"deliverygraph/upstream/embedded/importer/format/queue"
)

// Format is the main log of Exim.
var Format = format.Format{
	Name:      "exim",
	About:     "Exim main logs",
	Recognise: recognise,
	Begins:    begins,
	New:       func(o format.Options) format.Reader { return newReader(o, queue.MaxBytes) },
}

type reader struct {
	options format.Options
	*queue.Queue[struct{}]
}

type message = queue.Message[struct{}]

func newReader(o format.Options, memory int) *reader {
	r := &reader{options: o, Queue: queue.New[struct{}](memory)}
	r.Open = r.open
	return r
}

// Read reads a log.
func (r *reader) Read(ctx context.Context, f format.File, s format.Sink) error {
	p := newParser(f, r.options)
	return f.Lines(ctx, s, func(n int, line []byte) error {
		e, problem := p.parse(line)
		switch {
		case problem != "":
			return s.Bad(n, problem)
		case e.other:
			s.Skip(format.OtherProgram)
			return nil
		case e.id == nil:
			if bytes.Contains(e.text, []byte("rejected")) {
				s.Skip(queue.Refused)
			} else {
				s.Skip(queue.NoDelivery)
			}
			return nil
		}
		return r.entry(n, e, s)
	})
}

// entry reads a line about a message.
func (r *reader) entry(n int, e entry, s format.Sink) error {
	m := r.Find(e.host, e.id)
	flag, text, _ := bytes.Cut(e.text, []byte(" "))
	if string(flag) == "Completed" {
		if m == nil {
			return nil
		}
		err := r.Finish(n, m, s)
		r.Leave(m, e.time)
		return err
	}
	var read func(int, entry, *message, delivery, format.Sink) error
	switch string(flag) {
	case "<=":
	case "=>", "->", ">>":
		read = r.delivered
	case "**":
		read = r.failed
	case "==":
		read = r.deferred
	case "*>": // a delivery that was suppressed by an option for tests
		s.Skip(queue.Discarded)
		return nil
	default:
		s.Skip(queue.NoDelivery)
		return nil
	}
	if m == nil {
		m = r.Add(e.host, string(e.id), e.time)
	}
	var err error
	if read == nil {
		arrive(m, e, text)
	} else if d := parseDelivery(text); m.Notice {
		s.Skip(queue.NoticeMail)
	} else {
		if m.Sender == "" && len(d.sender) > 0 {
			m.Sender = string(d.sender)
		}
		err = read(n, e, m, d, s)
	}
	if err != nil {
		return err
	}
	return r.Queue.Read(n, m, s)
}

// nullSender is the sender of bounce messages and other notices. It is known, unlike an empty one.
const nullSender = "<>"

// arrive reads the line about the arrival of a message. Bounce messages refer to the message that bounced.
func arrive(m *message, e entry, text []byte) {
	sender, rest := cutAddress(text)
	if len(m.Recipients) == 0 && m.Gone == 0 {
		m.Arrived = e.time
	}
	m.Sender = string(sender)
	m.Notice = m.Notice || m.Sender == nullSender && field(rest, "R=") != nil
}

func (r *reader) delivered(n int, e entry, m *message, d delivery, s format.Sink) error {
	if !d.remote {
		s.Skip(queue.LocalDelivery)
		return nil
	}
	i, err := r.recipient(n, m, d, s)
	if i < 0 {
		return err
	}
	r.Settle(m, i)
	return s.Record(n, record(m, i, format.Delivered, e.time))
}

// deferred reads that a delivery will be tried again.
func (r *reader) deferred(n int, e entry, m *message, d delivery, s format.Sink) error {
	i, err := r.recipient(n, m, d, s)
	if i < 0 {
		return err
	}
	if m.Recipients[i].State == queue.Deferred && bytes.Contains(d.text, []byte("retry time not reached")) {
		s.Skip(queue.Deferral) // Exim did not try: the attempt before says what is wrong
		return nil
	}
	code, diagnostic := d.reason()
	if fault := r.Attempt(m, i, queue.Deferred, e.time, code, diagnostic); fault != "" {
		return s.Bad(n, fault)
	}
	s.Skip(queue.Deferral)
	return nil
}

// failed reads that a delivery has failed. If it was deferred for too long, the last deferral says why.
func (r *reader) failed(n int, e entry, m *message, d delivery, s format.Sink) error {
	i, err := r.recipient(n, m, d, s)
	if i < 0 {
		return err
	}
	rec := record(m, i, format.Bounced, e.time)
	rec.Code, rec.Diagnostic = d.reason()
	if d.expired() {
		rec.Expired = true
		if last := &m.Recipients[i]; last.State == queue.Deferred {
			rec.Code, rec.Diagnostic = last.Code, last.Text
		}
	}
	r.Settle(m, i)
	return s.Record(n, rec)
}

// recipient returns the index of the recipient of a delivery, or -1 if the delivery yields no record.
func (r *reader) recipient(n int, m *message, d delivery, s format.Sink) (int, error) {
	if !queue.HasDomain(string(d.to)) && !queue.HasDomain(string(d.original)) {
		return -1, s.Bad(n, "the line does not name the recipient's address")
	}
	i := r.Recipient(m, d.to, d.original)
	if m.Recipients[i].State == queue.Done {
		s.Skip(queue.Repetition)
		return -1, nil
	}
	return i, nil
}

// open passes on the recipients of a message without an outcome.
func (r *reader) open(n int, m *message, _ bool, s format.Sink) error {
	for i := range m.Recipients {
		rcpt := &m.Recipients[i]
		if rcpt.State != queue.Deferred || rcpt.Reported {
			continue
		}
		rcpt.Reported = true
		if err := s.Record(n, record(m, i, format.Accepted, rcpt.Time)); err != nil {
			return err
		}
	}
	return nil
}

// record returns the record of a recipient.
func record(m *message, i int, o format.Outcome, at int64) format.Record {
	rec := m.Record(i, o, at)
	if m.Sender == "" { // Exim tries to deliver a message for days
		rec.Earliest = max(1, rec.Processed-30*24*60*60)
	}
	return rec
}
