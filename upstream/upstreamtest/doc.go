// Package upstreamtest holds what tests of the metrics REST API and of its callers
// share: the contract as test suites, and stand-ins to test against.
//
// [Run] asks any server of the REST API over HTTP and holds its answers against
// the document, and against what was settled where that is silent. [RunReadOnly] checks
// what can be checked of a server whose data is not known. [RunAPI] does for an
// [upstream.API] what Run does for a server.
//
// [Model] is the API as slices and loops: too plain to be wrong, so the suites use
// it as their oracle, and other tests as a fake. [Counting] goes around any API
// and remembers its calls. [Sample] is the data that the suites seed.
//
// The suites read JSON and print query strings by themselves and not with the
// codecs of package upstream: client and embedded server share those, and a
// mistake they share would pass.
package upstreamtest
