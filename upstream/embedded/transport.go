package embedded

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
)

// Transport returns an [http.RoundTripper] that calls h in process. Clients see the
// same answers as over a socket. The scheme and host of URLs do not matter.
//
// RoundTrip buffers the whole answer, so h should limit what it writes. If the
// request's context ends first, RoundTrip returns the context's cause at once, while h
// runs on until it notices. A panic of h becomes an error, like a broken connection.
func Transport(h http.Handler) http.RoundTripper { return transport{h} }

type transport struct{ handler http.Handler }

// RoundTrip answers req by the handler.
func (t transport) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	w := &recorder{header: make(http.Header, 8)}
	r := req.Clone(ctx) // a handler may modify its request, but a RoundTripper must not
	r.RequestURI, r.RemoteAddr = req.URL.RequestURI(), "in-process"
	r.URL.Scheme, r.URL.Host = "", "" // as a server reads it
	if r.Host == "" {
		r.Host = req.URL.Host
	}
	if r.Body == nil {
		r.Body = http.NoBody
	}
	if ctx.Err() != nil {
		r.Body.Close()
		return nil, context.Cause(ctx)
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		defer r.Body.Close()
		w.failed = serve(t.handler, w, r)
	}()
	select {
	case <-served:
		return w.response(req)
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// serve calls the handler and returns its panic.
func serve(h http.Handler, w *recorder, r *http.Request) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("handler panicked: %v", p)
			if aborted, ok := p.(error); ok && errors.Is(aborted, http.ErrAbortHandler) {
				err = fmt.Errorf("handler aborted its answer: %w", io.ErrUnexpectedEOF)
			}
		}
	}()
	h.ServeHTTP(w, r)
	return nil
}

// A recorder is an http.ResponseWriter that buffers the answer. It belongs to the
// handler until the handler returns, and then to the response.
type recorder struct {
	header http.Header
	status int           // 0 until the handler writes it
	body   *bytes.Buffer // nil until the handler writes
	failed error
}

// bodies holds buffers of answers for reuse.
var bodies = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// maxPooled is the largest buffer that is reused. A page of 500 bounces has about
// 200 KiB.
const maxPooled = 1 << 20

func (w *recorder) Header() http.Header { return w.header }

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 && status >= 200 { // drop informational responses
		w.status = status
	}
}

func (w *recorder) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	if w.body == nil {
		w.body = bodies.Get().(*bytes.Buffer)
	}
	return w.body.Write(p)
}

// response returns the recorded answer. The handler must have returned.
func (w *recorder) response(req *http.Request) (*http.Response, error) {
	w.WriteHeader(http.StatusOK)
	b := &body{buffer: w.body}
	if w.failed != nil {
		b.Close()
		return nil, w.failed
	}
	resp := &http.Response{
		Status:     strconv.Itoa(w.status) + " " + http.StatusText(w.status),
		StatusCode: w.status,
		Proto:      "HTTP/1.1",
		ProtoMajor: 1,
		ProtoMinor: 1,
		Header:     w.header,
		Body:       http.NoBody,
		Request:    req,
	}
	switch {
	case w.body == nil:
	case req.Method == http.MethodHead:
		resp.ContentLength = int64(w.body.Len())
		b.Close() // a server writes none of it
	default:
		resp.ContentLength, resp.Body = int64(w.body.Len()), b
	}
	return resp, nil
}

// A body is the body of a response. Close returns its buffer to the pool; it may be
// called more than once and concurrently with Read.
type body struct {
	mu     sync.Mutex
	buffer *bytes.Buffer // nil once closed
}

func (b *body) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.buffer == nil {
		return 0, http.ErrBodyReadAfterClose
	}
	return b.buffer.Read(p)
}

func (b *body) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.buffer != nil && b.buffer.Cap() <= maxPooled {
		b.buffer.Reset()
		bodies.Put(b.buffer)
	}
	b.buffer = nil
	return nil
}
