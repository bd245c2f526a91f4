package graph

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// maxOperationID bounds the ids that clients give to operations, in bytes: each response
// repeats its operation's.
const maxOperationID = 256

// socketOperation is an operation of a socket.
type socketOperation struct {
	id      string
	ctx     context.Context // of the socket's caller
	cancel  context.CancelCauseFunc
	params  *graphql.RawParams
	dropped bool // its client wants no more of it; guarded by the socket's mu

	discounted bool // it no longer counts towards SocketOperations; guarded by the socket's mu
}

// heed does what a message says. What a message must not be closes the socket.
func (s *socket) heed(message []byte, release func()) {
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
	fields, err := readFields(nil, message, "a message", `{"type": "ping"}`)
	if err == nil {
		err = errors.Join(readString(fields, "type", &kind), readString(fields, "id", &id))
	}
	if err != nil {
		s.malformed(err.Error())
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
		s.malformed("a message's type is connection_init, ping, pong, subscribe or complete")
	}
}

// badID is what is wrong with an id that is missing or too long.
var badID = fmt.Sprintf("an operation's id is a string of 1 to %d bytes", maxOperationID)

// messageOf makes a message; without an id, and without a payload, it has none.
func messageOf(kind, id string, payload ...[]byte) []byte {
	n := len(kind) + 2*len(id) + 40
	for _, p := range payload {
		n += len(p)
	}
	m := make([]byte, 0, n)
	m = append(append(append(m, `{"type":"`...), kind...), '"')
	if id != "" {
		quoted, _ := json.Marshal(id) // a string always can be
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

// subscribe begins an operation, a query just as well. Its message's bytes are released
// when it has ended: then it is passed on.
func (s *socket) subscribe(id string, payload []byte, release func()) (passedOn bool) {
	params := new(graphql.RawParams)
	fields, err := readFields(nil, payload, "the payload of subscribe", anOperation)
	if err == nil {
		err = readParams(fields, s.header, params)
	}
	if err == nil && !fields.has("query") { // as the protocol wants it, but where a document is asked for by its name
		err = wanted(params)
	}
	switch {
	case id == "" || len(id) > maxOperationID:
		s.malformed(badID)
		return false
	case err != nil:
		s.malformed(refusalOf(err).Error())
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
		s.fail(id, s.h.noRoom(fmt.Errorf("this socket has %d operations under way, the most it may have: complete one first", running)).response)
		return false
	}
	if s.h.load.room.full() {
		s.fail(id, s.h.overloaded().response)
		return false
	}
	if no := refusalOf(wanted(params)); no != nil {
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
	defer func() { // which no panic should reach: those in resolvers do not
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
	defer func() { // nobody is told of it but the log
		if why := new(closedError); errors.As(context.Cause(op.ctx), &why) {
			x.record.why = why
			x.record.count(&graphql.Response{Errors: gqlerror.List{requestError(why.code, why.message)}})
		}
	}()
	for n := 0; n == 0 || x.streams; n++ {
		resp := x.next()
		if resp == nil {
			break
		}
		if x.shed || x.streams && resp.Data == nil {
			s.end(op, resp)
			return
		}
		if s.next(op, resp) != nil {
			return
		}
		x.room.resize(0)
	}
	if x.streams && x.stopped() { // the socket is about to say so
		return
	}
	s.end(op, x.failure())
}

// next sends a response of an operation that its client still wants.
func (s *socket) next(op *socketOperation, resp *graphql.Response) error {
	s.mu.Lock()
	dropped := op.dropped || s.closing
	s.mu.Unlock()
	if dropped {
		return errors.New("nobody wants it")
	}
	before, data, after := encode(resp, true)
	message := messageOf("next", op.id, before, data, after)
	// A large one is not to be there twice while it waits. It is not recycled: a subscription
	// makes its next event in the same memory.
	resp.Data = nil
	return s.send(message)
}

// end says that an operation has ended: by the errors of a response, or completely. Its
// id may be used again from then on.
func (s *socket) end(op *socketOperation, failed *graphql.Response) {
	s.mu.Lock()
	wanted := s.forget(op)
	s.discount(op) // before the client knows, who may at once ask for more
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

// fail says that an operation has ended by errors, or has not begun.
func (s *socket) fail(id string, resp *graphql.Response) {
	_ = s.send(messageOf("error", id, encodeErrors(resp.Errors)))
}

// drop ends an operation that its client wants no more of. There may be none: it has
// just ended.
func (s *socket) drop(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if op := s.operations[id]; op != nil && s.forget(op) {
		op.cancel(context.Canceled)
	}
}

// forget lets the operation's id be used again, and says whether its client still wanted
// more of it. The caller holds mu.
func (s *socket) forget(op *socketOperation) bool {
	if op.dropped || s.closing {
		return false
	}
	op.dropped = true
	delete(s.operations, op.id)
	return true
}

// discount frees the operation's place among those of the socket, once. The caller holds
// mu.
func (s *socket) discount(op *socketOperation) {
	if !op.discounted {
		op.discounted = true
		s.counted--
	}
}

// ended counts an operation that has ended, the last of which a stop has waited for.
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
