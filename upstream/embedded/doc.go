// Package embedded serves the metrics REST API over data of our own: the nine
// endpoints of the document as one [http.Handler], and a [http.RoundTripper] that
// reaches such a handler in process, without a socket.
//
// It is what the gateway fronts when no remote is configured, and what existing
// clients of the API can be pointed at. The gateway talks to it through the same
// REST client as to a remote, so there is one client path: same URL, same
// statuses, same bytes.
//
// It hides HTTP: routing, methods, content negotiation, API keys, limits and the
// error body. What a request asks is parsed, and what it is answered is printed,
// by the codecs of package upstream; what the data says is up to the [Backend],
// which package store implements.
//
// Start reading at [New]; the table of endpoints is in endpoint.go.
package embedded
