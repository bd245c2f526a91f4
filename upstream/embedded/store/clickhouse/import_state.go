package clickhouse

import (
	"context"

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

func (s *Store) state(ctx context.Context, prefix string) (map[string]string, error) {
	state := map[string]string{}
	var key, value string
	err := each(ctx, "select key, value from import_state final where value != '' and substring(key, 1, "+
		number(len(prefix))+") = "+quote(prefix), []any{&key, &value}, func() { state[key] = value })
	return state, err
}

// require fails with [store.ErrChanged] if the state differs from what is given.
func (s *Store) require(ctx context.Context, given map[string]string) error {
	if len(given) == 0 {
		return nil
	}
	kept, err := s.state(ctx, "")
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
