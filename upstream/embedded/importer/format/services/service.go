// Package services reads the events of delivery services: of their webhooks and APIs in JSON, and of the tables that
// they export in CSV. It also reads the logs of KumoMTA and PowerMTA, which have these forms too.
//
// Each service has a file with the names of its fields and a table of what its events mean. This file turns events into
// records; json.go and csv.go find objects and rows in files, and object.go reads them by the names of their fields.
package services

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/importer/format"
	"deliverygraph/upstream/embedded/importer/format/dsn"
)

// service describes the files of a service.
type service struct {
	name, about string
	// recognise reports whether a file that begins with head is of the service. First has the members of the file's
	// first object. If it is nil, files are recognised by their columns.
	recognise func(first beginning, head []byte) bool

	object  func(*reader, object) error // reads an object; nil if the service has only tables
	columns func(names []string) bool   // reports whether a row names columns; nil without tables
	row     func(*reader, object) error // reads another row

	events map[string]meaning // by their names
	named  string             // the field that names an event, for messages
	time   string             // what the time of an event must be, for messages
	needs  string             // what else an event must have, for messages
	local  bool               // times may be without a zone
}

// format returns the service as a format.
func (s service) format() format.Format {
	header := func(head []byte) bool { return s.columns != nil && s.columns(firstRow(head)) }
	f := format.Format{Name: s.name, About: s.about, Recognise: header}
	if s.recognise != nil {
		f.Recognise = func(head []byte) bool { return s.recognise(firstObject(head), head) }
	}
	if s.columns != nil {
		f.Header = header
	}
	f.New = func(o format.Options) format.Reader {
		r := &reader{service: s}
		if s.local {
			r.zone = o.Location
		}
		return r
	}
	return f
}

// reader reads the files of a service.
type reader struct {
	service
	zone *time.Location // of times without one; nil means UTC
	// accepted holds when messages were accepted for delivery, by their ids, as later events may not say so.
	accepted format.Recent[string, upstream.Time]
	// together holds the recipients that share an id, by the id, as later records may name some of them only.
	together format.Recent[string, []string]

	format.Sink
	// Of the current object or row.
	line   int
	fault  string   // what is wrong with its form
	values []string // of a row

	members []member // that parse has returned about it
	decoder jsontext.Decoder
	text    bytes.Buffer // that the decoder reads
}

// Read reads a file of objects, or a table.
func (r *reader) Read(ctx context.Context, f format.File, s format.Sink) error {
	r.Sink, r.fault, r.values = s, "", nil
	if r.columns == nil || r.object != nil && !r.columns(firstRow(f.Beginning())) {
		return eachObject(ctx, f, s, func(line int, text []byte) error {
			r.line = line
			return r.read(text, r.object)
		})
	}
	var columns []member
	reported := false
	return eachRow(ctx, f, s, func(line int, values []string) error {
		r.line = line
		switch {
		case r.columns(values):
			columns = newColumns(values)
			return nil
		case columns != nil:
			for i := range columns {
				columns[i].text = ""
				if i < len(values) {
					columns[i].text = values[i]
				}
			}
			r.values, r.members = values, r.members[:0]
			return r.row(r, object{members: columns, reader: r})
		case !reported:
			reported = true
			return r.bad("there is no header line, such as type,timeLogged,…, to name the columns")
		}
		s.Skip("row without a header line")
		return nil
	})
}

// bad reports that the current object or row is invalid.
func (r *reader) bad(reason string) error { return r.Bad(r.line, cmp.Or(r.fault, reason)) }

// meaning is what an event means.
type meaning struct {
	skip     string // why it has no records; empty if it has
	outcome  format.Outcome
	kind     upstream.BounceType // of bounces; empty if what the server said decides
	category string              // likewise
	reason   string              // of blocked emails
}

// The meanings that most services have.
var (
	taken     = meaning{outcome: format.Accepted}
	delivered = meaning{outcome: format.Delivered}
)

func skip(why string) meaning { return meaning{skip: why} }

func bounced(kind upstream.BounceType, category string) meaning {
	return meaning{outcome: format.Bounced, kind: kind, category: category}
}

func blocked(reason string) meaning { return meaning{outcome: format.Blocked, reason: reason} }

// event is what an event of any service says.
type event struct {
	at, accepted    []string // when it happened, and when the message was accepted: the first valid time counts
	account, sender string
	recipients      []string
	id              string // of the message
	madeID          string // part of the id, with the time, if there is none
	// place returns the position, from 1, of a recipient among those with the same id. If it is nil, each recipient has
	// an id of its own.
	place func(recipient string, i int) int

	// shared says that place may not count all recipients of the message, which other events name.
	shared bool

	vague bool // other events of the message may name another account or sender, or none

	code, diagnostic, content string // of bounces
	headers                   []upstream.Header
}

// reach is the maximum time between the events of a message, in seconds: servers return mail for some days.
const reach = 7 * 24 * 60 * 60

// header adds custom headers for the values that are not empty.
func (e *event) header(name string, values ...string) {
	for _, value := range values {
		if value != "" {
			e.headers = append(e.headers, upstream.Header{Name: name, Value: value})
		}
	}
}

// custom adds a header of the message, if rows may have it.
func (e *event) custom(name, value string) {
	if upstream.IsHeaderName(name) {
		e.headers = append(e.headers, upstream.Header{Name: name, Value: value})
	}
}

// variable adds a custom header for a value that the sender has attached to the message, such as a tag. The header has
// the name of the value, with the prefix X- and with "-" in place of characters that names of headers cannot have.
func (e *event) variable(name, value string) {
	name = strings.Map(func(r rune) rune {
		if r <= ' ' || r == ':' || r > '~' {
			return '-'
		}
		return r
	}, name)
	if !upstream.IsHeaderName(name) {
		name = "X-" + name
	}
	e.headers = append(e.headers, upstream.Header{Name: name, Value: value})
}

func (e *event) variables(list []member) {
	for _, m := range list {
		e.variable(string(m.name), m.value())
	}
}

// take passes on an event by its name.
func (r *reader) take(name string, e event) error {
	m, known := r.events[name]
	switch {
	case known:
	case name == "":
		return r.bad("the record is no event: it has no " + r.named)
	default:
		m = skip("other event")
	}
	return r.as(m, e)
}

// as passes on a record for each recipient of an event, according to its meaning.
func (r *reader) as(m meaning, e event) error {
	switch {
	case r.fault != "":
		return r.bad(r.fault)
	case m.skip != "":
		r.Skip(m.skip)
		return nil
	}
	rec := format.Record{
		Outcome: m.outcome, Account: e.account, Sender: format.Address(e.sender), Reason: m.reason, Headers: e.headers,
	}
	if m.outcome == format.Bounced {
		rec.Type, rec.Category = m.kind, m.category
		rec.Code, rec.Diagnostic = e.code, e.diagnostic
		if e.content != "" {
			rec.Content, rec.Notice = e.content, dsn.Notice(e.content)
		}
	}
	var ok bool
	if rec.Time, ok = r.firstTime(e.at); !ok {
		return r.bad(r.time)
	}
	if rec.AnyAccount = e.vague; e.vague {
		rec.Earliest, rec.Latest = max(1, rec.Time-reach), rec.Time+reach
	}
	processed, known := r.firstTime(e.accepted)
	if !known {
		processed = rec.Time
	}
	made := e.id == "" && e.madeID != ""
	if made {
		e.id = format.QueueID(processed, e.madeID, "", "")
	}
	if e.id == "" || len(e.recipients) == 0 {
		return r.bad(r.needs)
	}
	for i, recipient := range e.recipients {
		rec := rec
		if rec.Recipient = format.Address(recipient); rec.Recipient == "" {
			return r.bad(r.needs)
		}
		rec.EmailID, rec.Processed = e.id, processed
		switch {
		case e.place == nil:
		case e.shared && known:
			rec.Place, rec.Earliest, rec.Latest = e.place(rec.Recipient, i), processed, processed+1
		default:
			rec.EmailID = format.NthID(e.id, e.place(rec.Recipient, i))
		}
		if m.outcome == format.Accepted {
			r.accepted.Put(rec.EmailID, rec.Time)
		}
		at, ok := r.accepted.Get(rec.EmailID)
		switch {
		case known || made:
		case ok:
			rec.Processed = at
		case m.outcome == format.Blocked && !e.vague:
			rec.Earliest, rec.Latest = max(1, rec.Time-reach), rec.Time+1
		}
		if err := r.Record(r.line, rec); err != nil {
			return err
		}
	}
	return nil
}

// firstTime returns the first of some texts that is a time.
func (r *reader) firstTime(texts []string) (upstream.Time, bool) {
	for _, text := range texts {
		if t, ok := format.ParseTime(text, r.zone); ok {
			return t, true
		}
	}
	return 0, false
}

// placeAmong returns the position of an address in a list, from 1, or 0.
func placeAmong(addresses []string, address string) int {
	return 1 + slices.IndexFunc(addresses, func(a string) bool { return strings.EqualFold(format.Address(a), address) })
}

// reason returns the reason of a blocked email: what the table has for the words of the service, or else these words as
// a code, such as "spam-content".
func reason(table map[string]string, words, none string) string {
	if known := table[strings.ToLower(strings.TrimSpace(words))]; known != "" {
		return known
	}
	var b strings.Builder
	for _, c := range strings.ToLower(words) {
		if 'a' <= c && c <= 'z' || '0' <= c && c <= '9' {
			b.WriteRune(c)
		} else if s := b.String(); s != "" && !strings.HasSuffix(s, "-") {
			b.WriteByte('-')
		}
		if b.Len() >= 64 {
			break
		}
	}
	if code := strings.TrimSuffix(b.String(), "-"); code != "" {
		return code
	}
	return none
}
