// Package rest is the metrics API over HTTP: a [Client] implements
// [upstream.API] by asking a server.
//
// It hides everything about calling well. Equal calls at the same time are one
// call (package upstream/flight), since the API gives the result to the first of
// identical requests alone. A call that may succeed later is tried again, with
// backoff and full jitter, within the caller's deadline and a budget of retries.
// No more than a set number of requests is under way at once. Every answer is
// checked before it is believed: status, content type, encoding, size, JSON. And
// whatever goes wrong becomes an [upstream.Error] whose message names neither
// host nor key.
//
// One call's way: the methods in client.go say what is asked and how its answer
// is read; call.go joins it with its equals, tries it as often as retry.go
// allows, and reports it to the observer; try.go makes one request; failure.go
// says what an answer other than the wanted one means.
//
// The server may be remote or in this process: the one seam is
// [Options].Transport.
package rest
