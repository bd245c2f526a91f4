package graph

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"deliverygraph/internal/web"
)

// mediaParts is the media type of incremental delivery (@defer), in the format of the draft of August 2022, which
// Apollo Client, urql and gqlgen use.
const mediaParts = "multipart/mixed"

// deferSpec is the draft's version in Accept and Content-Type.
const deferSpec = "20220824"

// acceptsParts reports whether Accept names multipart responses in our format or in any. "*/*" does not count: callers
// that send it do not expect parts.
func acceptsParts(accept web.Accept) bool {
	return slices.ContainsFunc(accept, func(r web.MediaRange) bool {
		spec := r.Params["deferspec"] + r.Params["incrementalspec"]
		return (r.Type == mediaParts || r.Type == "multipart/*") && r.Weight > 0 && (spec == "" || spec == deferSpec)
	})
}

// mayDefer reports whether a document's text could contain @defer.
func mayDefer(text string) bool { return strings.Contains(text, "defer") }

// defers reports whether an operation has a @defer that is not disabled by its "if" argument.
func defers(op *ast.OperationDefinition, variables map[string]any) (found bool) {
	walk(func(_ ast.Selection, d *ast.DirectiveList, _ ast.SelectionSet) bool {
		if on := d.ForName("defer"); on != nil {
			arg := on.Arguments.ForName("if")
			if arg == nil {
				found = true
			} else if v, err := arg.Value.Value(variables); err != nil || v != false {
				found = true
			}
		}
		return !found
	}, op.SelectionSet)
	return found
}

// flatten removes each @defer nested in another, as a server may. The data of the inner one then arrives with the outer
// one's, and so never before the object that it belongs to.
func flatten(doc *ast.QueryDocument) {
	remove := func(_ ast.Selection, d *ast.DirectiveList, _ ast.SelectionSet) bool {
		*d = slices.DeleteFunc(slices.Clone(*d), func(d *ast.Directive) bool { return d.Name == "defer" })
		return true
	}
	walk(func(_ ast.Selection, outer *ast.DirectiveList, below ast.SelectionSet) bool {
		if outer.ForName("defer") != nil {
			walk(remove, below)
		}
		return true
	}, selectionsOf(doc)...)
}

// noParts refuses an operation with @defer from a caller that does not accept parts. A draft of the specification lets
// servers answer such an operation whole, but a caller that defers wants something early, and a late answer would not
// say why it is late.
func noParts() *refusal {
	return refuse(http.StatusNotAcceptable, "the operation has @defer, so its answer comes in parts: send it "+
		"as a query by HTTP and accept "+mediaParts+"; deferSpec="+deferSpec+", or leave @defer out")
}

// deferring makes an operation's deferred fields end with errors of their own when the operation ends. gqlgen waits for
// every deferred field but drops those whose context has ended, so it would wait forever. Therefore a field's context
// ends with the operation while the field is being resolved; afterwards, as the parent of the contexts of the fields
// below, it never ends.
func (x *execution) deferring() {
	operation, inner := x.ctx, x.oc.ResolverMiddleware
	x.oc.ResolverMiddleware = func(ctx context.Context, next graphql.Resolver) (any, error) {
		var resolved atomic.Bool
		defer resolved.Store(true)
		return inner(&untilContext{ctx, func() context.Context {
			if resolved.Load() {
				return ctx
			}
			return operation
		}}, next)
	}
	x.deferred = true
	schema := x.h.documents.schema
	x.pending = deferredFieldsOf(&x.oc, schema, x.operation.SelectionSet, schema.Query)
}

// deliver sends an operation's response in parts, each as soon as it is complete: several for an operation with @defer,
// one for any other. Parts are produced no matter how slowly the caller reads them, so that the operation ends; parts
// that wait count towards MaxInFlight. If the caller leaves, its context ends the operation, and the remaining parts
// are dropped.
func (h *handler) deliver(caller context.Context, w http.ResponseWriter, x *execution) {
	out := http.NewResponseController(w)
	var failed error
	first := true
	for parts := range x.makeParts() {
		for i, resp := range parts {
			if first {
				if h.o.Headers != nil {
					h.o.Headers(caller, w.Header())
				}
				w.Header().Set("Content-Type", mediaParts+`; boundary="-"; deferSpec=`+deferSpec)
				w.Header().Set("Cache-Control", "no-store")
				_, failed = io.WriteString(w, "\r\n---\r\n")
			}
			if failed == nil {
				failed = writePart(w, resp, first, more(resp))
			}
			if failed == nil {
				failed = out.Flush()
			}
			if failed != nil {
				x.cancel()
			}
			x.room.shrink(int64(len(resp.Data)))
			parts[i], first = nil, false // it must not stay in memory while others are sent
		}
	}
}

// makeParts produces the operation's parts one after the other. Each value of the channel holds those that were made
// since the value before was received.
func (x *execution) makeParts() <-chan []*graphql.Response {
	made := make(chan []*graphql.Response, 1)
	add := func(resp *graphql.Response) {
		var parts []*graphql.Response
		select {
		case parts = <-made:
		default:
		}
		made <- append(parts, resp)
	}
	go func() {
		defer close(made)
		defer func() {
			if v := recover(); v != nil { // it would end the process, as net/http does not recover in this goroutine
				add(x.h.broken(x.ctx, v))
			}
		}()
		for {
			resp := x.next()
			if resp != nil {
				add(resp)
			}
			if !more(resp) {
				break
			}
		}
		if x.shed { // the remaining parts are dropped
			ctx := context.WithoutCancel(x.ctx)
			for resp := x.respond(ctx); more(resp); {
				resp = x.respond(ctx)
			}
		}
	}()
	return made
}

// writePart writes one part and the boundary after it, which tells the caller that the part is complete.
func writePart(w io.Writer, resp *graphql.Response, first, more bool) error {
	before, data, after := encode(resp, true)
	head, tail := "", `,"hasNext":false}`
	if more {
		tail = `,"hasNext":true}`
	}
	after = after[:len(after)-len("}")]
	if !first {
		path, err := json.Marshal(resp.Path)
		if err != nil {
			return err
		}
		after = append(append(after, `,"path":`...), path...)
		if resp.Label != "" {
			label, err := json.Marshal(resp.Label)
			if err != nil {
				return err
			}
			after = append(append(after, `,"label":`...), label...)
		}
		head, tail = `{"incremental":[`, "}]"+tail
	}
	boundary := "\r\n---\r\n"
	if !more {
		boundary = "\r\n-----\r\n"
	}
	pieces := net.Buffers{
		[]byte("Content-Type: application/json; charset=utf-8\r\n\r\n" + head), before, data, after,
		[]byte(tail + boundary),
	}
	_, err := pieces.WriteTo(w)
	return err
}
