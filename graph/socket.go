package graph

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// The subprotocols of GraphQL over WebSockets: the supported one, of npm's graphql-ws, and its predecessor, of
// subscriptions-transport-ws. Clients of the latter get an error that names the former.
const (
	protocol    = "graphql-transport-ws"
	oldProtocol = "graphql-ws"
)

// pongTimeout is how long a client may take to answer a ping.
const pongTimeout = 30 * time.Second

// Close codes of the protocol.
const (
	closeBadMessage   websocket.StatusCode = 4400
	closeUnauthorized websocket.StatusCode = 4401 // an operation was sent before connection_init
	closeForbidden    websocket.StatusCode = 4403 // the caller is not allowed, or no longer
	closeSubprotocol  websocket.StatusCode = 4406
	closeInitTimeout  websocket.StatusCode = 4408
	closeTwice        websocket.StatusCode = 4409 // an operation's id is already in use
	closeTwoInits     websocket.StatusCode = 4429
)

// maxInit limits the size of messages, in bytes, until the caller is known.
const maxInit = 32 << 10

// socket is a WebSocket. One goroutine reads its messages. Each operation has a goroutine that writes its responses one
// at a time: a client that does not read blocks its operations until the connection times out.
type socket struct {
	h       *handler
	conn    *websocket.Conn
	request *http.Request
	ctx     context.Context // of the request; canceled with the socket
	seat    *seat

	mu         sync.Mutex
	caller     context.Context // nil before connection_init
	operations map[string]*socketOperation
	running    int // operations, including those canceled by the client
	counted    int // of those, the ones that count towards SocketOperations: not those whose end is being sent
	stopping   bool
	closing    bool // further messages are ignored

	under     sync.WaitGroup // operations
	initiated bool           // used by the reader only, as are the following
	timer     *time.Timer
}

// serveSocket serves a WebSocket until it is closed.
func (h *handler) serveSocket(w http.ResponseWriter, r *http.Request) {
	evicted, evict := context.WithCancel(context.Background())
	defer evict()
	seat, err := h.o.Streams.beginSocket(evict)
	if err != nil {
		_ = write(w, mediaJSON, h.noRoom(err).answer)
		return
	}
	defer seat.leave()
	if h.load.room.full() {
		_ = write(w, mediaJSON, h.overloaded().answer)
		return
	}
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		Subprotocols:       []string{protocol, oldProtocol},
		InsecureSkipVerify: true, // the gateway checks origins before the endpoint
	})
	if err != nil { // Accept has answered
		return
	}
	defer conn.CloseNow()
	if conn.Subprotocol() != protocol {
		_ = conn.Close(closeSubprotocol, "Subprotocol not acceptable: speak "+protocol)
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	s := &socket{
		h: h, conn: conn, request: r, ctx: ctx, seat: seat, operations: map[string]*socketOperation{},
	}
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
		s.handle(message, release)
	}
}

// closedError ends the operations of a socket that the gateway closes. It holds the error that they end with, which is
// also the client's reason for the close.
type closedError struct{ code, message string }

func (e *closedError) Error() string { return e.message }

// close closes the socket with a short reason. It waits a few seconds for the client's reply. Only the first call
// counts.
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

// closeBy is like close, with the error that ends the socket's operations.
func (s *socket) closeBy(cause error, code websocket.StatusCode, reason string) {
	s.mu.Lock()
	first := !s.closing
	s.closing = true
	for _, op := range s.operations {
		op.cancel(cause)
	}
	s.mu.Unlock()
	if first {
		_ = s.conn.Close(code, clip(reason, 120)) // the protocol allows 123 bytes
	}
}

// malformed closes the socket because of a message that does not follow the protocol.
func (s *socket) malformed(why string) { s.close(closeBadMessage, "Invalid message: "+why) }

// refuse closes the socket of a caller that is not allowed, or no longer.
func (s *socket) refuse(err error) {
	g := present(s.ctx, err)
	code, _ := g.Extensions["code"].(string)
	cause := &closedError{code, g.Message}
	switch code {
	case codeUnauthenticated, codeForbidden:
		s.closeBy(cause, closeForbidden, "Forbidden: "+g.Message)
	default: // the caller could not be identified
		s.closeBy(cause, websocket.StatusTryAgainLater, g.Message)
	}
}

// full closes a socket because too many are open.
func (s *socket) full(err error) {
	s.h.shed(ShedForStreams)
	s.close(websocket.StatusTryAgainLater, err.Error())
}

// beat sends a ping and checks that the client answers and may still be connected.
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

// check returns an error if the socket's caller may no longer be connected.
func (s *socket) check() error {
	s.mu.Lock()
	caller := s.caller
	s.mu.Unlock()
	if caller == nil || s.h.o.Check == nil {
		return nil
	}
	return s.h.o.Check(caller)
}

// stop closes the socket because the gateway stops, once queries in progress are answered. The close code makes clients
// reconnect.
func (s *socket) stop() {
	s.mu.Lock()
	s.stopping = true
	idle := s.running == 0
	s.mu.Unlock()
	if idle {
		s.close(websocket.StatusGoingAway, errStopping.Error())
	}
}

// send writes a message. The connection limits how long the client may take.
func (s *socket) send(message []byte) error {
	err := s.conn.Write(context.Background(), websocket.MessageText, message)
	if err != nil {
		_ = s.conn.CloseNow()
	}
	return err
}

// initiate handles connection_init: it identifies the caller and accepts or refuses the socket.
func (s *socket) initiate(payload []byte) {
	var said map[string]any
	if no := readObject(payload, "payload", &said); no != nil {
		s.malformed(no.message())
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
		if caller, err = s.h.o.Identify(s.ctx, s.request, said); err != nil {
			s.refuse(err)
			return
		}
	}
	name, most := "", 0
	if s.h.o.Caller != nil {
		name = s.h.o.Caller(caller)
	}
	if s.h.o.SocketsPerCaller != nil {
		most = s.h.o.SocketsPerCaller(caller)
	}
	if err := s.seat.keep(name, most); err != nil {
		s.full(err)
		return
	}
	s.timer.Stop()
	s.conn.SetReadLimit(s.h.o.MaxBody)
	s.mu.Lock()
	s.caller = caller
	s.mu.Unlock()
	_ = s.send([]byte(`{"type":"connection_ack"}`))
}

// every calls f after each interval until f returns false or stop is called. stop waits for a call in progress. A timer
// rather than a goroutine drives it, as there may be thousands of these.
func every(interval time.Duration, f func() bool) (stop func()) {
	var mu sync.Mutex
	mu.Lock()
	defer mu.Unlock()
	stopped := false
	var timer *time.Timer
	timer = time.AfterFunc(interval, func() {
		mu.Lock()
		defer mu.Unlock()
		if !stopped && f() {
			timer.Reset(interval)
		}
	})
	return func() {
		timer.Stop()
		mu.Lock()
		defer mu.Unlock()
		stopped = true
	}
}
