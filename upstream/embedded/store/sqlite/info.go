package sqlite

import (
	"context"
	"database/sql/driver"
	"os"

	"deliverygraph/upstream/embedded/store"
)

// Info describes the store by its counts.
func (s *Store) Info(ctx context.Context) (store.Info, error) {
	var i store.Info
	err := s.read(ctx, "describe the store", func(r *reader) error {
		for _, k := range kinds {
			table, x := k.table, i.Of(k.Kind)
			err := r.conn.each(ctx, func(v []driver.Value) error {
				if x.Rows = integer(v[0]); x.Rows > 0 {
					x.First, x.Last = timeOf(integer(v[1])), timeOf(integer(v[2]))
				}
				return nil
			}, "select (select sum(total) from event_count where kind = ?),"+
				" (select min(id) from "+table+"), (select max(id) from "+table+")", table)
			if err != nil {
				return err
			}
		}
		err := r.conn.each(ctx, func(v []driver.Value) error {
			i.Senders, i.Users, i.Version = int(integer(v[0])), int(integer(v[1])), int(integer(v[2]))
			i.Remains = integer(v[3]) != 0
			return nil
		}, "select (select count(*) from sender),"+
			" (select count(*) from (select user_id from event_count union select user_id from sender)),"+
			" (select user_version from pragma_user_version), (select count(*) from import_state where key = ?)",
			remains)
		if err != nil {
			return err
		}
		indexed, err := hasIndexes(ctx, r.conn)
		i.Unfinished = !indexed
		return err
	})
	for file, bytes := range map[string]*int64{s.path: &i.Bytes, s.path + "-wal": &i.ExtraBytes} {
		if st, err := os.Stat(file); err == nil {
			*bytes = st.Size()
		}
	}
	return i, err
}
