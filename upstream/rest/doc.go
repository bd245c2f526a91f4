// Package rest is the metrics API over HTTP: a [Client] implements
// [upstream.API] by asking a server.
//
// It hides everything about calling well.
//
//   - Equal calls at the same time are one call (package upstream/flight), since
//     the API gives the result to the first of identical requests alone.
//   - A call that may succeed later is tried again, with backoff and full jitter,
//     within the caller's deadline and a budget of retries (retry.go).
//   - While the server keeps failing, calls fail at once (breaker.go).
//   - No more requests are under way than the server bears (limit.go); the others
//     wait, and callers take turns (gate.go), if they are told apart by [WithCaller].
//   - All that is read is bounded: header, body after decompression, rows of a
//     page, nesting, time to the first byte, time for a try and for a call.
//   - Every answer is checked before it is believed: status, content type, encoding,
//     JSON, and whose rows they are (check.go).
//   - Whatever goes wrong becomes an [upstream.Error] whose message names neither
//     host nor key, nor repeats a body (failure.go).
//
// One call's way: the methods in client.go say what is asked and how its answer is
// read; call.go joins it with its equals, tries it as often as may be, and reports
// it to the observer; try.go makes one request, past breaker and gate, which learn
// from its outcome (outcome.go).
//
// The server may be remote or in this process: the one seam is
// [Options].Transport. What callers see of each fault of a server is a table in the
// tests, over package upstreamtest/fault.
package rest
