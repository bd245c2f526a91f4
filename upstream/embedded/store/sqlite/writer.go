package sqlite

import (
	"cmp"
	"context"
	"database/sql/driver"
	"math"
	"slices"
	"strings"
	"time"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// writer is the connection that writes, and what one transaction of it has changed.
type writer struct {
	conn       *conn
	cacheKiB   int64
	generation int64 // of the last transaction that it has seen; -1 before any
	domains    map[string]int64
	headers    map[upstream.Header]int64

	lastUser, lastSender int64 // the last numbers that it gave to accounts and senders

	filled  bool // the tables of headers are, and must be kept so
	open    bool // a transaction is
	ctx     context.Context
	written store.Written
	counts  counts
	tagged  [len(kinds)][]tag // headers of rows, to be written
	sweeps  bool              // headers and domains that no row has any more go too
	loose   [2]map[int64]bool // the headers and domains that were taken from rows
	changed bool
	oldest  upstream.Time // the earliest event that was changed
}

// tag says that the row with the id has the header.
type tag struct{ header, id int64 }

// everything is the time of changes that may concern any event.
const everything = upstream.Time(math.MinInt64)

// Bounds of what a writer remembers of the dictionaries.
const (
	maxDomains = 1 << 16
	maxHeaders = 1 << 17
)

func (w *writer) begin(ctx context.Context) error {
	if err := w.conn.begin(ctx, true); err != nil {
		return err
	}
	w.open = true
	w.ctx, w.counts, w.changed, w.oldest = ctx, counts{}, false, math.MaxInt64
	w.sweeps, w.loose = false, [2]map[int64]bool{{}, {}}
	for k := range w.tagged {
		w.tagged[k] = w.tagged[k][:0]
	}
	g, err := w.conn.number(ctx, "select max(generation) from change")
	if err == nil && !w.filled {
		w.filled, err = hasHeaders(ctx, w.conn)
	}
	if err != nil {
		w.rollback()
		return err
	}
	if g != w.generation || len(w.domains) > maxDomains || len(w.headers) > maxHeaders {
		w.forget() // another process may have removed some
	}
	w.generation = g
	return nil
}

// forget drops what is remembered of the dictionaries.
func (w *writer) forget() {
	w.domains, w.headers = map[string]int64{}, map[upstream.Header]int64{}
}

// rollback undoes the transaction, unless it is committed.
func (w *writer) rollback() {
	if !w.open {
		return
	}
	w.open = false
	w.conn.rollback()
	w.forget() // what was added is gone
	w.lastUser, w.lastSender = 0, 0
	w.generation = -1
}

// commit ends the transaction. What it changed gets the next generation.
func (w *writer) commit() error {
	err := w.finish()
	if err == nil {
		err = w.conn.commit()
	}
	if err == nil {
		w.open = false
	}
	return err
}

func (w *writer) finish() error {
	if !w.changed {
		return nil
	}
	for k := range w.tagged {
		if err := w.writeTags(kinds[k]); err != nil {
			return err
		}
	}
	if err := w.counts.write(w.conn); err != nil {
		return err
	}
	if w.sweeps {
		if err := w.sweep(); err != nil {
			return err
		}
	}
	age := int64(math.MaxInt64)
	if w.oldest != everything {
		age = max(0, time.Now().Unix()-int64(w.oldest))
	}
	w.generation++
	if err := w.conn.exec("delete from change where age <= ?", age); err != nil {
		return err
	}
	return w.conn.exec("insert into change values (?, ?)", age, w.generation)
}

// touch notes a change that concerns events from t on.
func (w *writer) touch(t upstream.Time) {
	w.changed = true
	w.oldest = min(w.oldest, t)
}

func (w *writer) senders(list []store.Sender) error {
	for _, x := range list {
		known, old := false, store.Sender{SenderID: x.SenderID}
		err := w.conn.each(w.ctx, func(v []driver.Value) error {
			known, old.UserID, old.Address = true, upstream.ID(integer(v[0])), text(v[1])
			return nil
		}, "select user_id, address from sender where id = ?", int64(x.SenderID))
		switch {
		case err != nil:
			return err
		case !known:
			w.written.New++
		case old == x:
			w.written.Unchanged++
			continue
		default:
			w.written.Replaced++
		}
		w.touch(everything)
		if err := w.conn.exec("insert or replace into sender values (?, ?, ?)", int64(x.SenderID), int64(x.UserID), x.Address); err != nil {
			return err
		}
	}
	return nil
}

// put writes rows of one kind, which are in list order.
func (w *writer) put(k *kind, rows []row) error {
	if len(rows) == 0 {
		return nil
	}
	last, err := w.conn.number(w.ctx, "select coalesce(max(id), "+minID+") from "+k.table)
	if err != nil {
		return err
	}
	for n := 0; len(rows) > 0; n++ {
		if n%1024 == 0 && w.ctx.Err() != nil {
			return w.ctx.Err()
		}
		end := 1
		for end < len(rows) && rows[end].time == rows[0].time {
			end++
		}
		var old []row
		if firstID(rows[0].time) <= last {
			if old, err = load(w.ctx, w.conn, k, "r.id >= ? and r.id < ?", firstID(rows[0].time), firstID(rows[0].time+1)); err != nil {
				return err
			}
		}
		if err := w.second(k, old, rows[:end]); err != nil {
			return err
		}
		rows = rows[end:]
	}
	return nil
}

// add writes a new row, which has its id.
func (w *writer) add(k *kind, r *row) error {
	w.counts.add(k, r, 1)
	w.touch(r.time)
	return w.insert(k, r)
}

func (w *writer) insert(k *kind, r *row) error {
	domain, err := w.domain(r.domain)
	if err != nil {
		return err
	}
	var address, headers any
	if !r.plainAddress() {
		address = r.address
	}
	if r.headers != nil {
		headers = encodeHeaders(r.headers)
	}
	if w.filled {
		for _, h := range r.headers {
			id, err := w.header(h)
			if err != nil {
				return err
			}
			w.tagged[k.Kind] = append(w.tagged[k.Kind], tag{id, r.id})
		}
	}
	args := append([]any{r.id, int64(r.user), int64(r.sender), r.emailID, r.local, domain, address, headers}, k.values(r)...)
	if err := w.conn.exec("insert into "+k.table+" values ("+strings.Repeat("?, ", len(args)-1)+"?)", args...); err != nil {
		return err
	}
	if r.content != "" {
		return w.conn.exec("insert into bounce_content values (?, ?)", r.id, r.content)
	}
	return nil
}

// drop removes a row for good.
func (w *writer) drop(k *kind, r *row) error {
	w.counts.add(k, r, -1)
	w.touch(r.time)
	return w.remove(k, r)
}

func (w *writer) remove(k *kind, r *row) error {
	if err := w.writeTags(k); err != nil { // those of the row may be among them
		return err
	}
	if w.sweeps {
		domain, err := w.domain(r.domain)
		if err != nil {
			return err
		}
		w.loose[1][domain] = true
	}
	for i := 0; w.filled && i < len(r.headers); i++ {
		h := r.headers[i]
		id, err := w.header(h)
		if err != nil {
			return err
		}
		w.loose[0][id] = true
		if err := w.conn.exec("delete from "+k.table+"_header where header_id = ? and id = ?", id, r.id); err != nil {
			return err
		}
	}
	if r.content != "" {
		if err := w.conn.exec("delete from bounce_content where id = ?", r.id); err != nil {
			return err
		}
	}
	return w.conn.exec("delete from "+k.table+" where id = ?", r.id)
}

// writeTags writes which rows have which headers, in the order of the table, which is
// faster than row by row.
func (w *writer) writeTags(k *kind) error {
	tags := w.tagged[k.Kind]
	w.tagged[k.Kind] = tags[:0]
	slices.SortFunc(tags, func(a, b tag) int { return cmp.Or(cmp.Compare(a.header, b.header), cmp.Compare(a.id, b.id)) })
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
		if err := w.conn.exec("insert into "+table+" values (?, ?)"+strings.Repeat(", (?, ?)", n-1), args...); err != nil {
			return err
		}
		tags = tags[n:]
	}
	return nil
}

// domain gives the number of a domain.
func (w *writer) domain(name string) (int64, error) {
	if id, ok := w.domains[name]; ok {
		return id, nil
	}
	id, err := w.intern("domain where name = ?", "domain (name) values (?)", name)
	w.domains[name] = id
	return id, err
}

// header gives the number of a header.
func (w *writer) header(h upstream.Header) (int64, error) {
	if id, ok := w.headers[h]; ok {
		return id, nil
	}
	id, err := w.intern("header where name = ? and value = ?", "header (name, value) values (?, ?)", fold(h.Name), h.Value)
	w.headers[h] = id
	return id, err
}

// intern gives the id of a row of a dictionary, which it adds if there is none.
func (w *writer) intern(find, add string, args ...any) (int64, error) {
	id, err := w.conn.number(w.ctx, "select id from "+find, args...)
	if err != nil || id != 0 {
		return id, err
	}
	return w.conn.number(w.ctx, "insert into "+add+" returning id", args...)
}
