package sqlite

import (
	"context"
	"os"

	"deliverygraph/upstream/embedded/store"
)

// Info describes the store by its counts.
func (s *Store) Info(ctx context.Context) (store.Info, error) {
	var i store.Info
	err := s.read(ctx, "describe the store", func(r *reader) {
		for _, k := range kinds {
			table, x := k.table, i.Of(k.Kind)
			if x.Rows = r.Number("select sum(total) from event_count where kind = ?", table); x.Rows > 0 {
				x.First = timeOf(r.Number("select min(id) from " + table))
				x.Last = timeOf(r.Number("select max(id) from " + table))
			}
		}
		i.Senders = int(r.Number("select count(*) from sender"))
		i.Users = int(r.Number("select count(*) from" +
			" (select user_id from event_count union select user_id from sender)"))
		i.Version = int(r.Number("pragma user_version"))
		i.Remains = r.Number("select count(*) from import_state where key = ?", store.Remains) > 0
		i.Unfinished = !r.hasIndexes()
	})
	for file, bytes := range map[string]*int64{s.path: &i.Bytes, s.path + "-wal": &i.ExtraBytes} {
		if st, err := os.Stat(file); err == nil {
			*bytes = st.Size()
		}
	}
	return i, err
}
