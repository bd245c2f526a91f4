package graph

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// Media types of answers. The first is for callers that know it: its status tells
// whether the request was sound. The second is always 200 once the request is a
// GraphQL request at all.
const (
	mediaGraphQL = "application/graphql-response+json"
	mediaJSON    = "application/json"
)

type handler struct {
	exec      *executor.Executor
	presenter presenter
	o         Options
}

// ServeHTTP answers one GraphQL request.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	media := negotiate(r.Header.Values("Accept"))
	if media == "" {
		h.refuse(w, mediaJSON, http.StatusNotAcceptable, "answers are "+mediaGraphQL+" or "+mediaJSON+": accept one of them")
		return
	}
	var params *graphql.RawParams
	var err error
	switch r.Method {
	case http.MethodPost:
		params, err = h.readPost(w, r)
	case http.MethodGet:
		params, err = readGet(r)
	default:
		w.Header().Set("Allow", "GET, POST")
		h.refuse(w, media, http.StatusMethodNotAllowed, "GraphQL requests are GET or POST")
		return
	}
	var bad *badRequest
	if errors.As(err, &bad) {
		h.refuse(w, media, bad.status, bad.message)
		return
	}
	ctx, cancel := context.WithTimeout(graphql.StartOperationTrace(r.Context()), h.o.Timeout)
	defer cancel()
	h.execute(ctx, w, r, params, media)
}

func (h *handler) execute(ctx context.Context, w http.ResponseWriter, r *http.Request, params *graphql.RawParams, media string) {
	oc, errs := h.exec.CreateOperationContext(ctx, params)
	if errs == nil && r.Method == http.MethodGet && oc.Operation.Operation != ast.Query {
		w.Header().Set("Allow", "POST")
		h.refuse(w, media, http.StatusMethodNotAllowed, "only queries can be asked by GET")
		return
	}
	if errs != nil { // a request error: the operation never ran, so there is no data
		status := http.StatusBadRequest
		if media == mediaJSON {
			status = http.StatusOK
		}
		if len(errs) > h.o.MaxErrors {
			errs = errs[:h.o.MaxErrors]
		}
		resp := h.exec.DispatchError(graphql.WithOperationContext(ctx, oc), errs)
		h.log(ctx, oc, resp)
		write(w, media, status, resp, false)
		return
	}
	next, ctx := h.exec.DispatchOperation(ctx, oc)
	resp := next(ctx)
	if resp == nil { // the context ended before anything was answered
		resp = &graphql.Response{Data: []byte("null"), Errors: gqlerror.List{h.presenter.present(ctx, context.Cause(ctx))}}
	}
	h.log(ctx, oc, resp)
	if len(resp.Errors) > h.o.MaxErrors {
		resp.Errors = resp.Errors[:h.o.MaxErrors]
	}
	write(w, media, http.StatusOK, resp, true)
}

// log writes the operation's one line: no variables and no texts, which may hold
// addresses.
func (h *handler) log(ctx context.Context, oc *graphql.OperationContext, resp *graphql.Response) {
	codes := map[string]int{}
	for _, e := range resp.Errors {
		codes[fmt.Sprint(e.Extensions["code"])]++
	}
	name := oc.OperationName
	if name == "" && oc.Operation != nil {
		name = oc.Operation.Name
	}
	h.o.Logger.InfoContext(ctx, "operation", "name", name, "duration_ms", float64(graphql.Now().Sub(oc.Stats.OperationStart).Microseconds())/1000,
		"bytes", len(resp.Data), "errors", len(resp.Errors), "codes", codes)
}

// badRequest is a request that is no GraphQL request.
type badRequest struct {
	status  int
	message string
}

func (e *badRequest) Error() string { return e.message }

func bad(status int, format string, args ...any) error {
	return &badRequest{status, fmt.Sprintf(format, args...)}
}

// readPost reads the JSON body of a POST.
func (h *handler) readPost(w http.ResponseWriter, r *http.Request) (*graphql.RawParams, error) {
	media, attrs, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != mediaJSON {
		return nil, bad(http.StatusUnsupportedMediaType, "a request's Content-Type is "+mediaJSON)
	}
	if c := attrs["charset"]; c != "" && !strings.EqualFold(c, "utf-8") {
		return nil, bad(http.StatusUnsupportedMediaType, "a request's charset is utf-8")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, h.o.MaxBody))
	if tooBig := new(http.MaxBytesError); errors.As(err, &tooBig) {
		return nil, bad(http.StatusRequestEntityTooLarge, "a request's body is at most %d bytes", h.o.MaxBody)
	} else if err != nil {
		return nil, bad(http.StatusBadRequest, "the request's body could not be read to its end")
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(body, &fields); err != nil {
		return nil, bad(http.StatusBadRequest, "the request's body is not a JSON object: %s", syntaxProblem(body, err))
	}
	p := &graphql.RawParams{Headers: r.Header}
	return p, errors.Join(
		readString(fields, "query", &p.Query),
		readString(fields, "operationName", &p.OperationName),
		readMap(fields["variables"], "variables", &p.Variables),
		readMap(fields["extensions"], "extensions", &p.Extensions),
		wanted(p.Query),
	)
}

// syntaxProblem says where the body stops being JSON, without repeating it.
func syntaxProblem(body []byte, err error) string {
	var s *json.SyntaxError
	switch {
	case len(bytes.TrimSpace(body)) == 0:
		return "it is empty"
	case errors.As(err, &s):
		return fmt.Sprintf("it goes wrong at byte %d", s.Offset)
	}
	return "it is of another type"
}

// readGet reads the URL of a GET.
func readGet(r *http.Request) (*graphql.RawParams, error) {
	q := r.URL.Query()
	p := &graphql.RawParams{Headers: r.Header, Query: q.Get("query"), OperationName: q.Get("operationName")}
	return p, errors.Join(
		readMap([]byte(q.Get("variables")), "variables", &p.Variables),
		readMap([]byte(q.Get("extensions")), "extensions", &p.Extensions),
		wanted(p.Query),
	)
}

func wanted(query string) error {
	if strings.TrimSpace(query) == "" {
		return bad(http.StatusBadRequest, `the request has no "query": the text of a GraphQL operation`)
	}
	return nil
}

func readString(fields map[string]json.RawMessage, name string, to *string) error {
	if raw, ok := fields[name]; ok && json.Unmarshal(raw, to) != nil {
		return bad(http.StatusBadRequest, "%q must be a string", name)
	}
	return nil
}

func readMap(raw []byte, name string, to *map[string]any) error {
	if len(raw) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber() // numbers of 64 bits stay exact
	if err := d.Decode(to); err != nil {
		return bad(http.StatusBadRequest, "%q must be a JSON object", name)
	}
	if _, err := d.Token(); err != io.EOF {
		return bad(http.StatusBadRequest, "%q must be one JSON object", name)
	}
	return nil
}

// negotiate gives the media type of the answer by the weights of Accept, or "" if
// none of ours is acceptable. Equal weights go to the more telling one, if the
// caller names it; who names neither gets plain JSON.
func negotiate(accept []string) string {
	if len(accept) == 0 {
		return mediaJSON
	}
	best := map[string]float64{}
	exact := map[string]bool{}
	for _, part := range strings.Split(strings.Join(accept, ","), ",") {
		media, attrs, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		weight := 1.0
		if q, ok := attrs["q"]; ok {
			if weight, err = strconv.ParseFloat(q, 64); err != nil {
				continue
			}
		}
		if media == mediaGraphQL || media == mediaJSON {
			best[media], exact[media] = weight, true
			continue
		}
		if media == "*/*" || media == "application/*" {
			for _, m := range []string{mediaGraphQL, mediaJSON} {
				if !exact[m] {
					best[m] = max(best[m], weight)
				}
			}
		}
	}
	g, j := best[mediaGraphQL], best[mediaJSON]
	switch {
	case g == 0 && j == 0:
		return ""
	case g > j, g == j && exact[mediaGraphQL]:
		return mediaGraphQL
	}
	return mediaJSON
}

// refuse answers what is no GraphQL request at all.
func (h *handler) refuse(w http.ResponseWriter, media string, status int, message string) {
	g := h.presenter.finish(&gqlerror.Error{}, codeBadUserInput, message)
	write(w, media, status, &graphql.Response{Errors: gqlerror.List{g}}, false)
}

// write sends the answer. The data's bytes go out as they are: they are JSON
// already, and marshalling them again costs as much as making them.
func write(w http.ResponseWriter, media string, status int, resp *graphql.Response, ran bool) {
	var b bytes.Buffer
	b.Grow(len(resp.Data) + 64)
	b.WriteByte('{')
	if len(resp.Errors) > 0 {
		errs, err := json.Marshal(resp.Errors)
		if err != nil {
			errs = []byte(`[{"message":"internal error","extensions":{"code":"INTERNAL"}}]`)
		}
		b.WriteString(`"errors":`)
		b.Write(errs)
	}
	if ran {
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		b.WriteString(`"data":`)
		if len(resp.Data) == 0 {
			b.WriteString("null")
		}
		b.Write(resp.Data)
	}
	if len(resp.Extensions) > 0 {
		if ext, err := json.Marshal(resp.Extensions); err == nil {
			b.WriteString(`,"extensions":`)
			b.Write(ext)
		}
	}
	b.WriteByte('}')
	w.Header().Set("Content-Type", media+"; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(b.Len()))
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}
