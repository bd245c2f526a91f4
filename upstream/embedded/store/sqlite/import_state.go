package sqlite

import (
	"context"
	"iter"
	"maps"
	"strings"

	"deliverygraph/upstream/embedded/store"
)

// State returns what batches have stored: see [store.Writer].
func (s *Store) State(ctx context.Context, prefix string) (map[string]string, error) {
	var state map[string]string
	err := s.read(ctx, "read the state of imports", func(r *reader) { state = maps.Collect(r.state(prefix)) })
	return state, err
}

// state returns the keys that begin with prefix, in order, and their values.
func (c conn) state(prefix string) iter.Seq2[string, string] {
	return func(yield func(key, value string) bool) {
		for v := range c.Rows("select key, value from import_state where key >= ? order by key", prefix) {
			if key := text(v[0]); !strings.HasPrefix(key, prefix) || !yield(key, text(v[1])) {
				return
			}
		}
	}
}

// require fails with [store.ErrChanged] if the state differs from what is given.
func (w *writer) require(given map[string]string) {
	for key, value := range given {
		kept := ""
		for v := range w.Rows("select value from import_state where key = ?", key) {
			kept = text(v[0])
		}
		if kept != value {
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
