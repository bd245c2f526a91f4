// Package ingest receives the webhooks of delivery services, and rows of the API, into a store.
//
// [New] returns a handler with a path for each [Service]. The service authenticates the request,
// whose body is then imported like a file of its format. The response is 200 once all rows are
// durable. Services may repeat records and send them in any order: the result is the same.
package ingest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"deliverygraph/internal/classify"
	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/importer"
	"deliverygraph/upstream/embedded/store"
)

// Store is what a handler needs of a [store.Store].
type Store interface {
	importer.Store
	// Sync returns when everything written survives a failure of the machine.
	Sync() error
}

// Options configure a handler.
type Options struct {
	Services []Service
	User     upstream.ID     // of mail that names no account; 0 means 1
	Rules    *classify.Rules // for sorting bounces; nil means the embedded rules
	MaxBody  int64           // the maximum size of a body in bytes, decompressed; 0 means 16 MiB
	MaxBytes int64           // the maximum size of all bodies in progress; 0 means four times MaxBody
	Logger   *slog.Logger    // gets a line per request; nil means none
	Observe  func(Batch)     // is called after each response; may be nil
}

// Batch describes a request and its result.
type Batch struct {
	Service string
	Status  int            // of the response
	Bytes   int            // of the body, decompressed
	Records int            // in the body, including those that are skipped or bad
	Skipped map[string]int // the number of records without rows, by reason
	Bad     int            // records that cannot be read
	store.Written
	Duration time.Duration
}

// statusClientGone is the status, in logs and metrics, of requests whose client did not wait.
const statusClientGone = 499

// maxTurns is the maximum number of bodies to import at once. The store writes one after the other.
const maxTurns = 4

type handler struct {
	o        Options
	store    Store
	services map[string]Service // by path
	room     room
	turns    chan struct{}
}

// New returns a handler. It refuses cross-origin requests of browsers, because services are not browsers.
func New(s Store, o Options) http.Handler {
	if o.MaxBody <= 0 {
		o.MaxBody = 16 << 20
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = 4 * o.MaxBody
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	h := &handler{
		o: o, store: s, services: map[string]Service{},
		room: room{most: o.MaxBytes}, turns: make(chan struct{}, maxTurns),
	}
	for _, service := range o.Services {
		h.services["/"+service.name] = service
	}
	return http.NewCrossOriginProtection().Handler(h)
}

// reply is the body of a response.
type reply struct {
	Error     string         `json:"error,omitempty"`
	Done      string         `json:"done,omitempty"` // other than writing rows
	Records   int            `json:"records"`
	New       int            `json:"new"`
	Replaced  int            `json:"replaced"`
	Unchanged int            `json:"unchanged"`
	Skipped   map[string]int `json:"skipped,omitempty"`
	Bad       []badRecord    `json:"bad,omitempty"` // the first of them
}

type badRecord struct {
	Record int    `json:"record"` // from 1
	Reason string `json:"reason"`
}

// ServeHTTP implements [http.Handler].
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	service, ok := h.services[r.URL.Path]
	if !ok {
		writeReply(w, http.StatusNotFound, reply{Error: h.nothingAt(r.URL.Path)})
		return
	}
	b := Batch{Service: service.name, Status: http.StatusOK}
	answer, err := h.take(w, r, service, &b)
	var refused *refusal
	switch {
	case errors.As(err, &refused):
		b.Status, answer.Error = refused.status, refused.message
		if refused.status == http.StatusBadRequest && service.decode == nil {
			answer.Error += wrongType(r)
		}
		for name, value := range refused.headers {
			w.Header().Set(name, value)
		}
	case r.Context().Err() != nil:
		b.Status = statusClientGone
	case err != nil:
		b.Status, answer.Error = http.StatusInternalServerError, "the rows could not be stored: send them again later"
	}
	writeReply(w, b.Status, answer)
	b.Duration = time.Since(start)
	h.log(r.Context(), b, answer, err)
	if h.o.Observe != nil {
		h.o.Observe(b)
	}
}

// take checks and imports a request.
func (h *handler) take(w http.ResponseWriter, r *http.Request, service Service, b *Batch) (reply, error) {
	if r.Method != http.MethodPost {
		return reply{}, &refusal{http.StatusMethodNotAllowed, "send a POST",
			map[string]string{"Allow": http.MethodPost}}
	}
	if service.admit != nil {
		if err := service.admit(r); err != nil {
			return reply{}, err
		}
	}
	body, release, err := h.read(w, r)
	defer release()
	if err != nil {
		return reply{}, err
	}
	b.Bytes = len(body)
	if service.decode != nil {
		if body, err = service.decode(r.Header.Get("Content-Type"), body); err != nil {
			return reply{}, err
		}
	}
	if service.verify != nil {
		done := ""
		if body, done, err = service.verify(r, body); err != nil || done != "" {
			return reply{Done: done}, err
		}
	}
	if service.format != importer.Rows {
		if body, err = onePerLine(body); err != nil {
			return reply{}, err
		}
	}
	select {
	case h.turns <- struct{}{}:
		defer func() { <-h.turns }()
	case <-r.Context().Done():
		return reply{}, r.Context().Err()
	}
	return h.write(r.Context(), service, body, b)
}

// maxBad is the maximum number of bad records in a response.
const maxBad = 20

// write imports a body of records, one per line.
func (h *handler) write(ctx context.Context, service Service, body []byte, b *Batch) (reply, error) {
	var answer reply
	whole := "" // what is wrong with the body as a whole
	sum, err := importer.Run(ctx, h.store, []string{importer.Stdin}, importer.Options{
		Format: service.format, User: h.o.User, Rules: h.o.Rules, Merge: true, Stdin: bytes.NewReader(body),
		SortBytes: 2 * int(h.o.MaxBody), // so that no temporary file is needed
		Report: func(l importer.BadLine) {
			switch {
			case l.Line == 0:
				whole = l.Reason
			case len(answer.Bad) < maxBad:
				answer.Bad = append(answer.Bad, badRecord{l.Line, l.Reason})
			}
		},
	})
	if err == nil {
		err = h.store.Sync()
	}
	b.Written, b.Bad, b.Skipped = sum.Written, sum.BadLines+sum.BadFiles, map[string]int{}
	b.Records = b.Bad
	for _, f := range sum.Formats {
		for _, n := range f.Outcomes {
			b.Records += n
		}
		for reason, n := range f.Passed {
			b.Skipped[reason] += n
			b.Records += n
		}
	}
	if service.format == importer.Rows {
		b.Records += sum.Rows()
	}
	answer.Records, answer.Skipped = b.Records, b.Skipped
	answer.New, answer.Replaced, answer.Unchanged = b.New, b.Replaced, b.Unchanged
	var bad *upstream.Error
	switch {
	case errors.As(err, &bad) && bad.Code == upstream.InvalidArgument:
		return answer, refuse(http.StatusBadRequest, "%s", bad.Message)
	case err != nil:
		return answer, err
	case whole != "":
		return answer, refuse(http.StatusBadRequest, "%s", whole)
	case b.Bad > 0:
		others := ""
		if b.Records > b.Bad {
			others = "; the others are stored"
		}
		first := answer.Bad[0]
		return answer, refuse(http.StatusBadRequest, "%d of %d records cannot be read (record %d: %s)%s",
			b.Bad, b.Records, first.Record, first.Reason, others)
	}
	return answer, nil
}

// onePerLine writes a JSON value, or the elements of a JSON array, one per line, so that line numbers are
// record numbers.
func onePerLine(body []byte) ([]byte, error) {
	body = bytes.TrimSpace(body)
	list := []json.RawMessage{body}
	if bytes.HasPrefix(body, []byte("[")) {
		list = nil
		if err := json.Unmarshal(body, &list); err != nil {
			return nil, refuse(http.StatusBadRequest, "the body is not JSON: %v", err)
		}
	}
	var lines bytes.Buffer
	for i, element := range list {
		if !bytes.HasPrefix(element, []byte("{")) {
			return nil, refuse(http.StatusBadRequest, "record %d is not a JSON object", i+1)
		}
		if err := json.Compact(&lines, element); err != nil {
			return nil, refuse(http.StatusBadRequest, "the body is not JSON: %v", err)
		}
		lines.WriteByte('\n')
	}
	return lines.Bytes(), nil
}

// wrongType names the Content-Type of a request whose body cannot be read, if that is not JSON.
func wrongType(r *http.Request) string {
	given := r.Header.Get("Content-Type")
	name, _, _ := mime.ParseMediaType(given)
	if given == "" || strings.Contains(name, "json") || strings.HasPrefix(name, "text/") { // SES sends JSON as text
		return ""
	}
	return fmt.Sprintf("; the body must be JSON, and the Content-Type of the request is %.100q", given)
}

func (h *handler) nothingAt(path string) string {
	for _, name := range Names {
		if path == "/"+name {
			return "the service " + name + " is not configured here"
		}
	}
	paths := slices.Sorted(maps.Keys(h.services))
	return fmt.Sprintf("there is nothing at %.100q: send to %s", path, strings.Join(paths, ", "))
}

func (h *handler) log(ctx context.Context, b Batch, answer reply, err error) {
	var skipped []any
	for _, reason := range slices.Sorted(maps.Keys(b.Skipped)) {
		skipped = append(skipped, reason, b.Skipped[reason])
	}
	level, attrs := slog.LevelInfo, []any{
		"service", b.Service, "status", b.Status, "records", b.Records,
		"new", b.New, "replaced", b.Replaced, "unchanged", b.Unchanged, slog.Group("skipped", skipped...), "bad", b.Bad,
	}
	if answer.Done != "" {
		attrs = append(attrs, "done", answer.Done)
	}
	if err != nil {
		level, attrs = slog.LevelWarn, append(attrs, "error", logged(err))
	}
	if b.Status == http.StatusInternalServerError {
		level = slog.LevelError
	}
	h.o.Logger.Log(ctx, level, "webhook", append(attrs, "duration_ms", b.Duration.Milliseconds())...)
}

// logged returns an error for the log. The response has it as it is: it quotes records, which contain addresses.
func logged(err error) string {
	if refused, ok := errors.AsType[*refusal](err); ok {
		return quoted.ReplaceAllString(refused.message, "…")
	}
	return err.Error()
}

// quoted matches a quoted text, which may be cut off.
var quoted = regexp.MustCompile(`"(?:[^"\\]|\\.)*(?:"|\\?$)`)

func writeReply(w http.ResponseWriter, status int, answer reply) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer) // the client may have left
}

// refusal is an error for the client.
type refusal struct {
	status  int
	message string
	headers map[string]string
}

func (r *refusal) Error() string { return r.message }

func refuse(status int, format string, args ...any) error {
	return &refusal{status: status, message: fmt.Sprintf(format, args...)}
}
