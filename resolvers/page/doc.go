// Package page serves Relay connections over lists that the upstream returns in pages of 500 rows.
//
// The metrics API lists rows oldest first. A call returns at most [upstream.PageSize] rows from an offset; it
// takes no limit and reports no total. Our clients ask for pages of any size, in both directions, while rows
// arrive. This package bridges the two: it chooses the upstream calls for a client's page, finds a cursor's row
// again, joins pages fetched at different moments, and finds a total without reading the whole list. It calls
// the API only through the functions of a [Source].
//
// # The invariant
//
// The list has a total order: time, then email id, then recipient ([Key]). An upstream page is a run of
// neighbouring rows in that order, as of the moment it was fetched. A page can therefore serve the rows after
// row K exactly when it reaches back to K: it contains a row that is not after K, or it starts where the list
// starts. Everything after K in such a page is then a run without gaps. It does not matter when the page was
// fetched, or whether it contains K itself. Each step of a walk guesses a page, fetches it, checks this rule,
// and moves on only if the rule holds (upstream_page.go, seek.go). Rows that arrive, and pages that a cache kept for
// some seconds, therefore never repeat or lose a row that all the pages knew.
//
// # The calls
//
// Different client pages use the same upstream calls wherever possible, because a cache below makes repeated
// calls free. Forward, a page is used up to its last row, at time t. The next call starts at t and skips the
// rows of that second except the last one, so offsets stay small and pages overlap by one row. Backward,
// offsets can only count from the start of the window, so a call skips enough rows to make the wanted row its
// last. A cursor records the call that returned its row, so the request for the next page repeats that call.
//
// The last page of a list needs the list's length for its offset. Where a [Memory] is there to learn from mistakes,
// the count and the last part of the window are asked for side by side; the part serves if it ends the list and has
// more rows than the page (last_page.go).
//
// A total that the counts endpoint cannot give is found by looking for the page that is not full, several pages at a
// time (find_length.go). The memory keeps how many rows have settled, so that later only the rest is counted
// (count_settled.go).
//
// If a remote is seen to sort by time alone, rows within a second are found by identity. If it does not sort at
// all, its list is read by plain offsets from the start of the window.
//
// # Padded pages
//
// A remote may return rows that do not belong to the list, in every call or in some: rows from outside the
// window, or a row twice. This package drops them, but the remote's offsets count them. It therefore does not
// trust what the offset of such a page says about the size of the list, nor that an empty page after it ends
// the list. Keys remain reliable: rows dropped as too early or too late mark the start or the end of the list,
// and a page that contains the current row continues from it. If the list is also unsorted, pages must overlap
// by a row, or the walk fails with an error. A page that counts such rows without returning any looks like a
// normal page; for totals, the counts endpoint is preferred wherever it is available.
//
// Start reading at [Args.Open], [New] and [Connection]. [List] does the same for lists that one call returns whole.
package page
