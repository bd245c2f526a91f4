package store

import (
	"slices"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store/internal/event"
	"deliverygraph/upstream/embedded/store/internal/index"
	"deliverygraph/upstream/embedded/store/internal/rollup"
)

// sizes say into how large pieces rows are cut. They bind the writer alone: readers
// take pieces of any size.
type sizes struct {
	page  int // the most rows of a page
	chunk int // the most rows of a chunk
	// tail is how many rows the last chunk has before rows that come after it start
	// another. Small enough that rewriting it for each small write costs little.
	tail int
	// small is how many small chunks, of less than 3/4 of chunk, may follow one another
	// near the end before they are joined.
	small int
}

var standard = sizes{page: event.MaxPageRows, chunk: index.MaxRows, tail: 1024, small: 8}

// pack makes pages of rows and appends them to parts. At the end of a chunk they are
// packed full, as most rows come in order and so nothing will come between;
// elsewhere they are packed evenly, which leaves room for more.
func (w *writer) pack(parts []part, rows []*row, end bool) ([]part, error) {
	made, err := w.packUpTo(rows, w.sizes.page)
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
	limit := w.sizes.chunk
	if n := (total + limit - 1) / limit; n > 1 && !appended {
		limit = min(limit, (total+n-1)/n+w.sizes.page)
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
	counts := map[rollup.Source]*rollup.Hours{}
	row := 0
	add := func(e *event.Event) {
		w.terms(e, row)
		row++
		s := rollup.Source{User: e.User, Sender: e.Sender, Type: e.Type}
		h := counts[s]
		if h == nil {
			h = &rollup.Hours{}
			counts[s] = h
		}
		h[0]++
	}
	for i, p := range parts {
		refs[i] = p.pageRef
		if p.made != nil {
			for _, r := range p.made {
				add(&r.Event)
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
			add(&e)
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
	sum, err := rollup.Add(nil, counts)
	if err != nil {
		return nil, err
	}
	if err := insert(countSlot, sum); err != nil {
		return nil, err
	}
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

// hot is how many chunks at the end are never joined: rows that come a little late
// belong there, and small chunks are quick to write again.
const hot = 2

// join joins the small chunks before the hot ones, which writes in order leave
// there, once they make a full one: so each row is indexed a few times in all,
// however small the writes are.
func (w *writer) join(k upstream.Kind, chunks []*chunk) ([]*chunk, error) {
	to := max(len(chunks)-hot, 0)
	from, rows := to, 0
	for from > 0 && chunks[from-1].rows < w.sizes.chunk*3/4 {
		from--
		rows += chunks[from].rows
	}
	if n := to - from; n < 2 || rows < w.sizes.chunk && n < w.sizes.small {
		return chunks, nil
	}
	var parts []part
	for _, ch := range chunks[from:to] {
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
	if err != nil {
		return nil, err
	}
	return slices.Concat(chunks[:from], joined, chunks[to:]), nil
}
