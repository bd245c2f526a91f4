package event

import (
	"encoding/binary"

	"deliverygraph/upstream"
)

// PageBytes is about how long a page is; a single event may be longer. Two pages
// fit into one of the database's own.
const PageBytes = 3900

// MaxPageRows is the most events of one page.
const MaxPageRows = 250

// A page is
//
//	rows, time of the first row, number of words, {length, word}…, {length, row}…
//
// Words are the strings that rows share, each kept once a page: domains, header
// names and values, hosts of email ids, and combinations of these such as a whole
// set of headers. Rows name them by number. That is most of what a compressor
// would find, and still one row can be read without its neighbours.
//
// Numbers are varints. Row:
//
//	flags, seconds after the first row, source word (user, sender),
//	[process time − time], email id, [recipient], local, domain word,
//	[headers word], [class word (type, category, code, reason)], [postback], [detail]
const (
	flagDelivered = 1 << iota
	flagHeaders   // has a header list, maybe an empty one
	flagPlain     // the recipient is local@domain
	flagProcess   // the process time is not the event's time
	flagStamp     // the email id begins with the process time: those 14 digits are left out
	flagHost      // the email id's "@…" is a word
	flagClass     // any of type, category, code, reason
	flagExtra     // postback and detail follow
)

// Packer packs sorted events into pages. The zero value is ready to use.
type Packer struct {
	limit int // rows a page

	rows    int
	base    upstream.Time
	words   []string
	numbers map[string]uint64
	size    int // of words and rows in bytes, prefixes included
	body    []byte
	row     []byte
	word    []byte
	stamp   stamper
}

// Limit sets how many rows a page takes at most, where that is less than [MaxPageRows].
func (p *Packer) Limit(rows int) { p.limit = rows }

// Add adds an event to the page, and says whether it had room: if not, the page is
// as before, to be finished. An empty page has room for any event.
func (p *Packer) Add(e *Event) bool {
	limit := MaxPageRows
	if p.limit > 0 {
		limit = min(limit, p.limit)
	}
	if p.rows >= limit {
		return false
	}
	if p.rows == 0 {
		p.base = e.Time
		if p.numbers == nil {
			p.numbers = make(map[string]uint64, 256)
		}
	}
	words, size := len(p.words), p.size
	p.encode(e)
	p.size += len(p.row) + uvarintLen(uint64(len(p.row)))
	if p.rows > 0 && p.size > PageBytes-16 {
		for _, w := range p.words[words:] {
			delete(p.numbers, w)
		}
		p.words, p.size = p.words[:words], size
		return false
	}
	p.body = binary.AppendUvarint(p.body, uint64(len(p.row)))
	p.body = append(p.body, p.row...)
	p.rows++
	return true
}

// Rows is how many events the page has so far.
func (p *Packer) Rows() int { return p.rows }

// Finish gives the page's bytes and starts another page.
func (p *Packer) Finish() []byte {
	b := make([]byte, 0, p.size+3*binary.MaxVarintLen64)
	b = binary.AppendUvarint(b, uint64(p.rows))
	b = binary.AppendVarint(b, int64(p.base))
	b = binary.AppendUvarint(b, uint64(len(p.words)))
	for _, w := range p.words {
		b = binary.AppendUvarint(b, uint64(len(w)))
		b = append(b, w...)
	}
	b = append(b, p.body...)
	p.rows, p.size, p.words, p.body = 0, 0, p.words[:0], p.body[:0]
	clear(p.numbers)
	return b
}

func (p *Packer) encode(e *Event) {
	var flags byte
	if e.Delivered {
		flags |= flagDelivered
	}
	if e.Headers != nil {
		flags |= flagHeaders
	}
	plain := isPlain(e)
	if plain {
		flags |= flagPlain
	}
	if e.Process != e.Time {
		flags |= flagProcess
	}
	id, host := e.EmailID, ""
	if p.stamp.stamps(id, e.Process) {
		flags |= flagStamp
		id = id[stampLen:]
	}
	if at := indexAt(id); at >= 0 {
		flags |= flagHost
		id, host = id[:at], id[at:]
	}
	if e.Type != "" || e.Category != "" || e.Code != "" || e.Reason != "" {
		flags |= flagClass
	}
	if e.Postback != 0 || e.Detail != 0 {
		flags |= flagExtra
	}

	r := append(p.row[:0], flags)
	r = binary.AppendUvarint(r, uint64(e.Time-p.base))
	p.word = binary.AppendVarint(p.word[:0], int64(e.User))
	p.word = binary.AppendVarint(p.word, int64(e.Sender))
	r = binary.AppendUvarint(r, p.wordNumber())
	if flags&flagProcess != 0 {
		r = binary.AppendVarint(r, int64(e.Process-e.Time))
	}
	r = appendString(r, id)
	if flags&flagHost != 0 {
		r = binary.AppendUvarint(r, p.number(host))
	}
	if !plain {
		r = appendString(r, e.Recipient)
	}
	r = appendString(r, e.Local)
	r = binary.AppendUvarint(r, p.number(e.Domain))
	if e.Headers != nil {
		set := p.word[:0]
		for i := range e.Headers {
			set = binary.AppendUvarint(set, p.number(e.Headers[i].Name))
			set = binary.AppendUvarint(set, p.number(e.Headers[i].Value))
		}
		p.word = set
		r = binary.AppendUvarint(r, p.wordNumber())
	}
	if flags&flagClass != 0 {
		class := p.word[:0]
		for _, s := range [...]string{e.Type, e.Category, e.Code, e.Reason} {
			class = binary.AppendUvarint(class, p.number(s))
		}
		p.word = class
		r = binary.AppendUvarint(r, p.wordNumber())
	}
	if flags&flagExtra != 0 {
		r = binary.AppendVarint(r, int64(e.Postback))
		r = binary.AppendVarint(r, e.Detail)
	}
	p.row = r
}

// number is the word's number on this page.
func (p *Packer) number(w string) uint64 {
	if n, ok := p.numbers[w]; ok {
		return n
	}
	return p.add(w)
}

// wordNumber is the number of the word that p.word spells.
func (p *Packer) wordNumber() uint64 {
	if n, ok := p.numbers[string(p.word)]; ok {
		return n
	}
	return p.add(string(p.word))
}

func (p *Packer) add(w string) uint64 {
	n := uint64(len(p.words))
	p.words = append(p.words, w)
	p.numbers[w] = n
	p.size += len(w) + uvarintLen(uint64(len(w)))
	return n
}

func isPlain(e *Event) bool {
	l, d, r := len(e.Local), len(e.Domain), e.Recipient
	return len(r) == l+1+d && r[l] == '@' && r[:l] == e.Local && r[l+1:] == e.Domain
}

func indexAt(s string) int {
	for i := range len(s) {
		if s[i] == '@' {
			return i
		}
	}
	return -1
}

func appendString(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

func uvarintLen(n uint64) int {
	l := 1
	for ; n >= 0x80; n >>= 7 {
		l++
	}
	return l
}
