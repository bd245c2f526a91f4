package store

import (
	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store/internal/event"
	"deliverygraph/upstream/embedded/store/internal/index"
)

// pack makes pages of rows and appends them to parts. At the end of a chunk they are
// packed full, as most rows come in order and so nothing will come between;
// elsewhere they are packed evenly, which leaves room for more.
func (w *writer) pack(parts []part, rows []*row, end bool) ([]part, error) {
	made, err := w.packUpTo(rows, 0)
	if err != nil {
		return nil, err
	}
	if n := len(made); n > 1 && !end {
		if made, err = w.packUpTo(rows, (len(rows)+n-1)/n); err != nil {
			return nil, err
		}
	}
	for _, m := range made {
		m.id = w.next.page
		w.next.page++
		if err := w.conn.exec("insert into page values (?, ?)", m.id, m.data); err != nil {
			return nil, err
		}
		parts = append(parts, m.part)
	}
	return parts, nil
}

// packed is a page that was made and not written.
type packed struct {
	part
	data []byte
}

func (w *writer) packUpTo(rows []*row, limit int) ([]packed, error) {
	var made []packed
	w.packer.Limit(limit)
	for len(rows) > 0 {
		n := 0
		for n < len(rows) && w.packer.Add(&rows[n].Event) {
			n++
		}
		p := packed{data: w.packer.Finish()}
		p.rows, p.first, p.made = n, rows[0].Time, rows[:n]
		made = append(made, p)
		rows = rows[n:]
		if err := w.ctx.Err(); err != nil {
			return nil, err
		}
	}
	return made, nil
}

// build makes chunks of pages: full ones where the rows were appended, else equal
// ones, so that not every row to come splits a chunk.
func (w *writer) build(k upstream.Kind, parts []part, appended bool) ([]*chunk, error) {
	total := 0
	for _, p := range parts {
		total += p.rows
	}
	limit := index.MaxRows
	if n := (total + limit - 1) / limit; n > 1 && !appended {
		limit = min(limit, (total+n-1)/n+event.MaxPageRows)
	}
	var chunks []*chunk
	for len(parts) > 0 {
		rows, n := 0, 0
		for n < len(parts) && rows+parts[n].rows <= limit {
			rows += parts[n].rows
			n++
		}
		ch, err := w.buildOne(k, parts[:n], rows)
		if err != nil {
			return nil, err
		}
		chunks = append(chunks, ch)
		parts = parts[n:]
	}
	return chunks, nil
}

// buildOne makes a chunk: its index, its list of pages and its entry.
func (w *writer) buildOne(k upstream.Kind, parts []part, rows int) (*chunk, error) {
	if err := w.ctx.Err(); err != nil {
		return nil, err
	}
	ch := &chunk{id: w.next.chunk, rows: rows}
	w.next.chunk++
	refs := make([]pageRef, len(parts))
	row := 0
	for i, p := range parts {
		refs[i] = p.pageRef
		if p.made != nil {
			for _, r := range p.made {
				w.terms(&r.Event, row)
				row++
			}
			if i == 0 {
				ch.first = p.made[0].Key
			}
			if i == len(parts)-1 {
				ch.last = p.made[p.rows-1].Key
			}
			continue
		}
		b, err := w.conn.blobOf(pages, p.id)
		if err != nil {
			return nil, err
		}
		if err := w.page.Reset(b); err != nil {
			return nil, err
		}
		if w.page.Len() != p.rows {
			return nil, errCorrupt
		}
		for n := range p.rows {
			e, err := w.page.Filtered(n)
			if err != nil {
				return nil, err
			}
			w.terms(&e, row)
			row++
		}
		if i == 0 {
			e, err := w.page.Event(0)
			if err != nil {
				return nil, err
			}
			ch.first = e.Key
		}
		if i == len(parts)-1 {
			e, err := w.page.Event(p.rows - 1)
			if err != nil {
				return nil, err
			}
			ch.last = e.Key
		}
	}
	insert := func(s index.Slot, b []byte) error {
		return w.conn.exec("insert into block values (?, ?)", ch.block(s), b)
	}
	if err := insert(pageListSlot, encodeRefs(refs)); err != nil {
		return nil, err
	}
	var err error
	if ch.layout, err = w.index.Build(rows, insert); err != nil {
		return nil, err
	}
	return ch, w.conn.exec("insert into chunk values (?, ?, ?)", ch.id, int64(k), ch.encode())
}

// terms adds to the index what lists may ask of a row.
func (w *writer) terms(e *event.Event, row int) {
	h, b := w.hasher, &w.index
	text := func(f index.Field, s string) {
		if s != "" { // an empty filter asks nothing
			b.Add(f, h.Text(s), row)
		}
	}
	b.Add(index.User, h.ID(int64(e.User)), row)
	b.Add(index.Sender, h.ID(int64(e.Sender)), row)
	text(index.Recipient, e.Recipient)
	text(index.Local, e.Local)
	text(index.Domain, e.Domain)
	text(index.Type, e.Type)
	text(index.Category, e.Category)
	text(index.Reason, e.Reason)
	for i := range e.Headers {
		b.Add(index.XHeader, h.Header(e.Headers[i].Name, e.Headers[i].Value), row)
	}
	if e.Delivered {
		b.Add(index.Delivered, h.ID(1), row)
	}
}

// drop removes a chunk and its index, not its pages.
func (w *writer) drop(ch *chunk) error {
	if err := w.conn.exec("delete from chunk where id = ?", ch.id); err != nil {
		return err
	}
	return w.conn.exec("delete from block where id between ? and ?", ch.block(0), ch.block(^index.Slot(0)))
}

// fullEnough is when a chunk counts as full, and mostSmall how many that are not may
// follow one another at the end before they are joined.
const (
	fullEnough = index.MaxRows * 3 / 4
	mostSmall  = 8
)

// join joins the small chunks at the end, which writes in order leave there, once
// they make a full one: so each row is indexed a few times in all, however small
// the writes are.
func (w *writer) join(k upstream.Kind, chunks []*chunk) ([]*chunk, error) {
	from, rows := len(chunks), 0
	for from > 0 && chunks[from-1].rows < fullEnough {
		from--
		rows += chunks[from].rows
	}
	if n := len(chunks) - from; n < 2 || rows < index.MaxRows && n <= mostSmall {
		return chunks, nil
	}
	var parts []part
	for _, ch := range chunks[from:] {
		c, err := w.cursor(ch)
		if err != nil {
			return nil, err
		}
		for _, ref := range c.refs {
			parts = append(parts, part{pageRef: ref})
		}
		if err := w.drop(ch); err != nil {
			return nil, err
		}
	}
	joined, err := w.build(k, parts, true)
	return append(chunks[:from:from], joined...), err
}
