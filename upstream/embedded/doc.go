// Package embedded implements a server of the metrics REST API: an [http.Handler] for
// the nine endpoints of the document, and an [http.RoundTripper] that calls such a
// handler in process, without a socket.
//
// The gateway uses it when no remote server is configured, and existing clients of
// the API can use it too. The gateway calls it through the same REST client as a
// remote server, so both take the same path through the code.
//
// This package deals with HTTP: routing, methods, content negotiation, API keys,
// limits and error bodies. The codecs of package upstream parse requests and format
// answers. The data comes from a [store.Reader].
//
// Start reading at [New]; the table of endpoints is in endpoint.go.
package embedded
