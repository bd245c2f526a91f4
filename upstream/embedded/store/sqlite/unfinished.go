package sqlite

import (
	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// pruneUnfinished removes the unfinished messages of imports whose last line is from before a time.
func (w *writer) pruneUnfinished(before upstream.Time) {
	w.Exec("delete from import_state where substr(key, 1, length(?1)) = ?1 and json_valid(value)"+
		" and ifnull((select max(atom) from json_tree(import_state.value) where type = 'integer'), 0) < ?2",
		store.UnfinishedPrefix, int64(before)*1000)
	if w.Number("select changes()") > 0 {
		w.changeUnfinished()
	}
}

// changeUnfinished notes a change of unfinished messages, for imports that are running: see [store.Batch].Given.
func (w *writer) changeUnfinished() {
	w.Exec("insert into import_state values (?, '1') on conflict (key) do update set value = cast(value + 1 as text)",
		store.UnfinishedChange)
}

// eraseUnfinished removes the recipient from the unfinished messages of imports.
func (e *eraser) eraseUnfinished() {
	edited := e.UnfinishedIn(e.state(store.UnfinishedPrefix))
	e.found.Unfinished = int64(len(edited))
	if len(edited) > 0 {
		e.keep(edited)
		e.changeUnfinished()
	}
}
