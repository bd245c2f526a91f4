package sqlite

import (
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/grouped"
)

// fillPatterns sets the patterns of bounces that have none yet, within a migration of an existing store. It also builds
// the indexes that are new, so that the store is complete for programs that may only read it.
func (c *conn) fillPatterns() {
	const some = 1000
	type bounce struct{ id, pattern int64 }
	w := &writer{conn: c}
	w.forget()
	last := firstID(-store.MaxTime) - 1
	for found := make([]bounce, some); len(found) == some; {
		found = found[:0]
		for v := range c.rows("select id, diagnostic, local from bounce where id > ? and pattern_id = 0"+
			" order by id limit ?", last, int64(some)) {
			last = integer(v[0])
			found = append(found, bounce{last, w.pattern(grouped.Pattern(text(v[1]), text(v[2])))})
		}
		for _, b := range found {
			c.exec("update bounce set pattern_id = ? where id = ?", b.pattern, b.id)
		}
		if len(w.interned) > maxInterned {
			w.forget()
		}
	}
	for _, q := range indexes {
		c.exec(q)
	}
}
