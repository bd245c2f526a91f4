package sqlite

import (
	"context"
	"slices"
	"strconv"
	"time"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// Codes lists the codes of a kind's catalogue: see [store.Reader].
func (s *Store) Codes(ctx context.Context, k upstream.Kind) ([]string, error) {
	list := slices.Clone(*store.Documented.Of(k))
	err := s.readIndexed(ctx, "list codes", func(r *reader) {
		for _, code := range r.distinct(kinds[k].codes, kinds[k].table+" where "+kinds[k].codes+" > ''", -1) {
			list = append(list, text(code))
		}
	})
	slices.Sort(list)
	return slices.Compact(list), err
}

// distinct returns the first different values of a column, at most limit, or all if that is negative. From ends with a
// condition. An index leads from one value to the next, past the rows that share it.
func (r *reader) distinct(column, from string, limit int, args ...any) []any {
	least := "select min(" + column + ") from " + from
	return r.Values("with recursive seen (v) as ("+least+" union all"+
		" select ("+least+" and "+column+" > v) from seen where v is not null)"+
		" select v from seen where v is not null limit "+strconv.Itoa(limit), args...)
}

// Generation returns the numbers of the last change, and of the last one of old events: see [store.Store]. It is one
// statement, and so needs no transaction.
func (s *Store) Generation(ctx context.Context, age time.Duration) (last, old int64, err error) {
	c, err := s.readers.Take(ctx)
	if err == nil {
		defer s.readers.Put(c)
		c.Short = true
		for v := range c.Rows("select ("+lastChange+"), ("+changeOf+")", int64(age/time.Second)) {
			last, old = integer(v[0]), integer(v[1])
		}
		err = c.Err
	}
	return last, old, s.explain(ctx, "look for changes: the store cannot be read", err)
}
