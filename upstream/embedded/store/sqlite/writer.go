package sqlite

import (
	"math"
	"time"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/grouped"
)

// writer is the connection that writes, and the changes of its current transaction.
type writer struct {
	conn
	cacheBytes int64

	generation           int64              // of the last transaction that it has seen; -1 before any
	interned             map[interned]int64 // ids of texts
	lastUser, lastSender int64              // the last numbers that it gave to accounts and senders

	written store.Written
	counts  counts
	tags    [len(kinds)][]tag // headers of rows, to be written
	changed bool
	oldest  upstream.Time // the earliest event that was changed

	fullWAL int64 // the size of the -wal when it could not be emptied
}

// everything is the time of changes that may concern any event, and nothing that of changes that concern no event.
const (
	everything = upstream.Time(math.MinInt64)
	nothing    = upstream.Time(math.MaxInt64)
)

func (w *writer) begin() {
	w.Begin(true)
	w.written, w.counts, w.tags, w.changed, w.oldest = store.Written{}, counts{}, [len(kinds)][]tag{}, false, nothing
	g := w.Number(lastChange)
	if g != w.generation || len(w.interned) > maxInterned { // another process may have removed some
		w.forget()
	}
	w.generation = g
}

// rollback undoes the transaction unless it is committed.
func (w *writer) rollback() {
	if w.Rollback() {
		*w = writer{conn: w.conn, cacheBytes: w.cacheBytes, generation: -1}
	}
}

// commit ends the transaction. Its changes get the next generation.
func (w *writer) commit() {
	if w.changed {
		w.writeTags()
		w.counts.write(w.Conn)
		age := int64(math.MaxInt64)
		if w.oldest != everything {
			age = max(0, time.Now().Unix()-int64(w.oldest))
		}
		w.generation++
		w.Exec("delete from change where age <= ?", age)
		w.Exec("insert into change values (?, ?)", age, w.generation)
	}
	w.Commit()
}

// touch notes a change of events from t on.
func (w *writer) touch(t upstream.Time) {
	w.changed = true
	w.oldest = min(w.oldest, t)
}

func (w *writer) senders(list []store.Sender) {
	for _, x := range list {
		args := []any{int64(x.SenderID), int64(x.UserID), x.Address}
		switch {
		case w.Number("select count(*) from sender where id = ?", args[0]) == 0:
			w.written.New++
		case w.Number("select count(*) from sender where (id, user_id, address) = (?, ?, ?)", args...) > 0:
			w.written.Unchanged++
			continue
		default:
			w.written.Replaced++
		}
		w.touch(everything)
		w.Exec("insert or replace into sender values (?, ?, ?)", args...)
	}
}

// add writes a new row, which has its id.
func (w *writer) add(k *kind, r *row) {
	w.counts.add(k, r, 1)
	w.touch(r.Time)
	for _, h := range r.XHeaders {
		w.tags[k.Kind] = append(w.tags[k.Kind], tag{w.header(h), r.id})
	}
	values := r.values(k, w.intern("name", interned{"domain", r.Domain, ""}))
	if k.Kind == upstream.Bounces {
		pattern := grouped.Pattern(r.DiagnosticCode, r.Local)
		values = append(values, w.intern("text", interned{"pattern", pattern, ""}))
	}
	w.Exec(k.insert, values...)
	if r.FullContent != "" {
		w.Exec("insert into bounce_content values (?, ?)", r.id, r.FullContent)
	}
}

// drop removes a row, which may lack its details.
func (w *writer) drop(k *kind, r *row) {
	w.counts.add(k, r, -1)
	w.touch(r.Time)
	w.writeTags() // those of the row may be among them
	for _, h := range r.XHeaders {
		w.Exec("delete from "+k.table+"_header where header_id = ? and id = ?", w.header(h), r.id)
	}
	if k.Kind == upstream.Bounces {
		w.Exec("delete from bounce_content where id = ?", r.id)
	}
	w.Exec("delete from "+k.table+" where id = ?", r.id)
}
