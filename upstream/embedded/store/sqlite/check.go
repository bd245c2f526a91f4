package sqlite

import (
	"context"
	"database/sql/driver"
	"fmt"

	"deliverygraph/upstream"
)

// maxProblems is the most problems that Check gives.
const maxProblems = 100

// Check looks for damage: it runs SQLite's own check of the file and its indexes, and holds
// rows, their order, headers, messages and counts against each other. It gives what is
// wrong, none if all is well, and reads the whole file.
func (s *Store) Check(ctx context.Context) (problems []string, err error) {
	err = s.read(ctx, "check the store", func(r *reader) error {
		c := checker{reader: r}
		err := c.check()
		problems = c.problems
		return err
	})
	return problems, err
}

type checker struct {
	*reader
	problems []string
	filled   bool                      // the tables of headers are
	numbers  map[upstream.Header]int64 // of headers, names folded
}

func (c *checker) problem(format string, args ...any) {
	if len(c.problems) < maxProblems {
		c.problems = append(c.problems, fmt.Sprintf(format, args...))
	}
}

func (c *checker) check() error {
	err := c.conn.each(c.ctx, func(v []driver.Value) error {
		if found := text(v[0]); found != "ok" {
			c.problem("SQLite: %s", found)
		}
		return nil
	}, fmt.Sprintf("pragma integrity_check(%d)", maxProblems))
	if err != nil || len(c.problems) > 0 { // rows of a broken file tell nothing
		return err
	}
	err = c.conn.each(c.ctx, func(v []driver.Value) error {
		c.problem("a row of %s refers to a row of %s that is not there", text(v[0]), text(v[2]))
		return nil
	}, "pragma foreign_key_check")
	if err != nil {
		return err
	}
	if c.filled, err = hasHeaders(c.ctx, c.conn); err != nil {
		return err
	}
	c.numbers = map[upstream.Header]int64{}
	err = c.conn.each(c.ctx, func(v []driver.Value) error {
		c.numbers[upstream.Header{Name: text(v[1]), Value: text(v[2])}] = integer(v[0])
		return nil
	}, "select id, name, value from header")
	for _, k := range kinds {
		if err == nil {
			err = c.events(k)
		}
	}
	return err
}

// events checks the rows of a kind. The headers in the rows and those in the table of
// headers are compared by their number and by the sum of a hash of each.
func (c *checker) events(k *kind) error {
	counted := counts{}
	var inRows, inTable struct{ n, sum uint64 }
	var x, before row
	err := c.conn.each(c.ctx, func(v []driver.Value) error {
		if err := k.read(&x, v); err != nil {
			c.problem("%s %d cannot be read: %v", k.table, integer(v[0]), err)
			return nil
		}
		if before.id != 0 && before.compare(&x) >= 0 {
			c.problem("%s %d is not in its place", k.table, x.id)
		}
		before = x
		counted.add(k, &x, 1)
		seen := map[int64]bool{}
		for i := 0; c.filled && i < len(x.headers); i++ {
			h := x.headers[i]
			id := c.numbers[upstream.Header{Name: fold(h.Name), Value: h.Value}]
			if id == 0 {
				c.problem("%s %d has a header that is not among all headers", k.table, x.id)
			}
			if !seen[id] {
				seen[id] = true
				inRows.n++
				inRows.sum += hash(id, x.id)
			}
		}
		return nil
	}, "select "+k.selection(len(k.columns))+" from "+k.table+" r left join domain d on d.id = r.domain_id order by r.id")
	if err != nil {
		return err
	}
	err = c.conn.each(c.ctx, func(v []driver.Value) error {
		inTable.n++
		inTable.sum += hash(integer(v[0]), integer(v[1]))
		return nil
	}, "select header_id, id from "+k.table+"_header")
	if err != nil {
		return err
	}
	if inRows != inTable {
		c.problem("%s_header does not have the headers that the rows of %s have: %d, and %d in the rows", k.table, k.table, inTable.n, inRows.n)
	}
	return c.counts(k, counted)
}

// counts checks the counts of a kind.
func (c *checker) counts(k *kind, want counts) error {
	err := c.conn.each(c.ctx, func(v []driver.Value) error {
		key := counted{k, upstream.Time(integer(v[0])), upstream.ID(integer(v[1])), upstream.ID(integer(v[2])), text(v[3])}
		rows := want[key]
		if rows == nil {
			rows = new([24]int64)
		}
		delete(want, key)
		total := int64(0)
		for h, n := range rows {
			total += n
			if got := integer(v[5+h]); got != n {
				c.problem("%d of %s are counted at %s of user %d, sender %d, and there are %d", got, k.table,
					(key.day + upstream.Time(h)*hour).UTC().Format("2006-01-02T15:04Z"), key.user, key.sender, n)
			}
		}
		if got := integer(v[4]); got != total {
			c.problem("%d of %s are counted on %s of user %d, sender %d, and there are %d", got, k.table, key.day.UTC().Format("2006-01-02"), key.user, key.sender, total)
		}
		return nil
	}, "select day, user_id, sender_id, type, total, "+hourList+" from event_count where kind = ?", k.table)
	for key := range want {
		c.problem("no %s is counted on %s of user %d, sender %d, and there are some", k.table, key.day.UTC().Format("2006-01-02"), key.user, key.sender)
	}
	return err
}

// hash mixes two numbers, so that sums of it tell sets of pairs apart.
func hash(a, b int64) uint64 {
	x := uint64(a)*0x9e3779b97f4a7c15 ^ uint64(b)
	x ^= x >> 32
	x *= 0xd6e8feb86659fd93
	x ^= x >> 32
	return x * 0xd6e8feb86659fd93
}
