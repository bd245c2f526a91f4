package sqlite

import (
	"context"
	"time"
)

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

// changed returns the number of the last change of events of an age, in seconds: see the change table.
func (r *reader) changed(age int64) (int64, error) { return r.Number(changeOf, age), r.Err }

// Queries for the number of the last change, and of the last one of events of an age. There may be a row for each batch
// of an import, but the lower the age, the higher the number.
const (
	lastChange = "select generation from change order by age limit 1"
	changeOf   = "select generation from change where age >= ? order by age limit 1"
)
