package graph

import (
	"context"
	"net/http"
)

// asGet turns a HEAD request into the GET whose headers it asks for. The server drops the body and computes
// Content-Length from it as for a GET. A stream never ends by itself, so it is cut off where its body begins.
func asGet(w http.ResponseWriter, r *http.Request) (http.ResponseWriter, *http.Request) {
	ctx, cancel := context.WithCancel(r.Context())
	r = r.WithContext(ctx)
	r.Method = http.MethodGet
	return headWriter{w, cancel}, r
}

type headWriter struct {
	http.ResponseWriter
	cancel context.CancelFunc // of the request
}

// Flush implements [http.Flusher]. Only streams flush.
func (w headWriter) Flush() {
	_ = http.NewResponseController(w.ResponseWriter).Flush()
	w.cancel()
}

// Unwrap implements the interface of [http.ResponseController].
func (w headWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
