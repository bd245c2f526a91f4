package graph

import (
	"context"
	"iter"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"deliverygraph/graph/columns"
)

// execution is an operation in progress. A transport starts it, takes its responses one by one, and ends it.
type execution struct {
	h         *handler
	ctx       context.Context
	cancel    context.CancelFunc // stops whatever is still running
	operation *ast.OperationDefinition
	oc        graphql.OperationContext
	refused   map[*ast.Field]*nullPlace // fields that fail because a variable is null; nil for none
	results   graphql.ResponseHandler
	known     []byte // the data of its only response, if it is the same for every execution
	only      bool   // there is one response, and it is final
	record    record
	caller    string       // the caller's name, if callers have names
	endTurn   func()       // ends its place among the running operations; nil if it has none
	room      reservation  // for its response, until that is sent
	made      atomic.Int64 // bytes of the response, as counted by Take
	reserved  int64        // of those, the ones that there was room for before it was made
	elements  atomic.Int64 // of the response's lists, if they are limited: see limitLists
	full      atomic.Bool  // Take found no room
	shed      bool         // there was no room for its response

	streams bool                    // it is a subscription and has a response for each event
	field   graphql.CollectedField  // of the subscription
	ending  atomic.Pointer[error]   // why the subscription failed; see FailStream
	stop    context.CancelCauseFunc // of the subscription
	event   *eventTime              // of the event being resolved; nil before the first
	close   func()                  // ends its place among the open streams

	parts    bool            // the transport can deliver deferred parts
	deferred bool            // its response is sent in parts
	pending  *deferredFields // of the first part
}

// means says what a transport can do for an operation.
type means struct {
	safe    bool // only operations without side effects are allowed, as with GET
	streams bool // it can send more than one response
	parts   bool // it can send deferred parts
	batched bool // the operation is a member of a batch, and has exactly one response
}

// start begins an operation, or refuses it.
func (h *handler) start(caller context.Context, params *graphql.RawParams, by means) (*execution, *refusal) {
	x := &execution{h: h, parts: by.parts, cancel: func() {}, record: record{maxErrors: h.o.MaxErrors}}
	x.record.begin(caller, h.o.Observers)
	x.ctx = &x.record
	started := false
	defer func() { // after a panic too
		if !started {
			x.end()
		}
	}()
	if no := x.prepare(caller, params, by); no != nil {
		no.response.Errors = x.record.take(no.response)
		return nil, no
	}
	started = true
	return x, nil
}

// prepare does everything that precedes the first field.
func (x *execution) prepare(caller context.Context, params *graphql.RawParams, by means) *refusal {
	h := x.h
	if h.o.Admit != nil {
		if err := h.o.Admit(x.ctx); err != nil {
			return refuseOver(present(x.ctx, err))
		}
	}
	text, hash, no := h.persisted.text(params)
	if no != nil {
		return no
	}
	params.Query = text
	doc, errs := h.documents.read(text)
	if errs != nil {
		return refuseOperation(errs...)
	}
	h.persisted.keep(hash, text)
	op, err := operationOf(doc.QueryDocument, params.OperationName)
	if err != nil {
		return refuseOperation(err)
	}
	x.operation = op
	x.record.identify(op, doc)
	if x.known = doc.known; x.known == nil {
		x.setDeadline()
	}
	x.streams = op.Operation == ast.Subscription
	if x.streams && by.batched {
		return refuse(http.StatusNotAcceptable,
			"a subscription has many responses, but in an array each operation has one: send it in a request "+
				"of its own")
	}
	if x.streams && !by.streams {
		return refuse(http.StatusNotAcceptable, "a subscription has many responses: accept %s, or use a WebSocket",
			mediaEvents)
	}
	if by.safe && op.Operation == ast.Mutation {
		no := refuse(http.StatusMethodNotAllowed, "GET is for queries only")
		no.allow = http.MethodPost
		return no
	}
	if x.oc.Variables, errs = h.documents.variables(op, params.Variables); errs != nil {
		return refuseOperation(errs...)
	}
	if err := doc.nulls.refusedDirective(op, x.oc.Variables); err != nil {
		return refuseOperation(err)
	}
	deferred := mayDefer(text) && defers(op, x.oc.Variables)
	if deferred && by.batched {
		return refuse(http.StatusNotAcceptable, "the operation has @defer, so its answer comes in parts, "+
			"but in an array each operation has one response: send it in a request of its own, or leave @defer out")
	}
	if deferred && (!x.parts || op.Operation != ast.Query) {
		return noParts()
	}
	if h.o.Caller != nil {
		x.caller = h.o.Caller(x.ctx)
	}
	if !x.streams {
		if x.endTurn = h.load.begin(x.ctx, x.caller); x.endTurn == nil {
			return h.overloaded()
		}
	}
	if no := x.prepareOperation(params, doc); no != nil {
		return no
	}
	var rows int64 // that a response may have
	if h.o.Rows != nil {
		rows = h.o.Rows(x.ctx)
	}
	if rows > MaxRows(h.o.MaxInFlight) { // only then, because counting takes time
		x.oc.ResolverMiddleware = within(x.oc.ResolverMiddleware, x.limitLists)
	}
	switch {
	case x.streams:
		x.room = reservation{room: h.load.room, caller: x.caller}
		if no := x.subscribe(caller); no != nil {
			return no
		}
	case !x.reserve(rows * rowBytes):
		no := h.overloaded()
		x.finish(x.ctx, no.response)
		return no
	case deferred:
		x.deferring()
	}
	if x.known == nil {
		plans := doc.plans
		if x.refused != nil {
			plans = nil
		}
		x.reserved = x.room.bytes
		x.ctx = columns.With(x.ctx, plans, x)
	}
	x.begin()
	x.record.Ran = true
	return nil
}

// reserve reserves room for the response. While there is none, it gives up the operation's turn, so that others run.
func (x *execution) reserve(bytes int64) (ok bool) {
	if x.room, ok = x.h.load.room.reserve(x.caller, bytes); ok {
		return true
	}
	x.giveBack()
	if x.known != nil {
		x.setDeadline()
	}
	if x.room, ok = x.h.load.room.wait(x.ctx, x.caller, bytes); ok {
		x.endTurn = x.h.load.begin(x.ctx, x.caller)
	}
	return x.endTurn != nil
}

// giveBack gives up the operation's turn.
func (x *execution) giveBack() {
	if x.endTurn != nil {
		x.endTurn()
		x.endTurn = nil
	}
}

// responses yields the operation's responses, and whether each has data. A response without data is the last one.
func (x *execution) responses() iter.Seq2[*graphql.Response, bool] {
	return func(yield func(*graphql.Response, bool) bool) {
		for more := true; more; more = x.streams {
			resp := x.next()
			if resp == nil {
				break
			}
			// A subscription whose price alone is asked for has neither data nor errors.
			ran := !x.shed && (!x.streams || resp.Data != nil || len(resp.Errors) == 0)
			if !yield(resp, ran) || !ran {
				return
			}
			x.room.resize(0, 0)
		}
		if x.stopped() {
			return
		}
		if resp := x.failure(); resp != nil {
			yield(resp, false)
		}
	}
}

// next runs the operation up to its next response, and takes room for it until it is sent. Without room, the response
// is an error instead. The first response is never nil; after it, nil is the end. Once the last response is made, the
// operation no longer counts as running.
func (x *execution) next() *graphql.Response {
	if x.streams {
		return x.nextEvent()
	}
	ctx := x.ctx
	if x.deferred {
		ctx = context.WithoutCancel(ctx)
	}
	first := x.record.responses == 0
	resp := x.respond(ctx)
	// A client that leaves after this does not cancel what is complete.
	left := context.Cause(x.ctx)
	if resp == nil && first { // the context ended before anything ran
		resp = &graphql.Response{Data: []byte("null"), Errors: gqlerror.List{present(x.ctx, left)}}
	}
	if resp != nil {
		if first {
			resp.Data = x.pending.without(resp.Data)
		}
		size := int64(len(resp.Data))
		if x.full.Load() || first && !x.room.resize(size, x.made.Load()) || !first && !x.room.grow(size) {
			x.shed = true
			x.cancel()
			no := x.h.overloaded().response
			no.Path, no.Label = resp.Path, resp.Label
			resp = no
		}
		resp.Errors = x.record.take(resp)
	}
	if !more(resp) {
		x.record.ended, x.record.why = time.Now(), left
		x.giveBack()
	}
	return resp
}

// more reports whether parts follow a response.
func more(resp *graphql.Response) bool { return resp != nil && resp.HasNext != nil && *resp.HasNext }

// answer runs a query and returns its only response.
func (x *execution) answer() answer {
	resp := x.next()
	if x.shed {
		return answer{status: http.StatusServiceUnavailable, retryAfter: patience, response: resp}
	}
	return answer{status: http.StatusOK, response: resp, ran: true}
}

// end stops whatever is still running and reports the operation's result to the observers and the log.
func (x *execution) end() {
	x.record.conclude(x.ctx, x.h.o.Waited)
	x.cancel()
	x.giveBack()
	x.room.release()
	x.h.log(x.ctx, &x.record)
	if x.close != nil {
		x.close()
	}
}
