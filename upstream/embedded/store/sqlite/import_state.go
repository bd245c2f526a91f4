package sqlite

import (
	"context"

	"deliverygraph/upstream/embedded/store"
)

// State returns what batches have stored: see [store.Writer].
func (s *Store) State(ctx context.Context, prefix string) (map[string]string, error) {
	var state map[string]string
	err := s.read(ctx, "read the state of imports", func(r *reader) { state = r.state(prefix) })
	return state, err
}

func (c conn) state(prefix string) map[string]string {
	state := map[string]string{}
	for v := range c.Rows("select key, value from import_state where key >= ?1 and substr(key, 1, length(?1)) = ?1",
		prefix) {
		state[text(v[0])] = text(v[1])
	}
	return state
}

// require fails with [store.ErrChanged] if the state differs from what is given.
func (w *writer) require(given map[string]string) {
	for key, value := range given {
		if kept := w.state(key); w.Err == nil && kept[key] != value {
			w.Fail(store.ErrChanged)
		}
	}
}

// keep writes the state of an import. An empty value removes its key.
func (w *writer) keep(state map[string]string) {
	for key, value := range state {
		if value == "" {
			w.Exec("delete from import_state where key = ?", key)
		} else {
			w.Exec("insert or replace into import_state values (?, ?)", key, value)
		}
	}
}
