// Package store holds the events of the metrics API in time order over SQLite:
// import, list, find and count them.
//
// What it is for: the embedded API must answer any documented request over
// millions of emails in a few milliseconds, any mix of filters and any offset
// included, and take tens of thousands of rows a second in. A table with an index
// for each filter does neither: an offset of a million walks a million entries, two
// broad filters walk the broader, and each index costs as much to keep as the rows.
//
// So SQLite is used for what it is best at, transactions over blobs, and the rows
// lie in them like this, each kind of event on its own:
//
//   - A page is about a hundred rows in list order (package event): what one read brings.
//   - A chunk is up to 32,768 rows in list order: its pages, and an index of them
//     (package index) that knows the set of rows for each value of each filter. Chunks
//     do not overlap, so list order is chunk after chunk.
//   - A rollup is the number of events in each hour of one day by user, sender and
//     bounce type (package rollup).
//
// A list goes through the chunks of its window, intersects the sets of its filters,
// skips its offset by their sizes, and reads pages for the rows that it gives alone. A
// count adds up whole hours from rollups, and the rows of the broken hours at its
// window's edges.
//
// Blobs never change under their id, so what is cached of them needs no
// invalidation. The list of chunks is small and held in memory, one immutable
// [view] for each state of the store; a reader takes the one of its transaction.
//
// It hides all of that, and SQL. Start reading at [Open], then [Store.Write] and
// [Store.Emails]; writer.go and list.go are the heart of each.
package store
