package sqlite

import (
	"cmp"
	"slices"
	"strings"

	"deliverygraph/upstream"
)

// dictionaries cache the ids of texts that many rows share.
type dictionaries struct {
	domains  map[string]int64
	headers  map[upstream.Header]int64
	patterns map[string]int64
}

// full reports whether the caches have their maximum size, some megabytes.
func (d *dictionaries) full() bool {
	return len(d.domains) > 1<<16 || len(d.headers) > 1<<17 || len(d.patterns) > 1<<15
}

func (d *dictionaries) forget() {
	*d = dictionaries{map[string]int64{}, map[upstream.Header]int64{}, map[string]int64{}}
}

// domain returns the id of a domain.
func (w *writer) domain(name string) int64 {
	id, ok := w.domains[name]
	if !ok {
		id = w.intern("domain where name = ?", "domain (name) values (?)", name)
		w.domains[name] = id
	}
	return id
}

// pattern returns the id of a diagnostic's pattern.
func (w *writer) pattern(text string) int64 {
	id, ok := w.patterns[text]
	if !ok {
		id = w.intern("pattern where text = ?", "pattern (text) values (?)", text)
		w.patterns[text] = id
	}
	return id
}

// header returns the id of a header.
func (w *writer) header(h upstream.Header) int64 {
	id, ok := w.headers[h]
	if !ok {
		id = w.intern("header where name = ? and value = ?", "header (name, value) values (?, ?)",
			fold(h.Name), h.Value)
		w.headers[h] = id
	}
	return id
}

// intern returns the id of a row of a dictionary. It adds the row if there is none.
func (w *writer) intern(find, add string, args ...any) int64 {
	id := w.number("select id from "+find, args...)
	if id == 0 {
		id = w.number("insert into "+add+" returning id", args...)
	}
	return id
}

// tag says that a row has a header.
type tag struct{ header, id int64 }

func (w *writer) writeAllTags() {
	for _, k := range kinds {
		w.writeTags(k)
	}
}

// writeTags writes which rows have which headers, in the order of the table, which is faster than row by row.
func (w *writer) writeTags(k *kind) {
	tags := w.tags[k.Kind]
	w.tags[k.Kind] = tags[:0]
	slices.SortFunc(tags, func(a, b tag) int {
		return cmp.Or(cmp.Compare(a.header, b.header), cmp.Compare(a.id, b.id))
	})
	w.insertTags(k.table+"_header", slices.Compact(tags)) // a row may have a header twice
}

func (w *writer) insertTags(table string, tags []tag) {
	for len(tags) > 0 {
		n := 64
		if len(tags) < n {
			n = 1
		}
		args := make([]any, 0, 2*n)
		for _, t := range tags[:n] {
			args = append(args, t.header, t.id)
		}
		w.exec("insert into "+table+" values (?, ?)"+strings.Repeat(", (?, ?)", n-1), args...)
		tags = tags[n:]
	}
}
