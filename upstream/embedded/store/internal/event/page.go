package event

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"deliverygraph/upstream"
)

// ErrCorrupt is the error of bytes that no Packer wrote.
var ErrCorrupt = errors.New("the page is damaged")

// Page reads the events of a page. Rows are numbered from 0 in the order of their
// keys. The zero value is ready for Reset, and may be reset again and again.
type Page struct {
	base  upstream.Time
	words []string
	rows  []string
	sets  [][]upstream.Header // by the number of their word, once they were asked for
	stamp stamper
}

// Reset makes p the page that data spells. Events share its memory, and those with the
// same headers share them: they must not be written to.
func (p *Page) Reset(data string) error {
	r := reader{s: data}
	rows := r.uvarint()
	p.base = upstream.Time(r.varint())
	words := r.uvarint()
	if rows == 0 || rows > MaxPageRows || words > uint64(len(data)) {
		r.bad = true
	}
	clear(p.sets)
	p.words, p.rows, p.sets = p.words[:0], p.rows[:0], p.sets[:0]
	for i := uint64(0); i < words && !r.bad; i++ {
		p.words = append(p.words, r.string())
	}
	for i := uint64(0); i < rows && !r.bad; i++ {
		p.rows = append(p.rows, r.string())
	}
	if r.bad || r.s != "" {
		p.words, p.rows = p.words[:0], p.rows[:0]
		return fmt.Errorf("%d bytes: %w", len(data), ErrCorrupt)
	}
	return nil
}

// Len is the number of events.
func (p *Page) Len() int { return len(p.rows) }

// Time is the time of event i.
func (p *Page) Time(i int) (upstream.Time, error) {
	r := reader{s: p.rows[i]}
	r.byte()
	t := p.base + upstream.Time(r.uvarint())
	return t, r.err()
}

// Search is the number of the first event that does not lie before t.
func (p *Page) Search(t upstream.Time) (int, error) {
	lo, hi := 0, len(p.rows)
	for lo < hi {
		mid := (lo + hi) / 2
		at, err := p.Time(mid)
		if err != nil {
			return 0, err
		}
		if at < t {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo, nil
}

// Source is where event i belongs: its time, user, sender and, of a bounce, its
// type. It is what counting needs, for a fraction of the cost of Event.
func (p *Page) Source(i int) (t upstream.Time, user, sender upstream.ID, typ string, err error) {
	var e Event
	r := reader{s: p.rows[i]}
	p.read(&r, &e, source)
	return e.Time, e.User, e.Sender, e.Type, r.err()
}

// Event gives event i.
func (p *Page) Event(i int) (Event, error) {
	var e Event
	r := reader{s: p.rows[i]}
	p.read(&r, &e, everything)
	return e, r.err()
}

// Filtered gives what lists filter event i by: all but its email id.
func (p *Page) Filtered(i int) (Event, error) {
	var e Event
	r := reader{s: p.rows[i]}
	p.read(&r, &e, filtered)
	return e, r.err()
}

// part is how much of an event read fills in.
type part int

const (
	source part = iota
	filtered
	everything
)

func (p *Page) read(r *reader, e *Event, want part) {
	flags := r.byte()
	e.Time = p.base + upstream.Time(r.uvarint())
	from := reader{s: p.word(r)}
	e.User = upstream.ID(from.varint())
	e.Sender = upstream.ID(from.varint())
	r.bad = r.bad || from.bad
	e.Process = e.Time
	if flags&flagProcess != 0 {
		e.Process += upstream.Time(r.varint())
	}
	id, host := r.string(), ""
	if flags&flagHost != 0 {
		host = p.word(r)
	}
	if flags&flagPlain == 0 {
		e.Recipient = r.string()
	}
	e.Local = r.string()
	e.Domain = p.word(r)
	plain := want != source && flags&flagPlain != 0
	if want == everything {
		stamp := ""
		if flags&flagStamp != 0 {
			stamp = p.stamp.of(e.Process)
		}
		if plain { // both in one piece of memory
			n := len(stamp) + len(id) + len(host)
			both := stamp + id + host + e.Local + "@" + e.Domain
			e.EmailID, e.Recipient = both[:n], both[n:]
		} else {
			e.EmailID = stamp + id + host
		}
	} else if plain {
		e.Recipient = e.Local + "@" + e.Domain
	}
	if plain {
		e.Local, e.Domain = e.Recipient[:len(e.Local)], e.Recipient[len(e.Local)+1:]
	}
	e.Delivered = flags&flagDelivered != 0
	if flags&flagHeaders != 0 {
		n := r.uvarint()
		if want != source {
			e.Headers = p.headers(r, n)
		}
	}
	if flags&flagClass != 0 {
		class := reader{s: p.word(r)}
		e.Type, e.Category, e.Code, e.Reason = p.word(&class), p.word(&class), p.word(&class), p.word(&class)
		r.bad = r.bad || class.bad
	}
	if flags&flagExtra != 0 {
		e.Postback = upstream.Time(r.varint())
		e.Detail = r.varint()
	}
	if r.s != "" {
		r.bad = true
	}
}

// headers gives the set of headers whose word has number n.
func (p *Page) headers(r *reader, n uint64) []upstream.Header {
	if n >= uint64(len(p.words)) {
		r.bad = true
		return nil
	}
	if len(p.sets) == 0 {
		p.sets = slices.Grow(p.sets, len(p.words))[:len(p.words)]
	}
	if p.sets[n] != nil {
		return p.sets[n]
	}
	s := reader{s: p.words[n]}
	hs := make([]upstream.Header, 0, len(s.s)/2)
	for s.s != "" && !s.bad {
		hs = append(hs, upstream.Header{Name: p.word(&s), Value: p.word(&s)})
	}
	if s.bad {
		r.bad = true
		return nil
	}
	p.sets[n] = slices.Clip(hs)
	return p.sets[n]
}

// word reads a word's number and gives the word.
func (p *Page) word(r *reader) string {
	n := r.uvarint()
	if n >= uint64(len(p.words)) {
		r.bad = true
		return ""
	}
	return p.words[n]
}

// reader takes values off a string; bad once anything was missing.
type reader struct {
	s   string
	bad bool
}

func (r *reader) err() error {
	if r.bad {
		return ErrCorrupt
	}
	return nil
}

func (r *reader) byte() byte {
	if r.s == "" {
		r.bad = true
		return 0
	}
	b := r.s[0]
	r.s = r.s[1:]
	return b
}

func (r *reader) uvarint() uint64 {
	var n uint64
	for i := 0; i < len(r.s) && i < binary.MaxVarintLen64; i++ {
		b := r.s[i]
		n |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			r.s = r.s[i+1:]
			return n
		}
	}
	r.bad, r.s = true, ""
	return 0
}

func (r *reader) varint() int64 {
	u := r.uvarint()
	return int64(u>>1) ^ -int64(u&1)
}

func (r *reader) string() string {
	n := r.uvarint()
	if n > uint64(len(r.s)) {
		r.bad, r.s = true, ""
		return ""
	}
	s := r.s[:n]
	r.s = r.s[n:]
	return s
}
