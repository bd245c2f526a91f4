// Package page cuts Relay connections out of lists that come in pages of 500.
//
// The metrics API lists rows oldest first, at most [upstream.PageSize] a call,
// from an offset, with no limit and no total. Callers of ours page in any size,
// in both directions, while rows arrive. This package hides all that lies
// between: which upstream calls serve a client's page, how a cursor finds its row
// again, how pages fetched at different moments are joined, and how a total is
// found without reading the list. It reaches the API only through the functions
// of a [Source].
//
// # The one idea
//
// The list has a total order: time, then email id, then recipient ([Key]). An
// upstream page is a run of neighbours in that order, as of the moment when it
// was fetched. So a page serves what follows row K exactly when it reaches back
// to K: it holds a row that is not after K, or begins where the list begins. Then
// everything behind K's place in it is a run without gaps, whenever the page was
// fetched, and whether K itself is in it or not. Every step of a walk fetches a
// page by a good guess, holds it against this rule, and moves on only then
// (place.go, seek.go). Thus rows that arrive, and pages that a cache kept for some
// seconds, cause neither a lost nor a repeated row among those that all the
// pages knew.
//
// # The calls
//
// Calls are chosen to be the same calls for different client pages, since a cache
// below makes those free. Forward, a call's page is used until its last row, at
// time t; the next call starts at t and skips all rows of that second but that last
// one, so that offsets stay small and pages overlap by one row. Backward, there
// is nothing to count from but the start of the window, so calls skip so many
// rows that the row in hand comes last. A cursor remembers the call that gave its
// row, and so the next client's page asks that call again.
//
// A remote that is seen to sort by time alone has its rows found by identity
// within a second. One that does not sort at all is read by plain offsets from the
// window's start.
//
// # Padded pages
//
// A remote may give rows that are not the list's, in each call or in some: from outside the
// window, or a row twice. They are dropped, but offsets count them: what such a page's offset says of the list's size
// is not believed, nor that an empty page behind it ends the list. Keys are as good as
// ever: where rows too early or too late were dropped, the list begins or ends; and a
// page that has the row in hand goes on from it. Without order, pages have to overlap by
// a row. What cannot be known then is an error. A page that counts such rows and shows
// none is not told from a true one; the counts endpoint is asked for totals, where it can be.
//
// Start reading at [New] and [Connection]; [List] is the same for lists that come
// whole.
package page
