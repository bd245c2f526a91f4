package graph

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/go-json-experiment/json/jsontext"
)

// read reads the GraphQL request in an HTTP request; an error is a [*refusal].
func (h *handler) read(w http.ResponseWriter, r *http.Request) (*graphql.RawParams, error) {
	switch r.Method {
	case http.MethodPost:
		return h.readPost(w, r)
	case http.MethodGet:
		return readGet(r)
	}
	no := refuse(http.StatusMethodNotAllowed, "GraphQL requests are GET or POST")
	no.allow = "GET, POST"
	return nil, no
}

// readPost reads the JSON body of a POST.
func (h *handler) readPost(w http.ResponseWriter, r *http.Request) (*graphql.RawParams, error) {
	media, attrs, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != mediaJSON {
		return nil, refuse(http.StatusUnsupportedMediaType, "a request's Content-Type must be "+mediaJSON)
	}
	if c := attrs["charset"]; c != "" && !strings.EqualFold(c, "utf-8") {
		return nil, refuse(http.StatusUnsupportedMediaType, "a request's charset is utf-8")
	}
	if e := r.Header.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return nil, refuse(http.StatusUnsupportedMediaType, "a request's body is not compressed: send it without Content-Encoding")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, h.o.MaxBody))
	if tooBig := new(http.MaxBytesError); errors.As(err, &tooBig) {
		return nil, refuse(http.StatusRequestEntityTooLarge, "a request's body is at most %d bytes", h.o.MaxBody)
	} else if errors.Is(err, errOverloaded) {
		return nil, overloaded()
	} else if err != nil {
		return nil, refuse(http.StatusBadRequest, "the request's body could not be read to its end")
	}
	if problem := jsonProblem(body); problem != "" {
		return nil, refuse(http.StatusBadRequest, "the request's body is not JSON: %s", problem)
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(body, &fields) != nil || fields == nil {
		return nil, refuse(http.StatusBadRequest, `the request's body must be a JSON object, such as {"query": "{ __typename }"}`)
	}
	p := &graphql.RawParams{Headers: r.Header}
	return p, errors.Join(
		readString(fields, "query", &p.Query),
		readString(fields, "operationName", &p.OperationName),
		readObject(fields["variables"], "variables", &p.Variables),
		readObject(fields["extensions"], "extensions", &p.Extensions),
		readDocumentID(p, func(name string) (id string, err error) { err = readString(fields, name, &id); return id, err }),
		wanted(p),
	)
}

// readGet reads the URL of a GET.
func readGet(r *http.Request) (*graphql.RawParams, error) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "the URL's query is not properly encoded")
	}
	one := func(name string) string {
		if len(q[name]) > 1 && err == nil {
			err = refuse(http.StatusBadRequest, "the URL gives %q more than once", name)
		}
		return q.Get(name)
	}
	object := func(name string, to *map[string]any) error {
		raw := []byte(one(name))
		if len(raw) > 0 && jsonProblem(raw) != "" {
			return refuse(http.StatusBadRequest, "%q must be a JSON object: %s", name, jsonProblem(raw))
		}
		return readObject(raw, name, to)
	}
	p := &graphql.RawParams{Headers: r.Header, Query: one("query"), OperationName: one("operationName")}
	problem := errors.Join(
		object("variables", &p.Variables),
		object("extensions", &p.Extensions),
		readDocumentID(p, func(name string) (string, error) { return one(name), nil }),
		wanted(p),
	)
	return p, errors.Join(err, problem)
}

// readDocumentID puts the id of a document among the extensions. The names id and
// doc_id may mean something else to whoever sends them: they count where there is no
// query.
func readDocumentID(p *graphql.RawParams, read func(name string) (string, error)) error {
	id, err := read(documentID)
	if err != nil {
		return err
	}
	for _, name := range []string{"id", "doc_id"} {
		if id == "" && p.Query == "" {
			id, _ = read(name)
		}
	}
	if id != "" {
		if p.Extensions == nil {
			p.Extensions = map[string]any{}
		}
		p.Extensions[documentID] = id
	}
	return nil
}

func wanted(p *graphql.RawParams) error {
	if strings.TrimSpace(p.Query) == "" && !named(p) {
		return refuse(http.StatusBadRequest, `the request has no "query": the text of a GraphQL document`)
	}
	return nil
}

// jsonProblem says where a text stops being one JSON value, without repeating it. A
// name given twice is a problem, as readers differ in which of the two they take.
func jsonProblem(text []byte) string {
	if len(bytes.TrimSpace(text)) == 0 {
		return "it is empty"
	}
	d := jsontext.NewDecoder(bytes.NewReader(text))
	err := d.SkipValue()
	if err == nil {
		if _, err = d.ReadToken(); err == io.EOF {
			return ""
		}
	}
	var s *jsontext.SyntacticError
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		return fmt.Sprintf("an object gives a name twice before byte %d", d.InputOffset()+1)
	case errors.As(err, &s):
		return fmt.Sprintf("it goes wrong at byte %d", s.ByteOffset+1)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "it ends too early"
	}
	return fmt.Sprintf("it goes on at byte %d, behind its end", d.InputOffset()+1)
}

func readString(fields map[string]json.RawMessage, name string, to *string) error {
	if raw, ok := fields[name]; ok && json.Unmarshal(raw, to) != nil {
		return refuse(http.StatusBadRequest, "%q must be a string", name)
	}
	return nil
}

// readObject reads an object, or null, of a text that is JSON.
func readObject(raw []byte, name string, to *map[string]any) error {
	if len(raw) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber() // numbers of 64 bits stay exact
	if d.Decode(to) != nil {
		return refuse(http.StatusBadRequest, "%q must be a JSON object", name)
	}
	return nil
}
