// Package upstreamtest provides test suites for the contract of the metrics REST API, and fakes for tests of its
// callers.
//
// [Run] checks any server of the REST API over HTTP against the API's document and, where that is silent, against what
// this project has settled. [RunAPI] checks an [upstream.Asker]. Package doctor checks servers whose data is unknown.
//
// [Model] implements the API with slices and loops. It is simple enough to be evidently correct, so the suites use it
// as their oracle and other tests as a fake. [Counting] wraps an API and records its calls. [Sample] is the data of the
// suites.
//
// The suites decode JSON and encode query strings without the codecs of package upstream. Client and embedded server
// share those, so a mistake in them would go unnoticed.
package upstreamtest
