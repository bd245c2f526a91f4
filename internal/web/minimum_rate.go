package web

import (
	"io"
	"net/http"
	"time"
)

// A sender must keep up with MinRate, in bytes per second, and may fall behind by at most Grace.
const (
	MinRate = 512
	Grace   = 10 * time.Second
)

// Pace is how far a sender is ahead of [MinRate].
type Pace struct{ until time.Time }

// NewPace begins with all of [Grace].
func NewPace() Pace { return Pace{time.Now().Add(Grace)} }

// Until returns the time by which the sender must have sent more.
func (p *Pace) Until() time.Time { return p.until }

// Sent adds the time that n bytes are worth, up to [Grace] from now: however much was sent before, a sender that then
// sends byte by byte is out of time soon.
func (p *Pace) Sent(n int) {
	p.until = p.until.Add(time.Duration(n) * time.Second / MinRate)
	if most := time.Now().Add(Grace); p.until.After(most) {
		p.until = most
	}
}

// LimitSlowBodies ends the body of a request by [os.ErrDeadlineExceeded] if it comes slower than at [MinRate], whether
// the handler reads it or leaves that to the server. It replaces [http.Server.ReadTimeout], which gives large and small
// bodies the same time, and which ends a long operation as if its caller had left. It must be the outermost handler, as
// it needs the server's own ResponseWriter.
func LimitSlowBodies(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength != 0 {
			b := &pacedBody{ReadCloser: r.Body, server: w.(deadliner), pace: NewPace()}
			b.deadline = b.pace.Until()
			_ = b.server.SetReadDeadline(b.deadline)
			r.Body = b
		}
		next.ServeHTTP(w, r)
	})
}

// deadliner is what every server's own ResponseWriter implements, for [http.ResponseController].
type deadliner interface{ SetReadDeadline(time.Time) error }

type pacedBody struct {
	io.ReadCloser
	server   deadliner
	pace     Pace
	deadline time.Time // of reading, as it was set last
}

// Read implements [io.Reader].
func (b *pacedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == nil { // at the end, the server takes the deadline away, as it reads on to see whether the client leaves
		b.pace.Sent(n)
		if until := b.pace.Until(); until.Sub(b.deadline) >= time.Second/2 { // setting it at each read would be slow
			b.deadline = until
			_ = b.server.SetReadDeadline(until)
		}
	}
	return n, err
}
