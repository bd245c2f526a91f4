// Package upstream defines the Dyn Email Delivery metrics REST API v4 as Go types: its rows, queries and errors, and
// the interface [Asker], which answers a [Question]. Every layer implements it, whether it calls the API
// (upstream/rest) or remembers its answers (upstream/cached). Package upstream/embedded serves the API.
//
// The package hides the wire formats. JSON is decoded tolerantly, because the API's document contradicts itself (an
// object, an array or null for xheaders; lists with and without an envelope), and encoded in one form. Query strings
// are encoded canonically: equal queries give equal strings. The package does no I/O.
//
// Start reading at [Asker] and [API]; [ListQuery] and [CountQuery] define what can be asked, and [Error] what can go
// wrong. [ListQuery.Encode] and [ParseListQuery] encode and decode queries, [AppendBounces] and [DecodeBounces]
// answers. "The document" in comments is the vendor's API document; where it is silent, comments state our decision.
package upstream
