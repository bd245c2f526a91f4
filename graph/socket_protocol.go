package graph

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// maxOperationID limits the ids that clients give to operations, in bytes, since each response repeats one.
const maxOperationID = 256

// socketOperation is an operation on a socket.
type socketOperation struct {
	id      string
	ctx     context.Context // of the socket's caller
	cancel  context.CancelCauseFunc
	params  *graphql.RawParams
	dropped bool // its client has canceled it or it has ended; guarded by the socket's mu

	discounted bool // it no longer counts towards SocketOperations; guarded by the socket's mu
}

// handle handles a message. A message that does not follow the protocol closes the socket.
func (s *socket) handle(message []byte, release func()) {
	passedOn := false
	defer func() {
		if !passedOn {
			release()
		}
	}()
	s.mu.Lock()
	closing := s.closing
	s.mu.Unlock()
	if closing {
		return
	}
	var kind, id string
	fields, no := readFields(nil, message, "a message", `{"type": "ping"}`)
	if no = cmp.Or(no, readString(fields, "type", &kind), readString(fields, "id", &id)); no != nil {
		s.malformed(no.message())
		return
	}
	payload := fields.of("payload")
	switch kind {
	case "connection_init":
		s.initiate(payload)
	case "ping", "pong":
		switch {
		case fields.has("payload") && payload[0] != '{':
			s.malformed(`"payload" must be a JSON object`)
		case kind == "ping":
			_ = s.send(messageOf("pong", "", payload))
		}
	case "subscribe":
		passedOn = s.subscribe(id, payload, release)
	case "complete":
		if id == "" {
			s.malformed(badID)
			return
		}
		s.drop(id)
	default:
		s.malformed("a message's type must be connection_init, ping, pong, subscribe or complete")
	}
}

// badID says what is wrong with a missing or overlong id.
var badID = fmt.Sprintf("an operation's id must be a string of 1 to %d bytes", maxOperationID)

// messageOf returns a message. An empty id or payload is left out.
func messageOf(kind, id string, payload ...[]byte) []byte {
	n := len(kind) + 2*len(id) + 40
	for _, p := range payload {
		n += len(p)
	}
	m := make([]byte, 0, n)
	m = append(append(append(m, `{"type":"`...), kind...), '"')
	if id != "" {
		quoted, _ := json.Marshal(id) // cannot fail for a string
		m = append(append(m, `,"id":`...), quoted...)
	}
	for i, p := range payload {
		if i == 0 && len(p) > 0 {
			m = append(m, `,"payload":`...)
		}
		m = append(m, p...)
	}
	return append(m, '}')
}

// subscribe starts an operation, which may also be a query. If it reports true, the operation calls release when it has
// ended.
func (s *socket) subscribe(id string, payload []byte, release func()) (passedOn bool) {
	params := new(graphql.RawParams)
	fields, no := readFields(nil, payload, "the payload of subscribe", anOperation)
	if no = cmp.Or(no, readParams(fields, s.request.Header, params)); no == nil && !fields.has("query") {
		no = wanted(params) // the protocol requires a query, except with the id of a document
	}
	switch {
	case id == "" || len(id) > maxOperationID:
		s.malformed(badID)
		return false
	case no != nil:
		s.malformed(no.message())
		return false
	}
	s.mu.Lock()
	caller, used := s.caller, s.operations[id] != nil
	// Ends that the client does not read count too, or it could have any number of them.
	running := max(s.counted, s.running/2)
	s.mu.Unlock()
	switch {
	case caller == nil:
		s.close(closeUnauthorized, "Unauthorized: send connection_init first")
		return false
	case used:
		s.close(closeTwice, "Subscriber for "+excerpt(id)+" already exists")
		return false
	}
	if err := s.check(); err != nil {
		s.refuse(err)
		return false
	}
	if running >= s.h.o.SocketOperations {
		s.fail(id,
			s.h.noRoom(fmt.Errorf("this socket has %d operations running, the limit: complete one first",
				running)).response)
		return false
	}
	if s.h.load.room.full() {
		s.fail(id, s.h.overloaded().response)
		return false
	}
	if no := wanted(params); no != nil {
		s.fail(id, no.response)
		return false
	}
	op := &socketOperation{id: id, params: params}
	op.ctx, op.cancel = context.WithCancelCause(caller)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping || s.closing {
		return false
	}
	s.operations[id] = op
	s.running++
	s.counted++
	s.under.Go(func() { s.run(op, release) })
	return true
}

// run runs an operation to its end.
func (s *socket) run(op *socketOperation, release func()) {
	defer release()
	defer s.ended(op)
	defer func() { // a safety net: panics in resolvers do not get here
		if v := recover(); v != nil {
			s.end(op, s.h.broken(op.ctx, v))
		}
	}()
	x, no := s.h.start(op.ctx, op.params, means{streams: true})
	if no != nil {
		s.end(op, no.response)
		return
	}
	defer x.end()
	defer func() { // only the log reports it
		if why := new(closedError); errors.As(context.Cause(op.ctx), &why) {
			x.record.why = why
			x.record.count(&graphql.Response{Errors: gqlerror.List{requestError(why.code, why.message)}})
		}
	}()
	for resp, ran := range x.responses() {
		if !ran {
			s.end(op, resp)
			return
		}
		if s.next(op, resp) != nil {
			return
		}
	}
	if !x.stopped() { // otherwise the socket's close frame is about to tell the client
		s.end(op, nil)
	}
}

// next sends a response, unless the client has canceled the operation.
func (s *socket) next(op *socketOperation, resp *graphql.Response) error {
	s.mu.Lock()
	dropped := op.dropped || s.closing
	s.mu.Unlock()
	if dropped {
		return errors.New("the operation was canceled")
	}
	before, data, after := encode(resp, true)
	message := messageOf("next", op.id, before, data, after)
	// A large response must not be in memory twice while it waits. It is not recycled either: a subscription makes its
	// next event in the same memory.
	resp.Data = nil
	return s.send(message)
}

// end tells the client that an operation has ended, with the errors of a response or normally. The client may then use
// its id again.
func (s *socket) end(op *socketOperation, failed *graphql.Response) {
	s.mu.Lock()
	wanted := s.forget(op)
	s.discount(op) // before the client gets to know, and may start another
	s.mu.Unlock()
	if !wanted {
		return
	}
	if failed != nil {
		s.fail(op.id, failed)
		return
	}
	_ = s.send(messageOf("complete", op.id))
}

// fail tells the client that an operation has ended with errors or was refused.
func (s *socket) fail(id string, resp *graphql.Response) {
	_ = s.send(messageOf("error", id, encodeErrors(resp.Errors)))
}

// drop cancels an operation on the client's request. The operation may just have ended.
func (s *socket) drop(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if op := s.operations[id]; op != nil && s.forget(op) {
		op.cancel(context.Canceled)
	}
}

// forget frees the operation's id, and reports whether the client had not canceled the operation. The caller must hold
// mu.
func (s *socket) forget(op *socketOperation) bool {
	if op.dropped || s.closing {
		return false
	}
	op.dropped = true
	delete(s.operations, op.id)
	return true
}

// discount stops counting the operation towards SocketOperations. The caller must hold mu.
func (s *socket) discount(op *socketOperation) {
	if !op.discounted {
		op.discounted = true
		s.counted--
	}
}

// ended removes an operation that has ended. If it was the last and the gateway is stopping, it closes the socket.
func (s *socket) ended(op *socketOperation) {
	op.cancel(nil)
	s.mu.Lock()
	s.discount(op)
	s.running--
	last := s.stopping && s.running == 0
	s.mu.Unlock()
	if last {
		s.stop()
	}
}
