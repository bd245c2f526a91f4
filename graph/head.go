package graph

import (
	"context"
	"net/http"
)

// asGet makes a HEAD request the GET whose headers it asks for: all that answers it then sees a GET. The server drops the
// body, and so tells its length as for a GET. A stream has no end to wait for, so it is cut off where its body begins.
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

// Flush implements [http.Flusher]. Streams alone flush.
func (w headWriter) Flush() {
	_ = http.NewResponseController(w.ResponseWriter).Flush()
	w.cancel()
}

// Unwrap is for [http.ResponseController].
func (w headWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
