// Package upstream is the Dyn Email Delivery metrics REST API v4 as a Go
// contract: its rows, its queries, its errors and the interface [API] that every
// layer speaks, whether it calls the API (upstream/rest), remembers it
// (upstream/cached) or implements it (upstream/embedded).
//
// It hides every wire shape. JSON is read tolerantly, since the API's own
// document disagrees with itself (an object, an array or null for xheaders;
// lists with and without an envelope), and written in one form. Query strings
// are printed in one canonical order, so that equal queries are equal strings.
// There is no I/O here.
//
// Start reading at [API]; then [ListQuery] and [CountQuery] say what can be
// asked, and [Error] what can go wrong. Of the codecs, [ListQuery.Encode] and
// [ParseListQuery] are the two ends of a query, [AppendBounces] and
// [DecodeBounces] those of an answer. "The document" in comments is the
// vendor's API document; where it is silent the comments say what was settled.
package upstream
