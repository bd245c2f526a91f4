package clickhouse

import (
	"context"
	"time"

	"deliverygraph/upstream"
)

// MigrateTo is [Migrate] to the tables of another schema.
var MigrateTo = migrate

// SetStalledLimit changes for how long a mutation may complete no part, and returns a function that undoes that.
func SetStalledLimit(d time.Duration) (undo func()) {
	before := stalledLimit
	stalledLimit = d
	return func() { stalledLimit = before }
}

// SetSlot replaces the clock of the marks of hours, and returns a function that undoes that.
func SetSlot(slot func() int64) (undo func()) {
	before := currentSlot
	currentSlot = slot
	return func() { currentSlot = before }
}

// Parts returns the parts of all emails that Scan reads at once, if each has at most so many.
func (s *Store) Parts(ctx context.Context, most uint64) (parts []upstream.Window, err error) {
	err = s.read(ctx, "divide emails", func(ctx context.Context) error {
		parts, err = s.parts(ctx, kinds[upstream.Emails], clip(ever), most)
		return err
	})
	return parts, err
}
