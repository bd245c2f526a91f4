package graph

import (
	"context"
	"net/http"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// execution is an operation under way. A transport starts it, takes its responses
// one by one, and ends it.
type execution struct {
	h         *handler
	ctx       context.Context
	cancel    context.CancelFunc
	operation *ast.OperationDefinition
	responses graphql.ResponseHandler
	record    *record
	turn      bool // it counts among the operations under way
}

// start begins an operation, or refuses it. Only queries are safe, as GET has it.
func (h *handler) start(ctx context.Context, params *graphql.RawParams, safe bool) (*execution, *refusal) {
	ctx, cancel := context.WithTimeout(graphql.StartOperationTrace(ctx), h.o.Timeout)
	ctx, rec := h.newRecord(ctx)
	x := &execution{h: h, ctx: ctx, cancel: cancel, record: rec}
	started := false
	defer func() { // after a panic too
		if !started {
			x.end()
		}
	}()
	if no := x.prepare(params, safe); no != nil {
		no.response.Errors = rec.take(no.response, h.o.MaxErrors)
		return nil, no
	}
	started = true
	return x, nil
}

// prepare does all that comes before the first field.
func (x *execution) prepare(params *graphql.RawParams, safe bool) *refusal {
	h := x.h
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
	op, err := operationOf(doc, params.OperationName)
	if err != nil {
		return refuseOperation(err)
	}
	x.operation = op
	x.record.identify(op, params.Query)
	if safe && op.Operation != ast.Query {
		return &refusal{status: http.StatusMethodNotAllowed, allow: http.MethodPost, response: &graphql.Response{Errors: gqlerror.List{requestError(codeBadUserInput, "only queries can be asked by GET")}}}
	}
	if errs := h.documents.variables(op, params.Variables); errs != nil {
		return refuseOperation(errs...)
	}
	if op.Operation != ast.Subscription {
		if !h.load.begin(x.ctx) {
			return overloaded()
		}
		x.turn = true
	}
	oc, errs := h.exec.CreateOperationContext(withDocument(x.ctx, doc), params)
	if errs != nil { // an extension has refused it
		no := refuseOperation()
		if wait, ok := errs[0].Extensions["retryAfterMs"].(int64); ok && errs[0].Extensions["code"] == codeRateLimited {
			no = &refusal{status: http.StatusTooManyRequests, retryAfter: time.Duration(wait) * time.Millisecond}
		}
		no.response = h.exec.DispatchError(graphql.WithOperationContext(x.ctx, oc), errs)
		return no
	}
	x.responses, x.ctx = h.exec.DispatchOperation(x.ctx, oc)
	x.record.Ran = true
	return nil
}

// next runs the operation up to its next response. Only the first is sure to be one:
// nil is the end.
func (x *execution) next() *graphql.Response {
	resp := x.responses(x.ctx)
	if resp == nil && x.record.responses == 0 { // the context ended before anything ran
		resp = &graphql.Response{Data: []byte("null"), Errors: gqlerror.List{present(x.ctx, context.Cause(x.ctx))}}
	}
	if resp != nil {
		resp.Errors = x.record.take(resp, x.h.o.MaxErrors)
	}
	return resp
}

// end stops what is still under way, and tells the observers and the log how the
// operation has ended.
func (x *execution) end() {
	x.record.conclude(x.ctx)
	x.cancel()
	if x.turn {
		x.h.load.end()
	}
	x.h.log(x.ctx, x.record)
}
