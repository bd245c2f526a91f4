package sqlite

import (
	"context"
	"database/sql/driver"
	"math"
	"time"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// writer is the connection that writes, and the changes of its current transaction.
type writer struct {
	conn       *conn
	cacheKiB   int64
	generation int64 // of the last transaction that it has seen; -1 before any

	domains map[string]int64 // their ids, as far as they are cached
	headers map[upstream.Header]int64

	lastUser, lastSender int64 // the last numbers that it gave to accounts and senders

	filled  bool // the tables of headers are filled
	open    bool // there is a transaction
	ctx     context.Context
	written store.Written
	counts  counts
	tagged  [len(kinds)][]tag // headers of rows, to be written
	changed bool
	oldest  upstream.Time // the earliest event that was changed
}

// tag says that a row has a header.
type tag struct{ header, id int64 }

// everything is the time of changes that may concern any event, nothing of those that concern none.
const (
	everything = upstream.Time(math.MinInt64)
	nothing    = upstream.Time(math.MaxInt64)
)

// Maximum sizes of the caches of dictionaries.
const (
	maxDomains = 1 << 16
	maxHeaders = 1 << 17
)

func (w *writer) begin(ctx context.Context) error {
	if err := w.conn.begin(ctx, true); err != nil {
		return err
	}
	w.open = true
	w.ctx, w.counts, w.changed, w.oldest = ctx, counts{}, false, nothing
	for k := range w.tagged {
		w.tagged[k] = w.tagged[k][:0]
	}
	g, err := w.conn.number(ctx, lastChange)
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

// forget empties the caches of dictionaries.
func (w *writer) forget() {
	w.domains, w.headers = map[string]int64{}, map[upstream.Header]int64{}
}

// rollback undoes the transaction unless it is committed.
func (w *writer) rollback() {
	if !w.open {
		return
	}
	w.open = false
	w.conn.rollback()
	w.forget()
	w.lastUser, w.lastSender = 0, 0
	w.generation = -1
}

// commit ends the transaction. Its changes get the next generation.
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
	if err := w.writeAllTags(); err != nil {
		return err
	}
	if err := w.counts.write(w.conn); err != nil {
		return err
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

// touch notes a change of events from t on.
func (w *writer) touch(t upstream.Time) {
	w.changed = true
	w.oldest = min(w.oldest, t)
}

func (w *writer) senders(list []store.Sender) error {
	for _, x := range list {
		exists, old := false, store.Sender{SenderID: x.SenderID}
		err := w.conn.each(w.ctx, func(v []driver.Value) error {
			exists, old.UserID, old.Address = true, upstream.ID(integer(v[0])), text(v[1])
			return nil
		}, "select user_id, address from sender where id = ?", int64(x.SenderID))
		switch {
		case err != nil:
			return err
		case !exists:
			w.written.New++
		case old == x:
			w.written.Unchanged++
			continue
		default:
			w.written.Replaced++
		}
		w.touch(everything)
		err = w.conn.exec("insert or replace into sender values (?, ?, ?)", int64(x.SenderID), int64(x.UserID),
			x.Address)
		if err != nil {
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
		first, end := firstID(rows[0].time), 1
		for end < len(rows) && rows[end].time == rows[0].time {
			end++
		}
		var old []row
		if first <= last {
			old, err = load(w.ctx, w.conn, k, -1, "r.id >= ? and r.id < ?", first, firstID(rows[0].time+1))
			if err != nil {
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

// insert is add for a row that is counted.
func (w *writer) insert(k *kind, r *row) error {
	domain, err := w.domain(r.domain)
	if err != nil {
		return err
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
	if err := w.conn.exec(k.insert, r.values(k, domain)...); err != nil {
		return err
	}
	if r.FullContent != "" {
		return w.conn.exec("insert into bounce_content values (?, ?)", r.id, r.FullContent)
	}
	return nil
}

// drop removes a row.
func (w *writer) drop(k *kind, r *row) error {
	w.counts.add(k, r, -1)
	w.touch(r.time)
	return w.remove(k, r)
}

// remove is drop for a row that stays counted.
func (w *writer) remove(k *kind, r *row) error {
	if err := w.writeTags(k); err != nil { // those of the row may be among them
		return err
	}
	for i := 0; w.filled && i < len(r.headers); i++ {
		id, err := w.header(r.headers[i])
		if err != nil {
			return err
		}
		if err := w.conn.exec("delete from "+k.table+"_header where header_id = ? and id = ?", id, r.id); err != nil {
			return err
		}
	}
	if r.FullContent != "" {
		if err := w.conn.exec("delete from bounce_content where id = ?", r.id); err != nil {
			return err
		}
	}
	return w.conn.exec("delete from "+k.table+" where id = ?", r.id)
}
