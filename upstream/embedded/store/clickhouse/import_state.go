package clickhouse

import (
	"context"
	"iter"
	"maps"
	"time"

	"deliverygraph/upstream/embedded/store"
)

// State returns what batches have stored: see [store.Writer].
func (s *Store) State(ctx context.Context, prefix string) (state map[string]string, err error) {
	err = s.read(ctx, "read the state of imports", func(ctx context.Context) (err error) {
		state, err = s.state(ctx, prefix)
		return err
	})
	return state, err
}

func (s *Store) state(ctx context.Context, prefix string) (state map[string]string, err error) {
	state = maps.Collect(entries(ctx, "import_state final", "startsWith(key, "+quote(prefix)+")", &err))
	return state, err
}

// entries returns the keys of the state that a query finds, and their values. At its end it sets err.
func entries(ctx context.Context, from, where string, err *error) iter.Seq2[string, string] {
	return func(yield func(key, value string) bool) {
		var key, value string
		more := true
		*err = each(ctx, "select key, value from "+from+" where value != '' and "+where, []any{&key, &value}, func() {
			more = more && yield(key, value)
		})
	}
}

// require fails with [store.ErrChanged] if the state differs from what is given.
func (s *Store) require(ctx context.Context, given map[string]string) error {
	if len(given) == 0 {
		return nil
	}
	var keys []string
	for key := range given {
		keys = append(keys, quote(key))
	}
	var err error
	kept := maps.Collect(entries(ctx, "import_state final", "key in ("+join(keys)+")", &err))
	for key, value := range given {
		if err == nil && kept[key] != value {
			err = store.ErrChanged
		}
	}
	return err
}

// keep writes the state of an import. An empty value removes its key.
func (s *Store) keep(ctx context.Context, state map[string]string) error {
	type entry struct{ key, value string }
	var all []entry
	for key, value := range state {
		all = append(all, entry{key, value})
	}
	if len(all) == 0 {
		return nil
	}
	// The clock of another process may be ahead.
	last, err := first[uint64](ctx, "select max(version) from import_state")
	if err != nil {
		return err
	}
	return insert(ctx, "import_state (key, value, version)", all, func(e *entry) []any {
		return []any{e.key, e.value, s.next(last)}
	})
}

// forgetRemoved deletes the rows of keys that have no value: each message that was unfinished once leaves one. Rows of
// the last hour stay, since a write may just be adding one. It does nothing unless earlier values, which would return,
// are merged with these rows.
func (s *Store) forgetRemoved(ctx context.Context) error {
	old := "version < " + number(time.Now().Add(-time.Hour).UnixNano())
	n, err := first[uint64](ctx, "select count() from import_state where value = '' and "+old)
	if err != nil || n == 0 {
		return err
	}
	if err := s.merge(ctx, "import_state"); err != nil {
		return err
	}
	rows, err := first[uint64](ctx, "select count() from import_state where "+old)
	if err != nil {
		return err
	}
	merged, err := first[uint64](ctx, "select count() from import_state final where "+old)
	if err != nil || rows != merged {
		return err
	}
	return s.removeRows(ctx, "import_state", "value = '' and "+old)
}
