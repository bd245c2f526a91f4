package graph

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
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
	return refuse(http.StatusNotAcceptable, "the operation has @defer, so its answer comes in parts: accept "+
		mediaParts+"; deferSpec="+deferSpec+" as well, or leave @defer out")
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
func (h *handler) deliver(w http.ResponseWriter, r *http.Request, x *execution) {
	parts := x.makeParts()
	resp := parts.next()
	if h.o.Headers != nil {
		h.o.Headers(r.Context(), w.Header())
	}
	w.Header().Set("Content-Type", mediaParts+`; boundary="-"; deferSpec=`+deferSpec)
	w.Header().Set("Cache-Control", "no-store")
	out := http.NewResponseController(w)
	_, failed := io.WriteString(w, "\r\n---\r\n")
	for first := true; resp != nil; first = false {
		if failed == nil {
			if failed = writePart(w, resp, first, more(resp)); failed == nil {
				failed = out.Flush()
			}
			if failed != nil {
				x.cancel()
			}
		}
		x.room.shrink(int64(len(resp.Data)))
		resp = parts.next()
	}
}

// partQueue holds the parts of a response that wait to be sent.
type partQueue struct {
	mu    sync.Mutex
	added *sync.Cond
	wait  []*graphql.Response
	done  bool // no more will be added
}

// makeParts produces the operation's parts one after the other. The caller must read the queue to its end.
func (x *execution) makeParts() *partQueue {
	p := &partQueue{}
	p.added = sync.NewCond(&p.mu)
	go func() {
		defer p.add(nil)
		defer func() {
			if v := recover(); v != nil { // it would end the process, as net/http does not recover in this goroutine
				p.add(x.h.broken(x.ctx, v))
			}
		}()
		for {
			resp := x.next()
			p.add(resp)
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
	return p
}

// add appends a part; nil marks the end.
func (p *partQueue) add(resp *graphql.Response) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if resp == nil {
		p.done = true
	} else {
		p.wait = append(p.wait, resp)
	}
	p.added.Signal()
}

// next returns the next part, waiting for it if necessary; nil is the end.
func (p *partQueue) next() *graphql.Response {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.wait) == 0 && !p.done {
		p.added.Wait()
	}
	if len(p.wait) == 0 {
		return nil
	}
	resp := p.wait[0]
	p.wait[0] = nil
	p.wait = p.wait[1:]
	return resp
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
	for _, piece := range [][]byte{
		[]byte("Content-Type: application/json; charset=utf-8\r\n\r\n" + head), before, data, after,
		[]byte(tail + boundary),
	} {
		if _, err := w.Write(piece); err != nil {
			return err
		}
	}
	return nil
}
