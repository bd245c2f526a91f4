package store

import (
	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store/internal/event"
)

// part is a page of a chunk that is being written: one that is on the disk, or one
// just made, with its rows at hand.
type part struct {
	pageRef
	made []*row
}

// merge writes rows into a chunk, or into none, and gives the chunks that result.
func (w *writer) merge(k upstream.Kind, ch *chunk, rows []*row) ([]*chunk, error) {
	if err := w.ctx.Err(); err != nil {
		return nil, err
	}
	var parts []part
	appended := true
	if ch == nil {
		if err := w.add(k, rows); err != nil {
			return nil, err
		}
		var err error
		if parts, err = w.pack(nil, rows, true); err != nil {
			return nil, err
		}
	} else {
		last := ch.last
		var changed bool
		var err error
		if parts, changed, err = w.mergePages(k, ch, rows); err != nil {
			return nil, err
		}
		if !changed {
			return []*chunk{ch}, nil
		}
		appended = last.Compare(rows[0].Key) < 0
		if err := w.drop(ch); err != nil {
			return nil, err
		}
	}
	return w.build(k, parts, appended)
}

// mergePages merges rows into the pages of a chunk, each into the one where its
// place is. Pages without a change stay as they are.
func (w *writer) mergePages(k upstream.Kind, ch *chunk, rows []*row) (parts []part, changed bool, err error) {
	c, err := w.cursor(ch)
	if err != nil {
		return nil, false, err
	}
	var group []*row // the rows of neighbouring pages that change
	var gone []int64
	flush := func(end bool) error {
		if len(group) == 0 {
			return nil
		}
		parts, err = w.pack(parts, group, end)
		group = nil
		return err
	}
	for i, ref := range c.refs {
		n := len(rows)
		if i+1 < len(c.refs) {
			n = 0
			for n < len(rows) {
				at, err := c.pageOf(rows[n].Key)
				if err != nil {
					return nil, false, err
				}
				if at > i {
					break
				}
				n++
			}
		}
		var merged []*row
		if n > 0 {
			if err := c.open(i); err != nil {
				return nil, false, err
			}
			if merged, err = w.mergePage(k, &c.page, rows[:n]); err != nil {
				return nil, false, err
			}
			rows = rows[n:]
		}
		if merged != nil {
			group = append(group, merged...)
			gone = append(gone, ref.id)
			continue
		}
		if err := flush(false); err != nil {
			return nil, false, err
		}
		parts = append(parts, part{pageRef: ref})
	}
	if err := flush(true); err != nil {
		return nil, false, err
	}
	for _, id := range gone {
		if err := w.conn.exec("delete from page where id = ?", id); err != nil {
			return nil, false, err
		}
	}
	return parts, len(gone) > 0, nil
}

// mergePage merges rows into a page's; nil is no change.
func (w *writer) mergePage(k upstream.Kind, p *event.Page, rows []*row) ([]*row, error) {
	changed := false
	old := make([]row, p.Len())
	merged := make([]*row, 0, len(old)+len(rows))
	for i := range old {
		e, err := p.Event(i)
		if err != nil {
			return nil, err
		}
		old[i].Event = e
	}
	for i := 0; i < len(old) || len(rows) > 0; {
		order := -1
		switch {
		case len(rows) == 0:
		case i == len(old):
			order = 1
		default:
			order = old[i].Compare(rows[0].Key)
		}
		switch {
		case order < 0:
			merged = append(merged, &old[i])
			i++
		case order > 0:
			if err := w.add(k, rows[:1]); err != nil {
				return nil, err
			}
			merged = append(merged, rows[0])
			changed = true
			rows = rows[1:]
		default:
			same, err := w.replace(k, &old[i], rows[0])
			if err != nil {
				return nil, err
			}
			if same {
				merged = append(merged, &old[i])
			} else {
				merged = append(merged, rows[0])
				changed = true
			}
			i++
			rows = rows[1:]
		}
	}
	if !changed {
		return nil, nil
	}
	return merged, nil
}
