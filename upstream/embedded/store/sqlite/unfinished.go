package sqlite

import (
	"encoding/json"
	"slices"
	"strings"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// pruneUnfinished removes the unfinished messages of imports whose last line is from before a time.
func (w *writer) pruneUnfinished(before upstream.Time) {
	w.exec("delete from import_state where substr(key, 1, length(?1)) = ?1 and json_valid(value)"+
		" and ifnull((select max(atom) from json_tree(import_state.value) where type = 'integer'), 0) < ?2",
		store.UnfinishedPrefix, int64(before)*1000)
	if w.number("select changes()") > 0 {
		w.changeUnfinished()
	}
}

// changeUnfinished notes a change of unfinished messages, for imports that are running: see [store.Batch].Given.
func (w *writer) changeUnfinished() {
	w.exec("insert into import_state values (?, '1') on conflict (key) do update set value = cast(value + 1 as text)",
		store.UnfinishedChange)
}

// eraseUnfinished removes the recipient from the unfinished messages of imports.
func (e *eraser) eraseUnfinished() {
	edited := map[string]string{}
	for key, value := range e.state(store.UnfinishedPrefix) {
		if kept := e.thinned(value); e.names(key) {
			edited[key] = ""
		} else if kept != value {
			edited[key] = kept
		}
	}
	e.found.Unfinished = int64(len(edited))
	if len(edited) > 0 {
		e.keep(edited)
		e.changeUnfinished()
	}
}

// thinned returns a JSON value without the elements of lists that contain the address, or "" if more contains it.
func (e *eraser) thinned(value string) string {
	var v any
	d := json.NewDecoder(strings.NewReader(value))
	d.UseNumber()
	if err := d.Decode(&v); err != nil && e.names(value) {
		return ""
	} else if err != nil || !e.inside(v) {
		return value
	}
	v = e.thin(v)
	kept, err := json.Marshal(v)
	if err != nil || e.inside(v) { // outside of a list, such as a return path
		return ""
	}
	return string(kept)
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
