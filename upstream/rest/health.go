package rest

import (
	"net/http"

	"deliverygraph/upstream"
)

// outcome is what a try shows about the server's state. The concurrency limit and the circuit breaker learn from it.
type outcome uint8

const (
	// unknown: the callers left too early to know, or the try was not made.
	unknown outcome = iota
	// answered: the API answered. That includes JSON that breaks the contract or is too large, since it concerns one
	// query: a single broken list must not block all others.
	answered
	// denied: the API refused the request (451, 452, 404), as a healthy server may.
	denied
	// duplicate: the API is busy with an identical request (202).
	duplicate
	// shed: the server is unreachable, too slow, or asks for fewer requests.
	shed
	// failed: the server failed (500), or the response is not the API's: a redirect, a proxy's page, an empty body, not
	// HTTP.
	failed
)

// outcome returns the outcome of a try that ended with f; nil means success.
func (f *failure) outcome() outcome {
	switch {
	case f == nil || f.large:
		return answered
	case f.err.Status == http.StatusAccepted:
		return duplicate
	}
	switch f.err.Code {
	case upstream.Unavailable, upstream.Timeout:
		return shed
	case upstream.InvalidResponse:
		if f.err.Status >= 400 && f.err.Status < 500 {
			return denied
		}
		return failed
	case upstream.Internal:
		return unknown
	default:
		return denied
	}
}
