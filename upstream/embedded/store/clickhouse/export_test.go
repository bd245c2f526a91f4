package clickhouse

// MigrateTo is [Migrate] to the tables of another schema.
var MigrateTo = migrate
