package sqlite

import (
	"context"
	"slices"
	"time"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// Codes lists the codes of a kind's catalogue: see [store.Reader].
func (s *Store) Codes(ctx context.Context, k upstream.Kind) ([]string, error) {
	list := slices.Clone(*store.Documented.Of(k))
	table, column := kinds[k].table, kinds[k].codes
	err := s.readIndexed(ctx, "list codes", func(r *reader) {
		// The index leads from one code to the next, past the rows that share it.
		for v := range r.Rows("with recursive seen (c) as (select min(" + column + ") from " + table + " union all" +
			" select (select min(" + column + ") from " + table + " where " + column + " > c) from seen where c is not null)" +
			" select c from seen where c > ''") {
			list = append(list, text(v[0]))
		}
	})
	slices.Sort(list)
	return slices.Compact(list), err
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
