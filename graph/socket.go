package graph

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"

	"deliverygraph/internal/web"
)

// The subprotocols of GraphQL over WebSockets: the one that is spoken here, which npm's
// graphql-ws has, and the one before it, of subscriptions-transport-ws, whose clients
// are told so.
const (
	protocol    = "graphql-transport-ws"
	oldProtocol = "graphql-ws"
)

// The protocol's reasons to close a socket.
const (
	// pongTimeout is how long a client may take to answer a ping.
	pongTimeout                            = 30 * time.Second
	closeBadMessage   websocket.StatusCode = 4400
	closeUnauthorized websocket.StatusCode = 4401 // an operation before connection_init
	closeForbidden    websocket.StatusCode = 4403 // the caller is not let in, or no longer
	closeSubprotocol  websocket.StatusCode = 4406
	closeInitTimeout  websocket.StatusCode = 4408
	closeTwice        websocket.StatusCode = 4409 // an id that is in use
	closeTwoInits     websocket.StatusCode = 4429
)

// maxInit bounds messages in bytes as long as nobody knows whose they are.
const maxInit = 32 << 10

// socket is a WebSocket. One goroutine reads its messages, and each operation has one
// that writes its responses, the next only when the last is written: a client that
// does not read holds what its operations have made until its connection is cut off.
type socket struct {
	h      *handler
	conn   *websocket.Conn
	header http.Header     // of the request
	ctx    context.Context // of the request; it ends with the socket
	seat   *seat

	mu         sync.Mutex
	caller     context.Context // nil before connection_init
	operations map[string]*socketOperation
	running    int // operations, those included that are no longer wanted
	counted    int // of them, those that count towards SocketOperations: not those whose end is being told
	stopping   bool
	closing    bool // nothing that comes is heeded any more

	under     sync.WaitGroup // operations
	initiated bool           // of the reader, as are the following
	timer     *time.Timer
	leave     func() // where it counts among its caller's
}

// serveSocket serves a WebSocket until it is closed.
func (h *handler) serveSocket(w http.ResponseWriter, r *http.Request) {
	evicted, evict := context.WithCancel(context.Background())
	defer evict()
	seat, err := h.o.Streams.beginSocket(evict)
	if err != nil {
		_ = write(w, mediaJSON, h.noRoom(err).answer(mediaJSON))
		return
	}
	defer seat.leave()
	if h.load.room.full() {
		_ = write(w, mediaJSON, h.overloaded().answer(mediaJSON))
		return
	}
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		Subprotocols:       []string{protocol, oldProtocol},
		InsecureSkipVerify: true, // origins are not the endpoint's matter
	})
	if err != nil { // it has been answered
		return
	}
	defer conn.CloseNow()
	if conn.Subprotocol() != protocol {
		_ = conn.Close(closeSubprotocol, "Subprotocol not acceptable: speak "+protocol)
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	s := &socket{h: h, conn: conn, header: r.Header, ctx: ctx, seat: seat, operations: map[string]*socketOperation{}, leave: func() {}}
	defer func() { s.leave() }()
	defer s.under.Wait()
	defer cancel()
	conn.SetReadLimit(min(maxInit, h.o.MaxBody))
	s.timer = time.AfterFunc(h.o.InitTimeout, func() { s.close(closeInitTimeout, "Connection initialisation timeout") })
	defer s.timer.Stop()
	defer every(h.o.Heartbeat, s.beat)()
	defer context.AfterFunc(h.o.Streams.closing, s.stop)()
	defer context.AfterFunc(evicted, func() { s.full(errTooManySockets) })()
	for {
		message, release, err := s.read()
		if err != nil {
			return
		}
		s.heed(message, release)
	}
}

// closedError ends the operations of a socket that the gateway closes: with the error
// that they have ended by, which their client sees as the reason to close.
type closedError struct{ code, message string }

func (e *closedError) Error() string { return e.message }

// close ends the socket, for a reason of at most some words. It waits some seconds for
// the client to agree. Whoever is first tells the reason.
func (s *socket) close(code websocket.StatusCode, reason string) {
	switch code {
	case websocket.StatusGoingAway:
		s.closeBy(errStopping, code, reason)
	case websocket.StatusTryAgainLater:
		s.closeBy(&closedError{codeRateLimited, reason}, code, reason)
	default:
		s.closeBy(&closedError{codeBadUserInput, reason}, code, reason)
	}
}

// closeBy is close, where it is known by which error the socket's operations end.
func (s *socket) closeBy(cause error, code websocket.StatusCode, reason string) {
	s.mu.Lock()
	first := !s.closing
	s.closing = true
	for _, op := range s.operations {
		op.cancel(cause)
	}
	s.mu.Unlock()
	if first {
		_ = s.conn.Close(code, clip(reason, 120)) // 123 bytes is the most
	}
}

// malformed closes the socket because of a message that the protocol does not have, or that is not of the form that the
// protocol gives it.
func (s *socket) malformed(why string) { s.close(closeBadMessage, "Invalid message: "+why) }

// refuse ends the socket of one who is not let in, or no longer.
func (s *socket) refuse(err error) {
	g := present(s.ctx, err)
	code, _ := g.Extensions["code"].(string)
	cause := &closedError{code, g.Message}
	switch code {
	case codeUnauthenticated, codeForbidden:
		s.closeBy(cause, closeForbidden, "Forbidden: "+g.Message)
	default: // it is not known who it is
		s.closeBy(cause, websocket.StatusTryAgainLater, g.Message)
	}
}

// full ends a socket that there is no room for.
func (s *socket) full(err error) {
	s.h.shed(ShedForStreams)
	s.close(websocket.StatusTryAgainLater, err.Error())
}

// beat shows that the socket is alive, and sees whether the client is, and may still be
// there.
func (s *socket) beat() bool {
	if err := s.check(); err != nil {
		s.refuse(err)
		return false
	}
	ctx, cancel := context.WithTimeout(s.ctx, pongTimeout)
	defer cancel()
	if s.conn.Ping(ctx) != nil {
		_ = s.conn.CloseNow()
		return false
	}
	return true
}

// check says whether the socket's caller may still be there.
func (s *socket) check() error {
	s.mu.Lock()
	caller := s.caller
	s.mu.Unlock()
	if caller == nil || s.h.o.Check == nil {
		return nil
	}
	return s.h.o.Check(caller)
}

// stop closes the socket because the gateway stops, once the operations that have an end
// of their own are answered. Clients connect again by the code.
func (s *socket) stop() {
	s.mu.Lock()
	s.stopping = true
	idle := s.running == 0
	s.mu.Unlock()
	if idle {
		s.close(websocket.StatusGoingAway, errStopping.Error())
	}
}

// read reads a message, whose bytes count among those in hand until release.
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
		s.close(websocket.StatusTryAgainLater, s.h.overloaded().Error())
	case err == nil && kind != websocket.MessageText:
		err = errors.New("a binary message")
		s.malformed("a message is text: a JSON object")
	}
	if err != nil {
		release()
		return nil, nil, err
	}
	return data, release, nil
}

// paced is a message, which must come at [web.MinRate], like the body of a request.
type paced struct {
	io.Reader
	pace web.Pace
	late *time.Timer
}

// Read implements [io.Reader]. The library fills all of b before it returns, so b must not take long.
func (p *paced) Read(b []byte) (int, error) {
	n, err := p.Reader.Read(b[:min(len(b), web.MinRate)])
	p.pace.Sent(n)
	p.late.Reset(time.Until(p.pace.Until()))
	return n, err
}

// send writes a message. How long a client may take is the connection's matter.
func (s *socket) send(message []byte) error {
	err := s.conn.Write(context.Background(), websocket.MessageText, message)
	if err != nil {
		_ = s.conn.CloseNow()
	}
	return err
}

// initiate lets the socket's caller in, or not.
func (s *socket) initiate(payload []byte) {
	var said map[string]any
	if err := readObject(payload, "payload", &said); err != nil {
		s.malformed(err.Error())
		return
	}
	if s.initiated {
		s.close(closeTwoInits, "Too many initialisation requests")
		return
	}
	s.initiated = true
	caller := s.ctx
	if s.h.o.Identify != nil {
		var err error
		if caller, err = s.h.o.Identify(s.ctx, s.header, said); err != nil {
			s.refuse(err)
			return
		}
	}
	if err := s.seat.keep(); err != nil {
		s.full(err)
		return
	}
	if s.h.o.Caller != nil {
		most := 0
		if s.h.o.SocketsPerCaller != nil {
			most = s.h.o.SocketsPerCaller(caller)
		}
		leave, err := s.h.o.Streams.own(s.h.o.Caller(caller), most)
		if err != nil {
			s.full(err)
			return
		}
		s.leave = leave
	}
	s.timer.Stop()
	s.conn.SetReadLimit(s.h.o.MaxBody)
	s.mu.Lock()
	s.caller = caller
	s.mu.Unlock()
	_ = s.send([]byte(`{"type":"connection_ack"}`))
}
