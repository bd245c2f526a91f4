package queue

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"time"
	"unicode/utf8"
)

// maxAge is how long unfinished messages are kept after their last line, in milliseconds. It is six times
// the default of how long servers try to deliver a message.
const maxAge = 30 * 24 * 60 * 60 * 1000

// Changed returns the messages in the queue that have changed since they were saved, in the order
// of their last lines.
func (q *Queue[X]) Changed() (list []*Message[X]) {
	for e := q.present.list.Back(); e != nil && e.Value.(*Message[X]).changed; e = e.Prev() {
		list = append(list, e.Value.(*Message[X]))
	}
	slices.Reverse(list)
	return list
}

// Save calls put for each message that has changed since it was saved, with its key and text. The text is
// empty for messages that are no longer in the queue.
func (q *Queue[X]) Save(put func(key, value string)) {
	latest := min(q.latest, time.Now().Add(24*time.Hour).UnixMilli()) // a line may be of a clock that is wrong
	for m := q.Oldest(); m != nil && latest-m.last() > maxAge; m = q.Oldest() {
		q.Drop(m)
	}
	for _, key := range q.removed {
		put(key, "")
	}
	q.removed = nil
	for _, m := range q.Changed() {
		m.changed = false
		if m.over(latest) {
			if m.saved {
				put(m.name(), "")
			}
			m.saved = false
			continue
		}
		text, err := json.Marshal(m)
		if err != nil { // X is a struct of plain values
			panic(err)
		}
		put(m.name(), string(text))
		m.saved = true
	}
}

// over reports whether a message has probably left the queue, although the log does not say so: all
// recipients have an outcome, and servers try all recipients within an hour.
func (m *Message[X]) over(latest int64) bool {
	for i := range m.Recipients {
		if s := m.Recipients[i].State; s == Deferred || s == Handed {
			return false
		}
	}
	return len(m.Recipients) > 0 && latest-m.Arrived > 60*60*1000
}

// Load adds messages that Save returned earlier. Invalid ones are ignored, and removed by the next Save.
// If lines are read again, their outcomes are passed on again, because the import may now be for another
// user or use other rules.
func (q *Queue[X]) Load(saved map[string]string) {
	var list []*Message[X]
	for key, text := range saved {
		m := &Message[X]{}
		if json.Unmarshal([]byte(text), m) != nil || m.name() != key || q.messages[m.Key] != nil {
			q.removed = append(q.removed, key)
			continue
		}
		m.saved, m.bytes = true, messageBytes
		for i := range m.Recipients {
			r := &m.Recipients[i]
			if r.State == Done {
				r.State = Untried
			}
			m.bytes += recipientBytes + len(r.To) + len(r.Original) + len(r.Code) + len(r.Text)
		}
		m.index()
		list = append(list, m)
	}
	slices.SortFunc(list, func(a, b *Message[X]) int { return cmp.Compare(a.last(), b.last()) })
	for _, m := range list {
		q.enter(m)
	}
}

// name is the key of a saved message.
func (m *Message[X]) name() string { return m.Host + "/" + m.ID }

// last is the latest time that is known of a message.
func (m *Message[X]) last() int64 {
	at := m.Arrived
	for i := range m.Recipients {
		at = max(at, m.Recipients[i].Time)
	}
	return at
}

// index builds places, if there are many recipients.
func (m *Message[X]) index() {
	if len(m.Recipients) <= many {
		return
	}
	m.places = map[Name]int{}
	for i, r := range m.Recipients {
		m.places[r.Name] = i
	}
}

// valid replaces invalid UTF-8, which cannot be saved.
func valid(text []byte) []byte {
	if utf8.Valid(text) {
		return text
	}
	return bytes.ToValidUTF8(text, []byte("\ufffd"))
}
