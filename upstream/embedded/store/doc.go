// Package store keeps the events of the metrics API in a SQLite database: import, list,
// find and count them, remove what is old or must be forgotten.
//
// The schema is in schema/001_schema.sql, and is the place to start reading. What makes it
// fast over millions of emails:
//
//   - The id of an event is its second and its place within it, in list order (place.go).
//     So the entries of each index on one column are in list order too, and a row is found
//     by its second.
//   - Domains and headers are numbered, and a table per kind says which rows have a header.
//     The headers are in the row as well, so that a row is read by one look-up.
//   - Events are counted by day and hour in the transaction that writes them (count.go).
//   - A list goes along the one index that has the fewest rows for it, and checks the rest
//     row by row (query.go). It finds its offset by where the page before ended, or by the
//     counts (page.go).
//   - An import into an empty store builds the indexes last (build.go).
//
// Each transaction that changes something gets a number, its generation, so that other
// processes, and caches in front of the store, notice.
//
// The package hides all of that, and SQL: nothing outside knows it. [Open] a store, then
// [Store.Write] and [Store.Emails].
package store
