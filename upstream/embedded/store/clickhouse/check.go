package clickhouse

import (
	"context"

	"deliverygraph/upstream/embedded/store"
)

// Check looks for damage: it compares the ids of all events with their content, and with the indexes. ClickHouse
// verifies the checksums of what it reads.
func (s *Store) Check(ctx context.Context) (problems store.Problems, err error) {
	err = s.read(ctx, "check the store", func(ctx context.Context) error {
		problems = nil
		for _, k := range kinds {
			x := newScanner(k, false)
			err := each(ctx, "select "+k.listed+" from "+s.from(k)+" where removed = 0", x.targets, func() {
				if r := x.read(); r.id != r.messageID() {
					problems.Add("%s of time %d and id %d has the content of another message", k.table, r.Time, r.id)
				}
			})
			if err != nil {
				return err
			}
			for _, index := range []struct{ table, column, key, harm string }{
				{"message", "id", "id", "log records are not merged with them"},
				{"recipient", "recipient", "cityHash64(" + recipient + ")", "lists by recipient lack them"},
			} {
				lost, err := first[uint64](ctx, "select count() from "+k.table+" where ("+index.key+
					", time) global not in (select "+index.column+", time from "+index.table+" where kind = "+
					number(k.Kind)+")")
				if err != nil {
					return err
				}
				if lost > 0 {
					problems.Add("%d rows of %s are not in the table %s, so %s", lost, k.table, index.table, index.harm)
				}
			}
		}
		return nil
	})
	return problems, err
}
