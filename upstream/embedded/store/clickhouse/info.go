package clickhouse

import (
	"context"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// Info describes the store: see [store.Maintainer].
func (s *Store) Info(ctx context.Context) (i store.Info, err error) {
	err = s.read(ctx, "describe the store", func(ctx context.Context) error {
		users := map[int64]bool{}
		for _, k := range kinds {
			ids, err := s.extent(ctx, k, i.Of(k.Kind))
			if err != nil {
				return err
			}
			for _, id := range ids {
				users[id] = true
			}
		}
		ids, err := values[int64](ctx, "select user_id from sender final")
		for _, id := range ids {
			users[id] = true
		}
		i.Senders, i.Users = len(ids), len(users)
		if err != nil {
			return err
		}
		if i.Version, err = s.version(ctx); err != nil {
			return err
		}
		left, err := s.state(ctx, store.Remains)
		if err != nil {
			return err
		}
		i.Remains = len(left) > 0
		bytes, err := first[uint64](ctx, "select sum(bytes_on_disk) from "+s.servers("system.parts")+
			" where active and database = "+quote(s.database))
		i.Bytes = int64(bytes)
		return err
	})
	return i, err
}

// extent describes the events of a kind, and returns their users.
func (s *Store) extent(ctx context.Context, k *kind, x *store.Extent) (users []int64, err error) {
	var start, end int64
	err = s.hourly(ctx, k, clip(ever), filter{}, func(from string) error {
		return on(ctx).QueryRow(ctx, "select toInt64(sum(total)), min(time), max(time), groupUniqArray(user_id) from "+
			from+" where total > 0").Scan(&x.Rows, &start, &end, &users)
	})
	if err != nil || x.Rows == 0 {
		return nil, err
	}
	return users, on(ctx).QueryRow(ctx, "select min(time), max(time) from "+s.from(k)+" where removed = 0 and ("+
		within(upstream.Window{Start: upstream.Time(start), End: upstream.Time(start) + hour})+" or "+
		within(upstream.Window{Start: upstream.Time(end), End: upstream.Time(end) + hour})+")").Scan(
		(*int64)(&x.First), (*int64)(&x.Last))
}

// servers returns a system table of the server, or of one replica of each shard of the cluster.
func (s *Store) servers(table string) string {
	if s.cluster == "" {
		return table
	}
	return "cluster(" + s.cluster + ", " + table + ")"
}
