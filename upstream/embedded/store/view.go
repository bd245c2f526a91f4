package store

import (
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"maps"
	"slices"
	"sort"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store/internal/event"
	"deliverygraph/upstream/embedded/store/internal/index"
)

// errCorrupt is the error of a file that was changed by other hands.
var errCorrupt = errors.New("the store is damaged")

// view is what is held in memory of one state of the store. It never changes.
type view struct {
	generation int64
	next       ids
	chunks     [len(upstream.Kinds)][]*chunk // in list order
	senders    *senders
	codes      codes
}

// ids are the next free ones.
type ids struct{ chunk, page, detail int64 }

// chunk is a run of rows of one kind that no other chunk reaches into.
type chunk struct {
	id     int64
	rows   int
	first  event.Key
	last   event.Key
	layout index.Layout
}

func (c *chunk) block(s index.Slot) int64 { return c.id<<16 | int64(s) }

// Blocks of a chunk beside its index, at slots that an index does not use.
const (
	pageListSlot index.Slot = 0 // the chunk's pages
	countSlot    index.Slot = 1 // how many rows each source has: a rollup's day with all in hour 0
)

// senders are the approved addresses. It never changes.
type senders struct {
	byID      map[upstream.ID]Sender
	byAddress map[string][]upstream.ID
}

func newSenders(byID map[upstream.ID]Sender) *senders {
	s := &senders{byID, make(map[string][]upstream.ID, len(byID))}
	for id, x := range byID {
		s.byAddress[x.Address] = append(s.byAddress[x.Address], id)
	}
	for _, list := range s.byAddress {
		slices.Sort(list)
	}
	return s
}

// codes are the bounce categories and the blocked reasons that were ever seen.
type codes [2]map[string]bool

const (
	categories = iota
	reasons
)

func (c codes) clone() codes { return codes{maps.Clone(c[0]), maps.Clone(c[1])} }

// overlapping are the chunks that may have rows in the window.
func overlapping(chunks []*chunk, w upstream.Window) []*chunk {
	from := sort.Search(len(chunks), func(i int) bool { return chunks[i].last.Time >= w.Start })
	to := from + sort.Search(len(chunks)-from, func(i int) bool { return chunks[from+i].first.Time >= w.End })
	return chunks[from:to]
}

func (c *conn) generation() (int64, error) {
	n, err := c.number("select generation from meta")
	if err == nil && n == 0 {
		err = errCorrupt
	}
	return n, err
}

// loadView reads the view of the state that c's transaction sees, and the key of index terms.
func loadView(c *conn) (*view, [16]byte, error) {
	v := &view{codes: codes{{}, {}}}
	var key [16]byte
	err := c.each(func(row []driver.Value) error {
		for i, p := range []*int64{&v.generation, &v.next.chunk, &v.next.page, &v.next.detail} {
			*p, _ = row[i].(int64)
		}
		return nil
	}, "select generation, next_chunk, next_page, next_detail from meta")
	if err != nil {
		return nil, key, err
	}
	k, err := c.blob("select term_key from meta where id = ?", 0)
	if err != nil {
		return nil, key, err
	}
	if copy(key[:], k) != len(key) || v.generation == 0 {
		return nil, key, errCorrupt
	}
	err = c.each(func(row []driver.Value) error {
		ch := &chunk{}
		ch.id, _ = row[0].(int64)
		kind, _ := row[1].(int64)
		data, _ := row[2].([]byte)
		if kind < 0 || kind >= int64(len(v.chunks)) {
			return errCorrupt
		}
		v.chunks[kind] = append(v.chunks[kind], ch)
		return ch.decode(data)
	}, "select id, kind, data from chunk")
	if err != nil {
		return nil, key, err
	}
	for _, list := range v.chunks {
		slices.SortFunc(list, func(a, b *chunk) int { return a.first.Compare(b.first) })
	}
	byID := map[upstream.ID]Sender{}
	err = c.each(func(row []driver.Value) error {
		id, _ := row[0].(int64)
		user, _ := row[1].(int64)
		address, _ := row[2].([]byte)
		byID[upstream.ID(id)] = Sender{UserID: upstream.ID(user), SenderID: upstream.ID(id), Address: string(address)}
		return nil
	}, "select id, user_id, address from sender")
	if err != nil {
		return nil, key, err
	}
	v.senders = newSenders(byID)
	err = c.each(func(row []driver.Value) error {
		kind, _ := row[0].(int64)
		code, _ := row[1].([]byte)
		if kind < 0 || kind >= int64(len(v.codes)) {
			return errCorrupt
		}
		v.codes[kind][string(code)] = true
		return nil
	}, "select kind, code from code")
	return v, key, err
}

// encode spells what the chunk table keeps of a chunk: rows, layout, both keys.
func (c *chunk) encode() []byte {
	b := binary.AppendUvarint(nil, uint64(c.rows))
	b = append(b, c.layout[:]...)
	for _, k := range [...]*event.Key{&c.first, &c.last} {
		b = binary.AppendVarint(b, int64(k.Time))
		b = binary.AppendVarint(b, int64(k.User))
		b = binary.AppendVarint(b, int64(k.Sender))
		for _, s := range [...]string{k.EmailID, k.Recipient} {
			b = binary.AppendUvarint(b, uint64(len(s)))
			b = append(b, s...)
		}
	}
	return b
}

func (c *chunk) decode(b []byte) error {
	bad := false
	uvarint := func() uint64 {
		n, l := binary.Uvarint(b)
		if l <= 0 {
			bad, b = true, nil
			return 0
		}
		b = b[l:]
		return n
	}
	varint := func() int64 {
		u := uvarint()
		return int64(u>>1) ^ -int64(u&1)
	}
	text := func() string {
		n := uvarint()
		if n > uint64(len(b)) {
			bad, b = true, nil
			return ""
		}
		s := string(b[:n])
		b = b[n:]
		return s
	}
	c.rows = int(uvarint())
	bad = bad || c.rows < 1 || c.rows > index.MaxRows || len(b) < len(c.layout)
	if !bad {
		b = b[copy(c.layout[:], b):]
	}
	for _, k := range [...]*event.Key{&c.first, &c.last} {
		k.Time, k.User, k.Sender = upstream.Time(varint()), upstream.ID(varint()), upstream.ID(varint())
		k.EmailID, k.Recipient = text(), text()
	}
	if bad || len(b) != 0 {
		return errCorrupt
	}
	return nil
}
