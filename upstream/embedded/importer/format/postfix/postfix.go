// Package postfix reads the mail logs of Postfix.
//
// Postfix logs a message in several lines under its queue id, mixed with those of other messages: when it accepts the
// message (smtpd or pickup, cleanup), when the queue manager activates it ("from=<…>"), for each recipient and attempt
// ("to=<…>, … status=…"), and at the end ("removed"). The reader keeps unfinished messages, because only the first
// lines have the sender and the time of arrival.
//
// A deferral is not a bounce. If a message expires in the queue, it bounces for the recipients that were deferred. The
// reader skips mail that is delivered on the same machine, which is not outgoing mail; notices that Postfix sends
// itself; and deliveries to a content filter, which returns the message under another queue id.
package postfix

import (
	"bytes"
	"context"
	"regexp"
	"strings"

	"deliverygraph/upstream/embedded/importer/format"
	"deliverygraph/upstream/embedded/importer/format/queue"
	"deliverygraph/upstream/embedded/importer/format/syslog"
)

// mailPrograms matches the names of programs that may write the first lines of a log of Postfix.
var mailPrograms = regexp.MustCompile(`(?i)postfix|/(qmgr|cleanup|lmtp|pickup)$|mail|smtp|imap|pop3|dovecot|` +
	`milter|dkim|dmarc|spam|amavis|clam|postgrey|postsrs|policyd|sasl`)

// Format is the mail log of Postfix.
var Format = format.Format{
	Name:  "postfix",
	About: "Postfix mail logs: syslog, RFC 3339, journalctl -o json",
	Recognise: func(head []byte) bool {
		for e := range syslog.Entries(head) {
			if mailPrograms.MatchString(e.Program) {
				return true
			}
		}
		return false
	},
	Begins: syslog.Begins,
	New:    func(o format.Options) format.Reader { return newReader(o, queue.MaxBytes) },
}

// The reasons for skipping lines that only Postfix has.
const (
	filtered      = "delivery to a content filter"
	probe         = "address probe"
	unknownStatus = "unknown status"
	noRecipients  = "expiry of a message whose recipients the log does not name"
)

type reader struct {
	options format.Options
	*queue.Queue[life]
	services map[string]service // by the program's name
}

type message = queue.Message[life]

// life is what only Postfix logs about a message.
type life struct {
	Exact  bool   // the time of arrival is known, not only when the queue manager activated it
	Queued bool   // there was a line of the queue manager or of a delivery agent
	Given  bool   // there was a line about the client or local program that sent it
	Size   string // in bytes; empty if the line that names the sender was not read
}

func newReader(o format.Options, memory int) *reader {
	r := &reader{options: o, Queue: queue.New[life](memory), services: map[string]service{}}
	r.Open = r.open
	return r
}

// Read reads a log.
func (r *reader) Read(ctx context.Context, f format.File, s format.Sink) error {
	p := syslog.New(f, r.options)
	return f.Lines(ctx, s, func(n int, line []byte) error {
		e, problem := p.Parse(line)
		if problem != "" {
			return s.Bad(n, problem)
		}
		return r.entry(n, e, s)
	})
}

// entry reads a line.
func (r *reader) entry(n int, e syslog.Entry, s format.Sink) error {
	svc := r.service(e.Program)
	switch {
	case bytes.HasPrefix(e.Message, []byte("last message repeated")), bytes.HasPrefix(e.Message,
		[]byte("message repeated")):
		s.Skip(queue.Repetition) // lines about deliveries differ from one another
		return nil
	case svc == other:
		s.Skip(format.OtherProgram)
		return nil
	}
	id, text, ok := queueID(e.Message)
	if !ok {
		if bytes.HasPrefix(text, []byte("NOQUEUE: ")) {
			s.Skip(queue.Refused)
		} else {
			s.Skip(queue.NoDelivery)
		}
		return nil
	}
	return r.message(n, e, svc, id, text, s)
}

// message reads a line about a message with a queue id.
func (r *reader) message(n int, e syslog.Entry, svc service, id, text []byte, s format.Sink) error {
	m := r.Find(e.Host, id)
	has := func(prefix string) bool { return bytes.HasPrefix(text, []byte(prefix)) }
	switch {
	case has("to="):
		return r.deliver(n, e, svc, id, m, text, s)
	case has("from=<"):
		return r.manage(n, e, id, m, text[len("from=<"):], s)
	case has("client="), has("uid="), has("message-id="), has("resent-message-id="):
		return r.arrive(n, e, id, m, has("client=") || has("uid="), s)
	case m == nil:
		s.Skip(queue.NoDelivery)
	case has("removed"):
		err := r.Finish(n, m, s)
		r.Leave(m, e.Time)
		return err
	case has("requeued"): // under another id
		r.Drop(m)
	case svc == cleanup && (has("milter-reject:") || has("reject:") || has("milter-discard:") || has("discard:")):
		r.Drop(m)
		s.Skip(queue.Refused)
	case svc == bouncer && bytes.Contains(text, []byte("notification: ")):
		id := text[bytes.LastIndexByte(text, ' ')+1:]
		if sent := r.Find(e.Host, id); sent != nil {
			sent.Notice = true
			r.Touch(sent)
		}
		s.Skip(queue.NoDelivery)
	default:
		s.Skip(queue.NoDelivery)
	}
	return nil
}

// arrive reads a line about the arrival of a message: Postfix writes one when it creates the queue file, and another
// when it reads the header, which may be much later.
func (r *reader) arrive(n int, e syslog.Entry, id []byte, m *message, made bool, s format.Sink) error {
	m, err := r.current(n, e, id, m, m != nil && m.X.Queued && !about(e.Time, m.Arrived, near), s)
	if err != nil {
		return err
	}
	if made && !m.X.Queued {
		m.Arrived = e.Time
	}
	m.X.Exact, m.X.Given = true, m.X.Given || made
	return r.Queue.Read(n, m, s)
}

// manage reads a line of the queue manager, which activates a message, perhaps once more, or expires it.
func (r *reader) manage(n int, e syslog.Entry, id []byte, m *message, text []byte, s format.Sink) error {
	sender, rest := cutSender(text)
	if bytes.Contains(rest, []byte("expired, returned to sender")) {
		return r.expire(n, e, m, sender, s)
	}
	size := field(rest, "size=")
	m, err := r.current(n, e, id, m, m != nil && (m.Gone > 0 && e.Time-m.Gone > near ||
		m.X.Queued && m.X.Size != "" && (!sameSender(m, sender) || m.X.Size != string(size))), s)
	if err != nil {
		return err
	}
	taken(m, sender, size)
	return r.Queue.Read(n, m, s)
}

// taken notes that the queue manager has activated a message.
func taken(m *message, sender, size []byte) {
	m.X.Queued = true
	m.Notice = m.Notice || !m.X.Given && (len(sender) == 0 || isDoubleBounce(sender))
	if !sameSender(m, sender) {
		m.Sender = strings.ToValidUTF8(string(sender), "\ufffd")
	}
	if m.X.Size != string(size) {
		m.X.Size = string(size)
	}
}

func sameSender(m *message, sender []byte) bool {
	return m.Sender == string(sender) || m.Sender == strings.ToValidUTF8(string(sender), "\ufffd")
}

// current returns the message that a line is about. That is a new one if m is nil or past. A message is past if its
// queue id has been reused, so that the line about its end must be missing.
func (r *reader) current(n int, e syslog.Entry, id []byte, m *message, past bool, s format.Sink) (*message, error) {
	if past {
		if err := r.Finish(n, m, s); err != nil {
			return nil, err
		}
		m = nil
	}
	if m == nil {
		m = r.Add(e.Host, string(id), e.Time)
	}
	return m, nil
}

// service is what a daemon of Postfix does.
type service uint8

const (
	other     service = iota // not of Postfix
	quiet                    // of no interest
	cleanup                  // writes messages to the queue
	bouncer                  // sends notices
	local                    // delivers on this machine
	discarder                // discards mail
	remote                   // delivers elsewhere, or fails to
)

var daemons = map[string]service{
	"smtpd": quiet, "pickup": quiet, "qmgr": quiet, "oqmgr": quiet, "nqmgr": quiet, "postsuper": quiet, "qmqpd": quiet,
	"cleanup": cleanup, "bounce": bouncer, "defer": bouncer, "trace": bouncer, "discard": discarder,
	"local": local, "virtual": local, "pipe": local, "lmtp": local,
	"smtp": remote, "relay": remote, "error": remote, "retry": remote,
}

// service returns what a program does. Postfix names its programs like postfix/smtp, those of further instances like
// postfix-out/smtp, and those of other services like postfix/submission/smtpd.
func (r *reader) service(program string) service {
	svc, known := r.services[program]
	if known {
		return svc
	}
	instance, daemon := program, program
	if slash := strings.LastIndexByte(program, '/'); slash > 0 {
		instance, daemon = program[:slash], program[slash+1:]
		svc = daemons[daemon]
	}
	if svc == other && strings.HasPrefix(instance, "postfix") {
		svc = quiet
	}
	if len(r.services) < 1<<12 {
		r.services[program] = svc
	}
	return svc
}

// consonants are the letters of long queue ids, which also have digits.
var consonants = []byte("BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz")

// queueID reads the queue id that a line about a message begins with. Short ids are
// hexadecimal. Long ones have at least ten digits and consonants.
func queueID(text []byte) (id, rest []byte, ok bool) {
	end := bytes.IndexByte(text[:min(len(text), 32)], ':')
	if end < 6 || end+2 > len(text) || text[end+1] != ' ' {
		return nil, text, false
	}
	id = text[:end]
	short, long, digits := true, len(id) >= 10, false
	for _, c := range id {
		isDigit := '0' <= c && c <= '9'
		digits = digits || isDigit
		short = short && (isDigit || 'A' <= c && c <= 'F')
		long = long && (isDigit || bytes.IndexByte(consonants, c) >= 0)
	}
	if !short && !(long && digits) {
		return nil, text, false
	}
	return id, text[end+2:], true
}
