// Package rest is a client for the metrics API over HTTP: a [Client] is an [upstream.Asker] that asks a server.
//
//   - A call that may succeed later is retried with backoff and full jitter, within the caller's deadline and a retry
//     budget (retry.go).
//   - While the server keeps failing, calls fail at once (breaker.go).
//   - The number of concurrent requests adapts to what the server can handle (limit.go). Other calls wait, and the
//     callers named by [upstream.WithCaller] take turns (gate.go).
//   - Everything that is read is limited: header, decompressed body, rows of a page, nesting, time to the first byte,
//     time per try and per call.
//   - Every response is checked: status, content type, encoding, JSON, and whose rows it holds (check.go).
//   - Every error is an [upstream.Error]. Its message reveals neither host nor key, and repeats no body (failure.go).
//
// client.go turns a question into a request; request.go retries and reports to the observer; try.go
// makes one request; breaker and gate learn from its outcome (health.go).
//
// [Options].Transport decides whether the server is remote or in this process. A table in the tests, based on package
// upstreamtest/fault, lists what callers see of each fault of a server.
package rest
