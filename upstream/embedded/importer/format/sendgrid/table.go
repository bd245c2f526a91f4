package sendgrid

import (
	"context"
	"slices"
	"strings"

	"deliverygraph/upstream/embedded/importer/format"
	"deliverygraph/upstream/embedded/importer/format/csvfile"
	"deliverygraph/upstream/embedded/importer/format/jsonfile"
)

// columns are those of the tables that SendGrid's pages export, and the fields of events that they
// are: of the Email Activity Feed, and of lists of bounces and blocks.
var columns = map[string]string{
	"message_id": "sg_message_id", "processed": "timestamp", "event": "event", "email": "email", "reason": "reason",
	"type": "type", "categories": "category", "unique_args": "unique_args", "created": "created", "status": "status",
}

// isTable reports whether a row names the columns of such a table.
func isTable(row []string) bool {
	has := func(names ...string) bool {
		return !slices.ContainsFunc(names, func(name string) bool { return !slices.Contains(row, name) })
	}
	return has("processed", "message_id", "event", "email") || has("status", "reason", "email", "created")
}

// kinds are the names that tables have for events and types of bounces, if events have others.
var kinds = map[string]string{
	"bounced": "bounce", "drop": "dropped", "opened": "open", "clicked": "click", "spam_report": "spamreport",
	"soft": "blocked", "hard": "bounce",
}

// reader reads events, and tables of them.
type reader struct {
	processed format.Processed
	events    format.Reader
}

func newReader() *reader {
	r := &reader{}
	r.events = jsonfile.NewReader(func(line int, e *event, s format.Sink) error {
		return e.read(line, &r.processed, s)
	})
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
		e := event{}
		for i, value := range row[:min(len(row), len(header))] {
			switch name := columns[header[i]]; {
			case header[i] == "from":
				e.from = value
			case name == "", value == "":
			case name == "event", name == "type":
				value = strings.ToLower(value)
				if known := kinds[value]; known != "" {
					value = known
				}
				fallthrough
			default:
				e.Members = append(e.Members, jsonfile.Member{Name: name, Value: value})
			}
		}
		return e.read(n, &r.processed, s)
	})
}
