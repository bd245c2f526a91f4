// Package powermta reads the accounting files of PowerMTA: CSV whose columns each site chooses.
package powermta

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/importer/format"
	"deliverygraph/upstream/embedded/importer/format/csvfile"
)

// Format is the accounting file of PowerMTA.
var Format = format.Format{
	Name:  "powermta",
	About: "PowerMTA accounting files (CSV)",
	Recognise: func(head []byte) bool {
		row := csvfile.First(head)
		if !isHeader(row) {
			return false
		}
		c := newColumns(row)
		return c.has("rcpt") && (c.has("timelogged") || c.has("timequeued") || c.has("dsnstatus") || c.has("bouncecat"))
	},
	New:    func(o format.Options) format.Reader { return &reader{options: o} },
	Header: func(line []byte) bool { return isHeader(csvfile.First(line)) },
}

type reader struct{ options format.Options }

// Read reads an accounting file.
func (r *reader) Read(ctx context.Context, f format.File, s format.Sink) error {
	var c columns
	reported := false
	return csvfile.Each(ctx, f, s, func(n int, row []string) error {
		switch {
		case isHeader(row):
			c = newColumns(row)
		case c.names != nil:
			return r.row(n, c.of(row), s)
		case !reported:
			reported = true
			return s.Bad(n, "there is no header line, such as type,timeLogged,…, to name the columns")
		default:
			s.Skip("row without a header line")
		}
		return nil
	})
}

// passed are the types of rows that say nothing about the end of a delivery.
var passed = map[string]string{
	"t": "deferral", "tq": "deferral", "r": "received mail", "f": "complaint", "rs": "status report",
}

// row reads a row.
func (r *reader) row(n int, row row, s format.Sink) error {
	kind := row.get("type")
	if reason, ok := passed[kind]; ok {
		s.Skip(reason)
		return nil
	}
	var rec format.Record
	switch kind {
	case "d":
		rec.Outcome = format.Delivered
	case "b", "rb": // at once, and by a bounce message later
		rec.Outcome, rec.Category = format.Bounced, row.get("bouncecat")
		if rec.Category != "" {
			rec.Type = format.TypeOf(rec.Category)
		}
		rec.Code, rec.Diagnostic = format.Code(row.get("dsnstatus")), row.get("dsndiag")
	default:
		s.Skip("other row")
		return nil
	}
	logged, isLogged := format.ParseTime(row.get("timelogged"), r.options.Location)
	queued, isQueued := format.ParseTime(row.get("timequeued"), r.options.Location)
	switch {
	case !isLogged && !isQueued:
		return s.Bad(n, "neither timeLogged nor timeQueued is a time")
	case !isLogged:
		logged = queued
	case !isQueued:
		queued = logged
	}
	rec.Processed, rec.Time = queued, logged
	if rec.Recipient = format.Address(row.get("rcpt")); rec.Recipient == "" {
		return s.Bad(n, "the row has no rcpt")
	}
	rec.Sender = format.Address(row.get("orig"))
	if rec.Account = row.get("vmtapool"); rec.Account == "" {
		rec.Account = row.get("vmta")
	}
	if rec.EmailID = format.MessageID(row.get("header_message-id")); rec.EmailID == "" {
		rec.EmailID = format.QueueID(queued, row.hash(), "", "")
	}
	rec.Headers = row.headers()
	return s.Record(n, rec)
}

// isHeader reports whether a row names the columns. Files may have several such rows.
func isHeader(row []string) bool {
	return len(row) > 1 && strings.EqualFold(strings.TrimPrefix(row[0], "#"), "type")
}

// columns are the places of the columns by their names in lower case. Of columns that are
// repeated the first counts.
type columns struct {
	names  []string // as the header line has them
	places map[string]int
}

func newColumns(header []string) columns {
	c := columns{append([]string{}, header...), map[string]int{}}
	c.names[0] = "type"
	for i, name := range c.names {
		name = strings.ToLower(strings.TrimSpace(name))
		if _, known := c.places[name]; !known {
			c.places[name] = i
		}
	}
	return c
}

func (c columns) has(name string) bool { _, ok := c.places[name]; return ok }

func (c columns) of(values []string) row { return row{c, values} }

// row is a row and its columns.
type row struct {
	columns
	values []string
}

// get returns the value in the column of a name in lower case, empty if there is none.
func (r row) get(name string) string {
	if i, ok := r.places[name]; ok && i < len(r.values) {
		return strings.TrimSpace(r.values[i])
	}
	return ""
}

// hash makes an id of the whole row, so that the same row has the same id in every import.
func (r row) hash() string {
	sum := sha256.Sum256([]byte(strings.Join(r.values, "\x00")))
	return hex.EncodeToString(sum[:8])
}

// headers returns the message's custom headers, as far as there are columns for them.
func (r row) headers() (list []upstream.Header) {
	for i, column := range r.names {
		if i >= len(r.values) || r.values[i] == "" || len(column) < len("header_") ||
			!strings.EqualFold(column[:len("header_")], "header_") {
			continue
		}
		if name := column[len("header_"):]; format.CustomHeader(name) {
			list = append(list, upstream.Header{Name: name, Value: r.values[i]})
		}
	}
	return list
}
