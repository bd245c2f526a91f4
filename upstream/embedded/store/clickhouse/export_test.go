package clickhouse

import "time"

// MigrateTo is [Migrate] to the tables of another schema.
var MigrateTo = migrate

// SetStalledLimit changes for how long a mutation may complete no part, and returns a function that undoes that.
func SetStalledLimit(d time.Duration) (undo func()) {
	before := stalledLimit
	stalledLimit = d
	return func() { stalledLimit = before }
}
