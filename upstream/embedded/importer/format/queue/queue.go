// Package queue keeps what a mail log says about messages until they leave the server's queue, in
// bounded memory: the sender, the time of arrival, and the last attempt for each recipient without an
// outcome. The messages can be saved and loaded by the next import.
package queue

import (
	"container/list"
	"strings"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/importer/format"
)

// The reasons for which readers of mail logs skip lines.
const (
	NoDelivery    = "line about no delivery"
	Repetition    = "repeated line"
	Refused       = "mail refused on arrival"
	Deferral      = "deferral"
	LocalDelivery = "local delivery"
	NoticeMail    = "bounce message or other notice"
	Discarded     = "discarded mail"
)

// MaxBytes is the approximate memory limit for the messages of a queue.
const MaxBytes = 64 << 20

// Messages that have left the queue are remembered for a while, because lines may be slightly out of
// order.
const (
	maxGone      = 4096
	maxGoneBytes = 8 << 20
)

// Queue holds messages. X is the additional data of a format.
type Queue[X any] struct {
	// Open passes on the recipients of a message without an outcome, for line n. End says that the log has no more
	// lines about it.
	Open func(n int, m *Message[X], end bool, s format.Sink) error

	messages map[Key]*Message[X]
	hosts    map[string]bool
	present  messages[X]
	gone     messages[X]
	maxBytes int
	latest   int64    // the latest time that was read, in milliseconds since 1970
	removed  []string // the keys of saved messages that are no longer in the queue
}

// messages is a list of messages and their approximate size.
type messages[X any] struct {
	list  *list.List // of *Message; open messages are in the order of their last lines
	bytes int
}

// Key identifies a message. Different servers may use the same id.
type Key struct{ Host, ID string }

// Message is a message in the queue.
type Message[X any] struct {
	Key
	Arrived    int64 // when the server accepted it, in milliseconds since 1970
	Gone       int64 // when it left the queue, in milliseconds; 0 while it is there
	Notice     bool  // whether it is a bounce message or other notice of the server itself
	Sender     string
	Recipients []Recipient // in the order of the log
	X          X

	changed bool // since it was saved
	saved   bool
	places  map[Name]int // indexes in Recipients, if there are many
	element *list.Element
	bytes   int
}

// Recipient is one of a message's recipients.
type Recipient struct {
	Name
	State State
	// The last attempt, if there is no outcome yet.
	Time       int64 // in milliseconds since 1970
	Code, Text string
	Reported   bool `json:"-"` // whether it was passed on without an outcome
}

// Name identifies a recipient of a message. Several aliases may lead to one address.
type Name struct{ To, Original string }

// State is the state of the delivery to a recipient.
type State uint8

// The states.
const (
	Untried  State = iota
	Deferred       // it will be tried again
	Handed         // passed to what may be a content filter
	Done           // the outcome was passed on
)

// New returns a queue whose messages should take at most maxBytes of memory.
func New[X any](maxBytes int) *Queue[X] {
	return &Queue[X]{
		messages: map[Key]*Message[X]{}, hosts: map[string]bool{}, maxBytes: maxBytes,
		present: messages[X]{list: list.New()}, gone: messages[X]{list: list.New()},
	}
}

// Find returns a message that is in the queue or has recently left it, or nil.
func (q *Queue[X]) Find(host string, id []byte) *Message[X] { return q.messages[Key{host, string(id)}] }

// Has reports whether Find finds a message with the id on any host.
func (q *Queue[X]) Has(id string) bool {
	for host := range q.hosts {
		if q.messages[Key{host, id}] != nil {
			return true
		}
	}
	return false
}

// maxHosts limits the hosts that Has searches.
const maxHosts = 256

// The approximate sizes of a message and a recipient, without their texts.
const messageBytes, recipientBytes = 500, 200

// Add adds a message. There must be none with its host and id.
func (q *Queue[X]) Add(host, id string, arrived int64) *Message[X] {
	m := &Message[X]{Key: Key{host, id}, Arrived: arrived, bytes: messageBytes, changed: true}
	q.latest = max(q.latest, arrived)
	q.enter(m)
	return m
}

func (q *Queue[X]) enter(m *Message[X]) {
	q.messages[m.Key] = m
	q.present.push(m)
	if len(q.hosts) < maxHosts {
		q.hosts[m.Host] = true
	}
}

// Oldest returns the message in the queue with the oldest last line, or nil.
func (q *Queue[X]) Oldest() *Message[X] {
	if e := q.present.list.Front(); e != nil {
		return e.Value.(*Message[X])
	}
	return nil
}

// Full reports whether the messages in the queue take too much memory.
func (q *Queue[X]) Full() bool { return q.present.bytes > q.maxBytes && q.present.list.Len() > 0 }

// Read must be called after line n, which is about a message. While the messages take too much memory, it finishes
// those with the oldest last lines.
func (q *Queue[X]) Read(n int, m *Message[X], s format.Sink) error {
	q.Touch(m)
	for q.Full() {
		if err := q.Finish(n, q.Oldest(), s); err != nil {
			return err
		}
	}
	return nil
}

// Finish passes on the recipients of a message without an outcome, and removes the message.
func (q *Queue[X]) Finish(n int, m *Message[X], s format.Sink) error {
	q.Drop(m)
	return q.Open(n, m, true, s)
}

// Flush passes on the recipients without an outcome in messages that have changed since they were saved. Growing says
// that more lines may come.
func (q *Queue[X]) Flush(s format.Sink, growing bool) error {
	for _, m := range q.Changed() {
		if err := q.Open(0, m, !growing, s); err != nil {
			return err
		}
	}
	return nil
}

// Touch notes that a message has changed. It moves the message to the end of the list of those in the queue, so that
// changed messages are together.
func (q *Queue[X]) Touch(m *Message[X]) {
	if m.Gone == 0 && q.messages[m.Key] == m {
		m.changed = true
		q.present.list.MoveToBack(m.element)
	}
}

// Drop removes a message.
func (q *Queue[X]) Drop(m *Message[X]) {
	if q.messages[m.Key] != m {
		return
	}
	delete(q.messages, m.Key)
	l := q.of(m)
	l.list.Remove(m.element)
	l.bytes -= m.bytes
	if m.saved {
		q.removed, m.saved = append(q.removed, m.name()), false
	}
}

// Leave notes that a message has left the queue. It is remembered for a while.
func (q *Queue[X]) Leave(m *Message[X], at int64) {
	q.Drop(m)
	m.Gone, q.latest = max(at, 1), max(q.latest, at)
	q.messages[m.Key] = m
	q.gone.push(m)
	for q.gone.list.Len() > maxGone || q.gone.bytes > maxGoneBytes {
		q.Drop(q.gone.list.Front().Value.(*Message[X]))
	}
}

func (l *messages[X]) push(m *Message[X]) {
	m.element = l.list.PushBack(m)
	l.bytes += m.bytes
}

func (q *Queue[X]) of(m *Message[X]) *messages[X] {
	if m.Gone > 0 {
		return &q.gone
	}
	return &q.present
}

// many is the number of recipients up to which they are searched one by one.
const many = 16

// Recipient returns the index of a recipient of a message, and adds it if necessary.
func (q *Queue[X]) Recipient(m *Message[X], to, original []byte) int {
	to, original = valid(to), valid(original)
	if m.places != nil {
		if i, ok := m.places[Name{string(to), string(original)}]; ok {
			return i
		}
	} else {
		for i := range m.Recipients {
			if r := &m.Recipients[i]; r.To == string(to) && r.Original == string(original) {
				return i
			}
		}
	}
	i := len(m.Recipients)
	m.Recipients = append(m.Recipients, Recipient{Name: Name{string(to), string(original)}})
	q.grow(m, recipientBytes+len(to)+len(original))
	switch {
	case m.places != nil:
		m.places[m.Recipients[i].Name] = i
	case i == many:
		m.index()
	}
	return i
}

// Attempt records an attempt to deliver to the ith recipient that leaves the outcome open. If no row can have such a
// recipient, Attempt settles it and returns why.
func (q *Queue[X]) Attempt(m *Message[X], i int, state State, at int64, code, text string) (fault string) {
	if fault = format.RecipientFault(m.Recipients[i].address()); fault != "" {
		q.Settle(m, i)
		return fault
	}
	q.set(m, i, state, at, code, text)
	return ""
}

// Settle notes that the outcome for the ith recipient was passed on.
func (q *Queue[X]) Settle(m *Message[X], i int) { q.set(m, i, Done, 0, "", "") }

func (q *Queue[X]) set(m *Message[X], i int, state State, at int64, code, text string) {
	r := &m.Recipients[i]
	q.grow(m, len(code)+len(text)-len(r.Code)-len(r.Text))
	r.State, r.Time, r.Code, r.Text = state, at, code, text
	q.latest = max(q.latest, at)
}

// Recent reports whether a time is within the last minute of the log.
func (q *Queue[X]) Recent(at int64) bool { return q.latest-at < 60_000 }

func (q *Queue[X]) grow(m *Message[X], bytes int) {
	m.bytes += bytes
	if q.messages[m.Key] == m {
		q.of(m).bytes += bytes
	}
}

// Record returns the record of the outcome for the ith recipient, at a time in milliseconds since 1970.
func (m *Message[X]) Record(i int, o format.Outcome, at int64) format.Record {
	r := m.Recipients[i].Name
	processed := upstream.Time(m.Arrived / 1000)
	return format.Record{
		Outcome: o, Sender: m.Sender, Recipient: r.address(), Processed: processed, Time: upstream.Time(at / 1000),
		EmailID: format.QueueID(processed, m.ID, r.To, m.Host),
	}
}

// address returns the address as the sender wrote it, if the log has that.
func (n Name) address() string {
	if HasDomain(n.Original) {
		return n.Original
	}
	return n.To
}

// HasDomain reports whether an address has a local part and a domain.
func HasDomain(address string) bool {
	at := strings.LastIndexByte(address, '@')
	return at > 0 && at < len(address)-1
}
