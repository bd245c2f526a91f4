package rest

import (
	"net/http"

	"deliverygraph/upstream"
)

// outcome is what a try says of the server's state. It is what the limit and the
// circuit breaker go by.
type outcome uint8

const (
	// untold: the callers left before it could be known, or the try was not made.
	untold outcome = iota
	// answered: the API answered. JSON that breaks the contract or is too large is an
	// answer, since that is a matter of what was asked: one broken list must not take
	// the others with it.
	answered
	// denied: the API said no (451, 452, 404), as a server may that is well.
	denied
	// duplicate: the API is at work on an identical request (202).
	duplicate
	// shed: the server is out of reach, takes too long, or asks for less.
	shed
	// failed: the server failed (500), or what answered was not the API: a redirect,
	// a page of a proxy's, an empty body, no HTTP.
	failed
)

// outcome is that of a try which ended so; nil is a body to decode.
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
		return untold
	default:
		return denied
	}
}
