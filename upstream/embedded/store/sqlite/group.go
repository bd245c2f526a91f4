package sqlite

import (
	"database/sql/driver"
	"strconv"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// Group adds up events: see [store.View].
func (v *view) Group(g store.Grouping, add store.AddGroup) error {
	x := sum{
		listing: v.listing(kinds[g.Query.Kind], &g.Query.ListQuery),
		by:      g.Query.By, header: g.Query.Header, times: g.Times,
		add: func(keys []driver.Value, at upstream.Time, n int64) { add(v.groupKeys(keys), at, n) },
	}
	x.run()
	return v.Err
}

// groupKeys converts the keys of a [sum].
func (r *reader) groupKeys(v []driver.Value) (keys upstream.Keys) {
	for i := range keys {
		switch x := v[i].(type) {
		case int64:
			keys[i] = strconv.FormatInt(x, 10)
		case string:
			keys[i] = x
		default:
			r.Fail(store.ErrDamaged) // the domain or the pattern does not exist
		}
	}
	return keys
}
