package postfix

import (
	"bytes"
	"strconv"
	"time"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/importer/format"
	"deliverygraph/upstream/embedded/importer/format/queue"
	"deliverygraph/upstream/embedded/importer/format/syslog"
)

// attempt is a line about a delivery attempt, split into its parts.
type attempt struct {
	to, original, relay, code, status, text []byte
	delay                                   int64 // since the arrival of the message, in milliseconds
}

// near is the maximum difference, in milliseconds, of times that belong together. Lines have whole seconds, and delays
// are rounded.
const near = 3000

// sameMessage is the maximum difference, in milliseconds, of times of arrival that are computed from lines about the
// same message. At the beginning and the end of summer time they differ by an hour if the time zone of the log is
// unknown.
const sameMessage = 2 * 60 * 60 * 1000

func about(a, b, most int64) bool { return a-b <= most && b-a <= most }

// deliver reads a line about a delivery. m is nil if the message is not in the queue.
func (r *reader) deliver(n int, e syslog.Entry, svc service, id []byte, m *message, text []byte, s format.Sink) error {
	a, ok := parseAttempt(text)
	if !ok {
		return s.Bad(n, "the line about a delivery cannot be read: it must have to=, relay=, delay=, dsn= and status=")
	}
	arrived := e.Time - a.delay
	if arrived < 1000 {
		return s.Bad(n, "the delay is longer than there has been mail")
	}
	m, err := r.current(n, e, id, m, m != nil && m.X.Exact && !about(arrived, m.Arrived, sameMessage), s)
	if err != nil {
		return err
	}
	// Without a line about the arrival, the queue manager may have activated the message before.
	if !m.X.Exact && (!m.X.Queued || !about(arrived, m.Arrived, near)) {
		m.Arrived = arrived
	}
	m.X.Exact, m.X.Queued = true, true
	if err := r.outcome(n, e, svc, m, a, s); err != nil {
		return err
	}
	return r.Queue.Read(n, m, s)
}

// outcome decides what a delivery means.
func (r *reader) outcome(n int, e syslog.Entry, svc service, m *message, a attempt, s format.Sink) error {
	if m.Notice {
		s.Skip(queue.NoticeMail)
		return nil
	}
	if !queue.HasDomain(string(a.to)) && !queue.HasDomain(string(a.original)) {
		if svc == local {
			s.Skip(queue.LocalDelivery)
			return nil
		}
		return s.Bad(n, "the recipient "+strconv.Quote(format.Clip(string(a.to)))+" is not an address")
	}
	i := r.Recipient(m, a.to, a.original)
	rcpt := &m.Recipients[i]
	if rcpt.State == queue.Done {
		s.Skip(queue.Repetition)
		return nil
	}
	if string(a.status) == "sent" {
		return r.sent(n, e, svc, m, i, a, s)
	}
	status, text := format.Code(string(a.code)), diagnostic(a.text)
	switch string(a.status) {
	case "bounced":
		r.Settle(m, i)
		return s.Record(n, bounced(r.record(m, i, format.Bounced, e.Time), status, text))
	case "expired", "force-expired":
		r.Settle(m, i)
		return s.Record(n, expired(r.record(m, i, format.Bounced, e.Time), status, text))
	case "deferred", "SOFTBOUNCE":
		if fault := r.Attempt(m, i, queue.Deferred, e.Time, status, text); fault != "" {
			return s.Bad(n, fault)
		}
		s.Skip(queue.Deferral)
	case "deliverable", "undeliverable":
		m.Notice = true
		s.Skip(probe)
	default:
		s.Skip(unknownStatus)
	}
	return nil
}

// sent decides what a successful delivery means.
func (r *reader) sent(n int, e syslog.Entry, svc service, m *message, i int, a attempt, s format.Sink) error {
	next := queuedAs(a.text)
	switch {
	case next != "" && r.Has(next):
		r.Settle(m, i)
		s.Skip(filtered)
	case svc == discarder:
		r.Settle(m, i)
		s.Skip(queue.Discarded)
	case svc == local, bytes.Contains(a.relay, []byte("[private/")):
		r.Settle(m, i)
		s.Skip(queue.LocalDelivery)
	case next != "" && loopback(a.relay):
		// The filter's lines may come later.
		if fault := r.Attempt(m, i, queue.Handed, e.Time, "", next); fault != "" {
			return s.Bad(n, fault)
		}
	default:
		r.Settle(m, i)
		return s.Record(n, r.record(m, i, format.Delivered, e.Time))
	}
	return nil
}

// expire reads that a message has expired: it bounces for the recipients that were deferred.
func (r *reader) expire(n int, e syslog.Entry, m *message, sender []byte, s format.Sink) error {
	if m == nil {
		s.Skip(noRecipients)
		return nil
	}
	if taken(m, sender, []byte(m.X.Size)); m.Notice {
		s.Skip(queue.NoticeMail)
		return r.Queue.Read(n, m, s)
	}
	for i := range m.Recipients {
		rcpt := &m.Recipients[i]
		if rcpt.State != queue.Deferred {
			continue
		}
		status, text := rcpt.Code, rcpt.Text
		r.Settle(m, i)
		if err := s.Record(n, expired(r.record(m, i, format.Bounced, e.Time), status, text)); err != nil {
			return err
		}
	}
	return r.Queue.Read(n, m, s)
}

// open passes on the recipients of a message without an outcome. A message that was handed to the same
// machine counts as delivered, unless the machine forwards it. Before the end of the message or the log,
// open waits a minute for lines about that.
func (r *reader) open(n int, m *message, end bool, s format.Sink) error {
	for i := range m.Recipients {
		rcpt := &m.Recipients[i]
		outcome := format.Accepted
		switch {
		case m.Notice, rcpt.State == queue.Deferred && rcpt.Reported:
			continue
		case rcpt.State == queue.Deferred:
			rcpt.Reported = true
		case rcpt.State == queue.Handed && r.Has(rcpt.Text):
			r.Settle(m, i)
			s.Skip(filtered)
			continue
		case rcpt.State == queue.Handed && (end || !r.Recent(rcpt.Time)):
			outcome = format.Delivered
		default:
			continue
		}
		at := rcpt.Time
		if outcome == format.Delivered {
			r.Settle(m, i)
		}
		if err := s.Record(n, r.record(m, i, outcome, at)); err != nil {
			return err
		}
	}
	return nil
}

// record returns the record of a recipient.
func (r *reader) record(m *message, i int, o format.Outcome, at int64) format.Record {
	rec := m.Record(i, o, at)
	if m.X.Size == "" && m.Sender == "" {
		rec.Earliest = upstream.Time((m.Arrived - near) / 1000)
	}
	return rec
}

func bounced(r format.Record, code, diagnostic string) format.Record {
	r.Code, r.Diagnostic = code, diagnostic
	return r
}

func expired(r format.Record, code, diagnostic string) format.Record {
	r.Expired = true
	return bounced(r, code, diagnostic)
}

// parseAttempt cuts the text of a line such as
// "to=<a@example.com>, orig_to=<b@example.com>, relay=mx[192.0.2.1]:25, delay=1.9, delays=0.05/0/1.1/0.71, dsn=2.0.0,
// status=sent (250 ok)".
func parseAttempt(text []byte) (a attempt, ok bool) {
	recipient, rest, ok := bytes.Cut(text[len("to="):], []byte(", relay="))
	if !ok {
		return a, false
	}
	to, original, _ := bytes.Cut(recipient, []byte(", orig_to="))
	a.to, a.original = unbracket(to), unbracket(original)
	status := bytes.Index(rest, []byte(", status="))
	if status < 0 {
		return a, false
	}
	fields, rest := rest[:status], rest[status+len(", status="):]
	a.relay, fields, _ = bytes.Cut(fields, []byte(", "))
	a.code = field(fields, "dsn=")
	if text := field(fields, "delay="); text != nil {
		delay, err := time.ParseDuration(string(text) + "s")
		if err != nil || delay < 0 {
			return a, false
		}
		a.delay = delay.Milliseconds()
	}
	a.status, a.text, _ = bytes.Cut(rest, []byte(" "))
	a.status = bytes.TrimSuffix(a.status, []byte(","))
	a.text = bytes.TrimPrefix(a.text, []byte("("))
	a.text = bytes.TrimSuffix(a.text, []byte(")")) // syslog may have cut it off
	return a, len(a.status) > 0
}

// field returns the value of a field such as "size=" among others.
func field(fields []byte, name string) []byte {
	for part := range bytes.SplitSeq(fields, []byte(", ")) {
		if value, ok := bytes.CutPrefix(part, []byte(name)); ok {
			value, _, _ = bytes.Cut(value, []byte(" "))
			return value
		}
	}
	return nil
}

// cutSender cuts "a@example.com>, size=1" at the end of the address.
func cutSender(text []byte) (sender, rest []byte) {
	if end := bytes.Index(text, []byte(">, ")); end >= 0 {
		return text[:end], text[end+len(">, "):]
	}
	return bytes.TrimSuffix(text, []byte(">")), nil
}

func unbracket(address []byte) []byte {
	if len(address) >= 2 && address[0] == '<' && address[len(address)-1] == '>' {
		return address[1 : len(address)-1]
	}
	return address
}

// isDoubleBounce reports whether a sender is the one that Postfix uses for notices about notices and for probes of
// addresses.
func isDoubleBounce(sender []byte) bool { return bytes.HasPrefix(sender, []byte("double-bounce@")) }

// loopback reports whether a relay is on this machine.
func loopback(relay []byte) bool {
	return bytes.Contains(relay, []byte("[127.")) || bytes.Contains(relay, []byte("[::1]"))
}

// queuedAs returns the queue id that a server reports in its reply, if the server is Postfix.
func queuedAs(text []byte) string {
	i := bytes.LastIndex(text, []byte("queued as "))
	if i < 0 {
		return ""
	}
	id, _, _ := bytes.Cut(text[i+len("queued as "):], []byte(" "))
	id = bytes.TrimRight(id, ").")
	if _, _, ok := queueID(append(append([]byte{}, id...), ": "...)); !ok {
		return ""
	}
	return string(id)
}

// diagnostic returns what a server replied, in the form of a Diagnostic-Code field, or else
// what Postfix says itself.
func diagnostic(text []byte) string {
	text = bytes.TrimSpace(syslog.Unescape(text))
	if !bytes.HasPrefix(text, []byte("host ")) && !bytes.Contains(text, []byte(": host ")) {
		return string(text)
	}
	for _, says := range []string{" said: ", " refused to talk to me: "} {
		if _, reply, ok := bytes.Cut(text, []byte(says)); ok {
			if end := bytes.LastIndex(reply, []byte(" (in reply to ")); end >= 0 {
				reply = reply[:end]
			}
			return "smtp;" + string(bytes.TrimSpace(reply))
		}
	}
	return string(text)
}
