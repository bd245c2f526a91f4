package sqlite

import (
	"context"
	"fmt"
	"hash/maphash"
	"math"
	"slices"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/grouped"
)

// Check runs SQLite's own check of the file and its indexes, and compares rows, their order, headers, messages,
// patterns and counts with each other. It needs little memory.
func (s *Store) Check(ctx context.Context) (problems store.Problems, err error) {
	err = s.read(ctx, "check the store", func(r *reader) {
		c := checker{reader: r, seed: maphash.MakeSeed()}
		c.check()
		problems = c.problems
	})
	return problems, err
}

type checker struct {
	*reader
	problems store.Problems
	seed     maphash.Seed
}

func (c *checker) check() {
	for v := range c.Rows(fmt.Sprintf("pragma integrity_check(%d)", store.MaxProblems)) {
		if found := text(v[0]); found != "ok" {
			c.problems.Add("SQLite: %s", found)
		}
	}
	if len(c.problems) > 0 { // rows of a broken file prove nothing
		return
	}
	orphans := c.Number("select count(*) from bounce_content where id not in (select id from bounce)")
	if orphans > 0 {
		c.problems.Add("%d messages belong to no bounce", orphans)
	}
	for _, k := range kinds {
		c.events(k)
	}
	c.patterns()
}

// patterns checks that bounces have the patterns of their diagnostics.
func (c *checker) patterns() {
	wrong := 0
	for v := range c.Rows("select b.diagnostic, b.local, p.text from bounce b" +
		" left join pattern p on p.id = b.pattern_id") {
		if v[2] == nil || text(v[2]) != grouped.Pattern(text(v[0]), text(v[1])) {
			wrong++
		}
	}
	if wrong > 0 {
		c.problems.Add("%d bounces do not have the pattern of their diagnostic", wrong)
	}
}

// events checks the rows of a kind.
func (c *checker) events(k *kind) {
	var x, before row
	var inRows, inTable headerSum
	counted := counts{} // those of the day of before
	checked := upstream.Time(math.MinInt64)
	for v := range c.Rows("select " + k.listed + " from " + k.table +
		" r left join domain d on d.id = r.domain_id order by r.id") {
		if err := x.read(k, v); err != nil {
			c.problems.Add("%s %d cannot be read: %v", k.table, integer(v[0]), err)
			continue
		}
		if before.id != 0 && before.Compare(x.Identity) >= 0 {
			c.problems.Add("%s %d is not in its place", k.table, x.id)
		}
		if last := upstream.Day.Floor(before.Time); before.id != 0 && last != upstream.Day.Floor(x.Time) {
			c.counts(k, checked, last, counted)
			checked = last
			clear(counted)
		}
		before = x
		counted.add(k, &x, 1)
		inRows.addRow(c.seed, &x)
	}
	c.counts(k, checked, math.MaxInt64, counted)
	for v := range c.Rows("select h.name, h.value, n, low, high from" +
		" (select header_id, count(*) n, sum(id & 0xffffffff) low, sum(id >> 20) high from " + k.table +
		"_header group by 1) t left join header h on h.id = t.header_id") {
		h := upstream.Header{Name: text(v[0]), Value: text(v[1])}
		inTable.add(c.seed, h, uint64(integer(v[2])), uint64(integer(v[3])), uint64(integer(v[4])))
	}
	if inRows != inTable {
		c.problems.Add("%s_header differs from the headers in the rows of %s: it has %d, and the rows %d",
			k.table, k.table, inTable.headers, inRows.headers)
	}
}

// headerSum compares sets of headers of rows, in any order. It adds up products of a hash of the header and a sum of
// the ids of its rows, so that SQLite can add up ids.
type headerSum struct{ headers, sum uint64 }

// add adds a header of n rows, with the sum of the last 32 bits of their ids and that of their seconds.
func (s *headerSum) add(seed maphash.Seed, h upstream.Header, n, low, high uint64) {
	s.headers += n
	s.sum += maphash.Comparable(seed, h) * (n + low*0x9e3779b97f4a7c15 + high*0xd6e8feb86659fd93)
}

func (s *headerSum) addRow(seed maphash.Seed, r *row) {
	for i, h := range r.XHeaders {
		h.Name = store.FoldHeader(h.Name)
		again := slices.ContainsFunc(r.XHeaders[:i], func(o upstream.Header) bool {
			return o.Value == h.Value && store.FoldHeader(o.Name) == h.Name
		})
		if !again {
			s.add(seed, h, 1, uint64(r.id&math.MaxUint32), uint64(r.id>>placeBits))
		}
	}
}

// counts checks the counts of the days after one and up to another. Events are those of the last day.
func (c *checker) counts(k *kind, after, last upstream.Time, events counts) {
	for v := range c.Rows("select day, user_id, sender_id, type, total, "+hourList+
		" from event_count where kind = ? and day > ? and day <= ?", k.table, int64(after), int64(last)) {
		day, user, sender := upstream.Time(integer(v[0])), upstream.ID(integer(v[1])), upstream.ID(integer(v[2]))
		key := counted{k, day, user, sender, text(v[3])}
		rows := events[key]
		if rows == nil {
			rows = new([24]int64)
		}
		delete(events, key)
		total := int64(0)
		for h, n := range rows {
			total += n
			if got := integer(v[5+h]); got != n {
				at := (day + upstream.Time(h)*hour).UTC().Format("2006-01-02T15:04Z")
				c.problems.Add("user %d, sender %d has a count of %d for %s at %s, and %d rows",
					user, sender, got, k.table, at, n)
			}
		}
		if got := integer(v[4]); got != total {
			c.problems.Add("user %d, sender %d has a count of %d for %s on %s, and %d rows",
				user, sender, got, k.table, day.UTC().Format("2006-01-02"), total)
		}
	}
	for key := range events {
		c.problems.Add("user %d, sender %d has no count for %s on %s, and some rows",
			key.user, key.sender, k.table, key.day.UTC().Format("2006-01-02"))
	}
}
