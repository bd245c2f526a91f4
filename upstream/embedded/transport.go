package embedded

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
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
	if err := errors.Join(malformed(req), context.Cause(ctx)); err != nil {
		if req.Body != nil {
			req.Body.Close()
		}
		return nil, err
	}
	w := &recorder{header: make(http.Header, 8)}
	r := received(req)
	if ctx.Done() == nil {
		t.serve(w, r)
		return w.response(req)
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		t.serve(w, r)
	}()
	select {
	case <-served:
		return w.response(req)
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// serve calls the handler and then closes the request's body.
func (t transport) serve(w *recorder, r *http.Request) {
	defer r.Body.Close()
	defer func() {
		if p := recover(); p != nil {
			w.failed = fmt.Errorf("handler panicked: %v", p)
			if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				w.failed = fmt.Errorf("handler aborted its answer: %w", io.ErrUnexpectedEOF)
			}
		}
	}()
	t.handler.ServeHTTP(w, r)
}

func malformed(req *http.Request) error {
	switch {
	case req.URL == nil:
		return errors.New("request without a URL")
	case req.Header == nil:
		return errors.New("request without a header map")
	}
	return nil
}

// received returns req as a server would have read it. It copies the header and the
// URL, since a handler may modify its request but a RoundTripper must not.
func received(req *http.Request) *http.Request {
	r := req.WithContext(req.Context())
	r.Header = req.Header.Clone()
	r.URL = &url.URL{
		Path: req.URL.Path, RawPath: req.URL.RawPath, RawQuery: req.URL.RawQuery, ForceQuery: req.URL.ForceQuery,
	}
	r.RequestURI = req.URL.RequestURI()
	r.RemoteAddr = "in-process"
	r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/1.1", 1, 1
	r.GetBody, r.Response = nil, nil
	if r.Method == "" {
		r.Method = http.MethodGet
	}
	if r.Host == "" {
		r.Host = req.URL.Host
	}
	if r.Body == nil {
		r.Body = http.NoBody
	}
	return r
}

// A recorder is an http.ResponseWriter that buffers the answer. It belongs to the
// handler until the handler returns, and then to the response.
type recorder struct {
	header http.Header   // what the handler modifies
	sent   http.Header   // a copy of header from when the status was written
	status int           // 0 until then
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
	if w.status != 0 || status < 200 { // drop informational responses
		return
	}
	w.status = status
	w.sent = w.header.Clone() // later changes have no effect, as over a socket
}

func (w *recorder) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	if w.status == http.StatusNoContent || w.status == http.StatusNotModified {
		return 0, http.ErrBodyNotAllowed
	}
	if w.body == nil {
		w.body = bodies.Get().(*bytes.Buffer)
	}
	return w.body.Write(p)
}

// response returns the recorded answer. The handler must have returned.
func (w *recorder) response(req *http.Request) (*http.Response, error) {
	if w.failed != nil {
		if w.body != nil {
			(&body{buffer: w.body}).Close()
		}
		return nil, w.failed
	}
	w.WriteHeader(http.StatusOK)
	resp := &http.Response{
		Status:     statusLine(w.status),
		StatusCode: w.status,
		Proto:      "HTTP/1.1",
		ProtoMajor: 1,
		ProtoMinor: 1,
		Header:     w.sent,
		Body:       http.NoBody,
		Request:    req,
	}
	if w.body == nil {
		if n, err := strconv.ParseInt(w.sent.Get("Content-Length"), 10, 64); err == nil &&
			req.Method == http.MethodHead {
			resp.ContentLength = n
		}
		return resp, nil
	}
	resp.ContentLength = int64(w.body.Len())
	b := &body{buffer: w.body}
	if req.Method == http.MethodHead {
		b.Close() // a server writes none of it
		return resp, nil
	}
	resp.Body = b
	return resp, nil
}

// statusLine formats a status as net/http does, also if it does not know it, like 452.
func statusLine(status int) string {
	text := http.StatusText(status)
	if text == "" {
		text = "status code " + strconv.Itoa(status)
	}
	return strconv.Itoa(status) + " " + text
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
