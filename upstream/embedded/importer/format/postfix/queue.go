package postfix

import (
	"container/list"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/importer/format"
)

// maxBytes is about how much memory the messages in the queue may take.
const maxBytes = 64 << 20

// maxRemoved is how many of the messages that have left the queue are remembered at most, to
// know their ids where lines are not quite in order, and maxRemovedBytes how much they may take.
const maxRemoved, maxRemovedBytes = 4096, 8 << 20

// queue holds the messages whose end was not read yet, and the last few others.
type queue struct {
	messages map[key]*message
	hosts    map[string]bool
	open     *list.List // of *message; the one not read about for longest is first
	removed  *list.List
	maxBytes int
	// About how much memory the messages of the lists take.
	openBytes, removedBytes int
}

// key names a message. Hosts give ids independently.
type key struct{ host, id string }

// message is a message in the queue.
type message struct {
	key
	element *list.Element // of the list that it is in
	arrived int64         // when Postfix took it, in milliseconds since 1970
	exact   bool          // arrived is not merely when the queue manager was seen to take it up
	queued  bool          // the queue manager was seen to take it up, or an agent to deliver it
	removed int64         // when it left the queue, in milliseconds; 0 if it is open
	given   bool          // a client or a local program was seen to give it to Postfix
	notice  bool          // Postfix sends it itself: a bounce message, or another notice
	sender  string        // empty if unknown, and if it has none
	size    string
	bytes   int

	recipients []recipient
	byName     map[name]int // where in recipients, if there are many
}

// recipient is one of a message's recipients.
type recipient struct {
	name
	state recipientState
	last  delivery // the last attempt, if the outcome is open
	time  int64    // of it
}

// name tells recipients of a message apart: aliases lead to one address from several.
type name struct{ to, original string }

type recipientState uint8

const (
	untried  recipientState = iota
	deferred                // it will be tried again
	handed                  // to what may be a content filter
	done                    // its outcome was handed over
)

func newQueue(maxBytes int) queue {
	return queue{messages: map[key]*message{}, hosts: map[string]bool{}, open: list.New(), removed: list.New(), maxBytes: maxBytes}
}

func (q *queue) find(host string, id []byte) *message {
	return q.messages[key{host, string(id)}]
}

// has reports whether the log tells of a message under a queue id of any host.
func (q *queue) has(id string) bool {
	for host := range q.hosts {
		if q.messages[key{host, id}] != nil {
			return true
		}
	}
	return false
}

// messageBytes and recipientBytes are about what a message and a recipient take, without
// their texts.
const messageBytes, recipientBytes = 500, 200

func (q *queue) add(host, id string, arrived int64) *message {
	m := &message{key: key{host, id}, arrived: arrived, bytes: messageBytes}
	m.element = q.open.PushBack(m)
	q.messages[m.key] = m
	q.openBytes += m.bytes
	if len(q.hosts) < 256 {
		q.hosts[host] = true
	}
	return m
}

// oldest gives the open message that was not read about for longest, or nil.
func (q *queue) oldest() *message {
	if e := q.open.Front(); e != nil {
		return e.Value.(*message)
	}
	return nil
}

func (q *queue) full() bool { return q.openBytes > q.maxBytes && q.open.Len() > 0 }

// touch takes note that a message was read about.
func (q *queue) touch(m *message) {
	if m.removed == 0 && q.messages[m.key] == m {
		q.open.MoveToBack(m.element)
	}
}

// grow takes note that a message takes more memory, or less.
func (q *queue) grow(m *message, bytes int) {
	m.bytes += bytes
	if m.removed > 0 {
		q.removedBytes += bytes
	} else {
		q.openBytes += bytes
	}
}

// drop forgets a message.
func (q *queue) drop(m *message) {
	if q.messages[m.key] != m {
		return
	}
	delete(q.messages, m.key)
	if m.removed > 0 {
		q.removed.Remove(m.element)
		q.removedBytes -= m.bytes
	} else {
		q.open.Remove(m.element)
		q.openBytes -= m.bytes
	}
}

// remember keeps a message that was dropped among those that have left the queue.
func (q *queue) remember(m *message, at int64) {
	m.removed = max(at, 1)
	m.element = q.removed.PushBack(m)
	q.messages[m.key] = m
	q.removedBytes += m.bytes
	for q.removed.Len() > maxRemoved || q.removedBytes > maxRemovedBytes {
		q.drop(q.removed.Front().Value.(*message))
	}
}

// taken takes note that the queue manager has taken a message up.
func (m *message) taken(sender, size []byte) {
	m.queued = true
	m.notice = m.notice || !m.given && (len(sender) == 0 || isDoubleBounce(sender))
	if m.sender != string(sender) {
		m.sender = string(sender)
	}
	if m.size != string(size) {
		m.size = string(size)
	}
}

// many is how many recipients are looked for one by one.
const many = 16

// recipient gives the place of a recipient among the message's.
func (m *message) recipient(q *queue, to, original []byte) int {
	if m.byName != nil {
		if i, ok := m.byName[name{string(to), string(original)}]; ok {
			return i
		}
	} else {
		for i := range m.recipients {
			if r := &m.recipients[i]; r.to == string(to) && r.original == string(original) {
				return i
			}
		}
	}
	i := len(m.recipients)
	r := recipient{name: name{string(to), string(original)}}
	m.recipients = append(m.recipients, r)
	q.grow(m, recipientBytes+len(to)+len(original))
	if m.byName != nil {
		m.byName[r.name] = i
	} else if i == many {
		m.byName = map[name]int{}
		for i, r := range m.recipients {
			m.byName[r.name] = i
		}
	}
	return i
}

// record makes the record of the ith recipient and what became of it.
func (m *message) record(i int, o format.Outcome, at int64) format.Record {
	r := m.recipients[i].name
	address := r.to
	if hasDomain(r.original) {
		address = r.original
	}
	processed := upstream.Time(m.arrived / 1000)
	return format.Record{
		Outcome: o, Sender: m.sender, Recipient: address, Processed: processed, Time: upstream.Time(at / 1000),
		EmailID: format.QueueID(processed, format.NthID(m.id, i+1), m.host),
	}
}
