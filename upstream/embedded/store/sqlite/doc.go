// Package sqlite keeps the events of the metrics API in a SQLite database.
//
// Start reading with schema/001_schema.sql. Over millions of emails it is fast for these reasons:
//
//   - The id of an event is its second and its place within it, in list order (rowid.go). So the entries of an index on
//     one column are in list order, too, and a row is found by its second.
//   - Domains and headers are numbered. A table per kind contains the headers of each row. The row contains them as
//     well, so reading it takes one look-up.
//   - Events are counted by day and hour in the transaction that writes them (count_changes.go).
//   - A list reads one index, or merges several, and checks the remaining filters row by row (list_query.go). It starts
//     where the page before ended, or skips whole days by the counts (page_start.go).
//   - An import into an empty store builds the indexes last (build.go).
//
// Each transaction that changes something gets a number, its generation, so that other processes, and caches in front
// of the store, notice.
package sqlite
