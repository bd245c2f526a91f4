package sqlite

import (
	"database/sql/driver"
	"encoding/json"
	"slices"
	"strings"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// unfinished calls f for each entry of [store.UnfinishedPrefix], and stores the values that it returns. An empty value
// removes the entry. It returns how many have changed.
func (w *writer) unfinished(f func(key, value string) string) (changed int64, err error) {
	state := map[string]string{}
	err = w.conn.each(w.ctx, func(v []driver.Value) error {
		if key, value := text(v[0]), text(v[1]); strings.HasPrefix(key, store.UnfinishedPrefix) {
			if kept := f(key, value); kept != value {
				state[key] = kept
			}
		}
		return nil
	}, "select key, value from import_state where key >= ?", store.UnfinishedPrefix)
	if err != nil {
		return 0, err
	}
	return int64(len(state)), w.keep(state)
}

// pruneUnfinished removes the unfinished messages whose last line is from before a time.
func (w *writer) pruneUnfinished(before upstream.Time) error {
	_, err := w.unfinished(func(_, value string) string {
		if v, err := parseJSON(value); err == nil && latest(v) < int64(before)*1000 {
			return ""
		}
		return value
	})
	return err
}

// eraseUnfinished removes the recipient from the unfinished messages.
func (e *eraser) eraseUnfinished() (changed int64, err error) {
	return e.unfinished(func(key, value string) string {
		v, err := parseJSON(value)
		switch {
		case e.names(key):
			return ""
		case err != nil && e.names(value):
			return ""
		case err != nil || !e.inside(v):
			return value
		}
		v = e.thin(v)
		kept, err := json.Marshal(v)
		if err != nil || e.inside(v) { // outside of a list, such as a return path
			return ""
		}
		return string(kept)
	})
}

func parseJSON(text string) (v any, err error) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	err = d.Decode(&v)
	return v, err
}

// latest returns the largest integer in a JSON value.
func latest(v any) (n int64) {
	switch v := v.(type) {
	case json.Number:
		n, _ = v.Int64()
	case []any:
		for _, x := range v {
			n = max(n, latest(x))
		}
	case map[string]any:
		for _, x := range v {
			n = max(n, latest(x))
		}
	}
	return n
}

// names reports whether a text contains the address.
func (e *eraser) names(s string) bool { return e.without(s) != s }

// inside reports whether a JSON value contains the address.
func (e *eraser) inside(v any) bool {
	switch v := v.(type) {
	case string:
		return e.names(v)
	case []any:
		return slices.ContainsFunc(v, e.inside)
	case map[string]any:
		for name, x := range v {
			if e.names(name) || e.inside(x) {
				return true
			}
		}
	}
	return false
}

// thin removes the elements of lists that contain the address from a JSON value.
func (e *eraser) thin(v any) any {
	switch v := v.(type) {
	case []any:
		return slices.DeleteFunc(v, e.inside)
	case map[string]any:
		for name, x := range v {
			v[name] = e.thin(x)
		}
	}
	return v
}
