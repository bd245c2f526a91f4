package graph

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/coder/websocket"

	"deliverygraph/internal/web"
)

// read reads a message. Its bytes count towards MaxInFlight until release is called.
func (s *socket) read() (data []byte, release func(), err error) {
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	kind, in, err := s.conn.Reader(ctx)
	if err != nil {
		return nil, nil, err
	}
	late := time.AfterFunc(web.Grace, cancel)
	defer late.Stop()
	counted := &body{ReadCloser: io.NopCloser(&paced{in, web.NewPace(), late}), room: s.h.load.room}
	release = counted.release
	data, err = io.ReadAll(counted)
	switch {
	case errors.Is(err, errOverloaded):
		s.close(websocket.StatusTryAgainLater, s.h.overloaded().message())
	case err == nil && kind != websocket.MessageText:
		err = errors.New("a binary message")
		s.malformed("a message must be text: a JSON object")
	}
	if err != nil {
		release()
		return nil, nil, err
	}
	return data, release, nil
}

// paced reads a message, which must arrive at [web.MinRate] at least, like the body of a request.
type paced struct {
	io.Reader
	pace web.Pace
	late *time.Timer
}

// Read implements [io.Reader]. The library fills all of b before it returns, so b must not take long to fill.
func (p *paced) Read(b []byte) (int, error) {
	n, err := p.Reader.Read(b[:min(len(b), web.MinRate)])
	p.pace.Sent(n)
	p.late.Reset(time.Until(p.pace.Until()))
	return n, err
}
