package sqlite

import (
	"context"
	"database/sql/driver"
	"strconv"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/grouped"
)

// Groups groups events: see [store.Reader].
func (s *Store) Groups(
	ctx context.Context, only []upstream.ID, q upstream.Question, p *grouped.Providers,
) (groups upstream.Groups, err error) {
	err = s.readIndexed(ctx, "group "+q.Kind.String(), func(r *reader) {
		each := func(g store.Grouping, add store.AddGroup) error {
			x := sum{
				listing: r.listing(kinds[g.Query.Kind], only, &g.Query.ListQuery),
				by:      g.Query.By, header: g.Query.Header, times: g.Times,
				add: func(v []driver.Value, at upstream.Time, n int64) { add(r.groupKeys(v), at, n) },
			}
			x.run()
			return r.Err
		}
		senders := func() (map[upstream.ID]string, error) {
			addresses := map[upstream.ID]string{}
			for v := range r.Rows("select id, address from sender") {
				addresses[upstream.ID(integer(v[0]))] = text(v[1])
			}
			return addresses, r.Err
		}
		groups, _ = store.Group(q, p, each, senders)
	})
	return groups, err
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
