package sparkpost

import (
	"context"
	"slices"

	"deliverygraph/upstream/embedded/importer/format"
	"deliverygraph/upstream/embedded/importer/format/csvfile"
	"deliverygraph/upstream/embedded/importer/format/jsonfile"
)

// columns are the columns of tables of events: they are the properties of the Events API, as the tool sparkyEvents
// writes them (https://github.com/tuck1s/sparkyEvents). Tags and metadata are not read, since that writes them in the
// syntax of Python.
var columns = map[string]func(*event) *jsonfile.Text{
	"type":            func(e *event) *jsonfile.Text { return &e.Type },
	"bounce_class":    func(e *event) *jsonfile.Text { return &e.Class },
	"timestamp":       func(e *event) *jsonfile.Text { return &e.Time },
	"injection_time":  func(e *event) *jsonfile.Text { return &e.Injected },
	"message_id":      func(e *event) *jsonfile.Text { return &e.Message },
	"transmission_id": func(e *event) *jsonfile.Text { return &e.Transmission },
	"rcpt_to":         func(e *event) *jsonfile.Text { return &e.Recipient },
	"raw_rcpt_to":     func(e *event) *jsonfile.Text { return &e.RawRecipient },
	"reason":          func(e *event) *jsonfile.Text { return &e.Reason },
	"raw_reason":      func(e *event) *jsonfile.Text { return &e.RawReason },
	"friendly_from":   func(e *event) *jsonfile.Text { return &e.From },
	"msg_from":        func(e *event) *jsonfile.Text { return &e.EnvelopeFrom },
	"subaccount_id":   func(e *event) *jsonfile.Text { return &e.Subaccount },
	"campaign_id":     func(e *event) *jsonfile.Text { return &e.Campaign },
}

// isTable reports whether a row names the columns of a table of events that can be read.
func isTable(row []string) bool {
	has := func(name string) bool { return slices.Contains(row, name) }
	return has("timestamp") && has("type") && (has("rcpt_to") || has("raw_rcpt_to")) &&
		(has("message_id") || has("transmission_id"))
}

// reader reads events, and tables of them.
type reader struct {
	processed format.Processed
	events    format.Reader
}

func newReader() *reader {
	r := &reader{}
	r.events = jsonfile.NewReader(func(line int, f *file, s format.Sink) error { return f.read(line, &r.processed, s) })
	return r
}

// Read reads a file of events, or a table.
func (r *reader) Read(ctx context.Context, f format.File, s format.Sink) error {
	if !isTable(csvfile.First(f.Beginning())) {
		return r.events.Read(ctx, f, s)
	}
	var header []string
	return csvfile.Each(ctx, f, s, func(n int, row []string) error {
		if isTable(row) {
			header = slices.Clone(row)
			return nil
		}
		var e event
		for i, value := range row[:min(len(row), len(header))] {
			if field := columns[header[i]]; field != nil {
				*field(&e) = jsonfile.Text(value)
			}
		}
		return e.read(n, &r.processed, s)
	})
}
