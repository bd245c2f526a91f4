// Package clickhouse keeps the events of the metrics API in a ClickHouse server or cluster, for billions of events.
//
// Start reading with schema/001_tables.sql. An event that is written again gets another row with a higher version, and
// ClickHouse merges them in the background. So writing a batch twice changes nothing, even if the first write failed
// halfway. All queries read the last version of each event (FINAL), so answers are exact even before the merge. Counts
// of past hours are kept in a table: see hours.go. A materialized view cannot do that, as it would count an event again
// with each of its versions.
//
// ClickHouse has no transactions. What [store.Store] promises holds with these limits:
//
//   - The events of a batch become visible by kind, month and shard. A call may see some of them before the others, and
//     an answer that takes several queries may see the state between two of them. Generation changes after the last
//     one.
//   - If a write fails, some of its events may exist. Writing the batch again completes it. Its State is written last.
//   - Two processes that write the same event at the same time both count it as new. Writes that merge log records, and
//     those that give numbers, wait for one another.
//   - Erased and pruned rows are deleted from the disk when ClickHouse removes old parts, after about 8 minutes.
package clickhouse
