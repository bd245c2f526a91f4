package graph

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"runtime/debug"
	"strconv"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

type handler struct {
	exec      *executor.Executor
	documents *documents
	o         Options
}

// ServeHTTP answers one GraphQL request.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Add("Vary", "Accept")
	media := negotiate(r.Header.Values("Accept"))
	if media == "" {
		refuse(w, mediaJSON, http.StatusNotAcceptable, "answers are "+mediaGraphQL+" or "+mediaJSON+": accept one of them")
		return
	}
	defer h.recovered(w, r, media)
	var params *graphql.RawParams
	var err error
	switch r.Method {
	case http.MethodPost:
		params, err = h.readPost(w, r)
	case http.MethodGet:
		params, err = readGet(r)
	default:
		w.Header().Set("Allow", "GET, POST")
		refuse(w, media, http.StatusMethodNotAllowed, "GraphQL requests are GET or POST")
		return
	}
	if no := new(badRequest); errors.As(err, &no) {
		refuse(w, media, no.status, no.message)
		return
	}
	ctx, cancel := context.WithTimeout(graphql.StartOperationTrace(r.Context()), h.o.Timeout)
	defer cancel()
	resp, status := h.answer(ctx, params, r.Method == http.MethodGet)
	ran := status == http.StatusOK
	switch {
	case status == http.StatusMethodNotAllowed:
		w.Header().Set("Allow", "POST")
	case media == mediaJSON:
		status = http.StatusOK
	}
	write(w, media, status, resp, ran)
}

// answer runs an operation, or gives request errors and a status other than 200:
// then nothing ran, so there is no data.
func (h *handler) answer(ctx context.Context, params *graphql.RawParams, get bool) (resp *graphql.Response, status int) {
	ctx, failed := withFailures(ctx)
	name := params.OperationName
	defer func() {
		h.log(ctx, name, failed, resp)
		resp.Errors = resp.Errors[:min(len(resp.Errors), h.o.MaxErrors)]
	}()
	no := func(status int, errs ...*gqlerror.Error) (*graphql.Response, int) {
		return &graphql.Response{Errors: errs}, status
	}
	doc, errs := h.documents.read(params.Query)
	if errs != nil {
		return no(http.StatusBadRequest, errs...)
	}
	op, err := operation(doc, params.OperationName)
	if err != nil {
		return no(http.StatusBadRequest, err)
	}
	name = op.Name
	if get && op.Operation != ast.Query {
		return no(http.StatusMethodNotAllowed, requestError(codeBadUserInput, "only queries can be asked by GET"))
	}
	if errs := h.documents.variables(op, params.Variables); errs != nil {
		return no(http.StatusBadRequest, errs...)
	}
	oc, errs := h.exec.CreateOperationContext(withDocument(ctx, doc), params)
	if errs != nil { // an extension has refused it
		return h.exec.DispatchError(graphql.WithOperationContext(ctx, oc), errs), http.StatusBadRequest
	}
	next, ctx := h.exec.DispatchOperation(ctx, oc)
	if resp = next(ctx); resp == nil { // the context ended before anything ran
		resp = &graphql.Response{Data: []byte("null"), Errors: gqlerror.List{present(ctx, context.Cause(ctx))}}
	}
	return resp, http.StatusOK
}

// recovered answers in the place of a handler that panicked, which none should:
// panics in resolvers do not come here.
func (h *handler) recovered(w http.ResponseWriter, r *http.Request, media string) {
	switch v := recover(); v {
	case nil:
	case http.ErrAbortHandler:
		panic(v)
	default:
		h.o.Logger.ErrorContext(r.Context(), "failed", "code", codeInternal, "error", v, "stack", string(debug.Stack()))
		write(w, media, http.StatusInternalServerError, &graphql.Response{Errors: gqlerror.List{requestError(codeInternal, "internal error")}}, false)
	}
}

// refuse answers what is no GraphQL request at all.
func refuse(w http.ResponseWriter, media string, status int, message string) {
	write(w, media, status, &graphql.Response{Errors: gqlerror.List{requestError(codeBadUserInput, message)}}, false)
}

// write sends the answer. The data's bytes go out as they are: they are JSON
// already, and marshalling them again costs as much as making them.
func write(w http.ResponseWriter, media string, status int, resp *graphql.Response, ran bool) {
	var before, after bytes.Buffer // the data stands between them, and is not copied
	before.WriteByte('{')
	if len(resp.Errors) > 0 {
		errs, err := json.Marshal(resp.Errors)
		if err != nil {
			errs = []byte(`[{"message":"internal error","extensions":{"code":"INTERNAL","retryable":false}}]`)
		}
		before.WriteString(`"errors":`)
		before.Write(errs)
	}
	var data []byte
	if ran {
		if before.Len() > 1 {
			before.WriteByte(',')
		}
		before.WriteString(`"data":`)
		if data = resp.Data; len(data) == 0 {
			data = []byte("null")
		}
	}
	if len(resp.Extensions) > 0 {
		if ext, err := json.Marshal(resp.Extensions); err == nil {
			after.WriteString(`,"extensions":`)
			after.Write(ext)
		}
	}
	after.WriteByte('}')
	w.Header().Set("Content-Type", media+"; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(before.Len()+len(data)+after.Len()))
	w.WriteHeader(status)
	for _, part := range [][]byte{before.Bytes(), data, after.Bytes()} {
		_, _ = w.Write(part)
	}
}
