package sqlite

import (
	"cmp"
	"slices"
	"strings"

	"deliverygraph/upstream"
)

func (w *writer) writeAllTags() error {
	for _, k := range kinds {
		if err := w.writeTags(k); err != nil {
			return err
		}
	}
	return nil
}

// writeTags writes which rows have which headers, in the order of the table, which is faster than row by row.
func (w *writer) writeTags(k *kind) error {
	tags := w.tagged[k.Kind]
	w.tagged[k.Kind] = tags[:0]
	slices.SortFunc(tags, func(a, b tag) int {
		return cmp.Or(cmp.Compare(a.header, b.header), cmp.Compare(a.id, b.id))
	})
	return w.insertTags(k.table+"_header", slices.Compact(tags)) // a row may have a header twice
}

func (w *writer) insertTags(table string, tags []tag) error {
	const many = 64
	for len(tags) > 0 {
		n := many
		if len(tags) < many {
			n = 1
		}
		args := make([]any, 0, 2*many)
		for _, t := range tags[:n] {
			args = append(args, t.header, t.id)
		}
		if err := w.conn.exec("insert into "+table+" values (?, ?)"+strings.Repeat(", (?, ?)", n-1),
			args...); err != nil {
			return err
		}
		tags = tags[n:]
	}
	return nil
}

// domain returns the id of a domain.
func (w *writer) domain(name string) (int64, error) {
	if id, ok := w.domains[name]; ok {
		return id, nil
	}
	id, err := w.intern("domain where name = ?", "domain (name) values (?)", name)
	w.domains[name] = id
	return id, err
}

// header returns the id of a header.
func (w *writer) header(h upstream.Header) (int64, error) {
	if id, ok := w.headers[h]; ok {
		return id, nil
	}
	id, err := w.intern("header where name = ? and value = ?", "header (name, value) values (?, ?)", fold(h.Name),
		h.Value)
	w.headers[h] = id
	return id, err
}

// intern returns the id of a row of a dictionary. It adds the row if there is none.
func (w *writer) intern(find, add string, args ...any) (int64, error) {
	id, err := w.conn.number(w.ctx, "select id from "+find, args...)
	if err != nil || id != 0 {
		return id, err
	}
	return w.conn.number(w.ctx, "insert into "+add+" returning id", args...)
}
