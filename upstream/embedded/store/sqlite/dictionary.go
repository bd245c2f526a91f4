package sqlite

import (
	"cmp"
	"slices"
	"strings"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// interned identifies a text that many rows share: its table, the text, and the value of a header.
type interned struct{ table, text, value string }

// maxInterned limits the ids of texts in memory, to some megabytes.
const maxInterned = 1 << 17

func (w *writer) forget() { w.interned = map[interned]int64{} }

// header returns the id of a header.
func (w *writer) header(h upstream.Header) int64 {
	return w.intern("name", interned{"header", h.Name, h.Value})
}

// intern returns the id of a text by its column. It adds the text to its table if it is new.
func (w *writer) intern(column string, t interned) int64 {
	id, ok := w.interned[t]
	if ok {
		return id
	}
	columns, args := column, []any{t.text}
	if t.table == "header" {
		columns, args = column+", value", []any{store.FoldHeader(t.text), t.value}
	}
	places := placeholders(len(args))
	id = w.Number("select id from "+t.table+" where ("+columns+") = ("+places+")", args...)
	if id == 0 {
		id = w.Number("insert into "+t.table+" ("+columns+") values ("+places+") returning id", args...)
	}
	w.interned[t] = id
	return id
}

// tag says that a row has a header.
type tag struct{ header, id int64 }

// writeTags writes which rows have which headers, in the order of the tables, which is faster than row by row. After an
// error the transaction is undone as a whole, so SQLite need not be able to undo each statement.
func (w *writer) writeTags() {
	for i, k := range kinds {
		tags := w.tags[i]
		w.tags[i] = tags[:0]
		slices.SortFunc(tags, func(a, b tag) int {
			return cmp.Or(cmp.Compare(a.header, b.header), cmp.Compare(a.id, b.id))
		})
		tags = slices.Compact(tags) // a row may have a header twice
		for some := range slices.Chunk(tags, 64) {
			args := make([]any, 0, 2*len(some))
			for _, t := range some {
				args = append(args, t.header, t.id)
			}
			others := strings.Repeat(", (?, ?)", len(some)-1)
			w.Exec("insert or fail into "+k.table+"_header values (?, ?)"+others, args...)
		}
	}
}
