// Package exporter writes the rows of a store, or of a remote server of the metrics API, as NDJSON that package
// importer reads: see importer/FORMAT.md.
//
// [Run] writes what a [Source] returns. [Store] is the source for a store, and [Remote] the one for a server.
package exporter

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
	"iter"
	"time"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/importer"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/kind"
)

// Source returns the rows of a window: accounts, senders before the events that name them, and events of all kinds in
// order of time. It ends with the first error.
type Source func(ctx context.Context, w upstream.Window) iter.Seq2[Row, error]

// Row is an event of a kind, a sender or an account.
type Row struct {
	Sender  *store.Sender  // nil for others
	Account *store.Account // nil for others
	Kind    upstream.Kind
	store.Event
	Partial bool // a bounce without its details, which the source does not have
}

// Options configure [Run].
type Options struct {
	Window upstream.Window
	// Lacks is called for each written row that an import refuses, or stores without some of its content. What says
	// why. It may be nil.
	Lacks func(r *Row, what string)
	// Progress is called now and then with the summary so far. It may be nil.
	Progress func(*Summary)
}

// Summary describes what was written.
type Summary struct {
	Accounts int
	Senders  int
	upstream.PerKind[int]
	Last    upstream.Time // of the last event; events before it are complete
	Refused int           // rows that an import refuses
	Partial int           // bounces without details
	Changed int           // rows with bytes that are not UTF-8, which become U+FFFD, as in the API's answers
	Took    time.Duration
}

// Rows returns the number of rows.
func (s *Summary) Rows() int {
	return s.Accounts + s.Senders + upstream.Sum(s.PerKind)
}

// String describes the progress, such as "1,310,720 rows, 81,920 rows/s, up to 2016-11-22T00:00:00Z".
func (s *Summary) String() string {
	text := importer.Rate(s.Rows(), s.Took)
	if s.Last != 0 {
		text += ", up to " + s.Last.UTC().Format(time.RFC3339)
	}
	return text
}

// Run writes the rows of a window to w, one per line. If it is interrupted, all lines are valid, except the last one if
// w failed. Errors are those of ctx, of the source or of w. The summary describes what was written, even with an error.
func Run(ctx context.Context, from Source, w io.Writer, o Options) (written Summary, err error) {
	const large = 256 << 10
	start := time.Now()
	if o.Lacks == nil {
		o.Lacks = func(*Row, string) {}
	}
	var s Summary
	var lines []byte
	flush := func() error {
		_, err := w.Write(lines)
		if s.Took, lines = time.Since(start), lines[:0]; err == nil {
			written = s
		}
		return err
	}
	var read importer.Line
	for r, err := range from(ctx, o.Window) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			err = cmp.Or(flush(), err)
			return written, err
		}
		at := len(lines)
		lines = r.append(lines)
		s.add(&r, &read, lines[at:], o.Lacks)
		if lines = append(lines, '\n'); len(lines) >= large {
			if err := flush(); err != nil {
				return written, err
			}
			if o.Progress != nil {
				o.Progress(&written)
			}
		}
	}
	err = flush()
	return written, err
}

// add counts a row, and reports what an import of its line would lack.
func (s *Summary) add(r *Row, read *importer.Line, line []byte, lacks func(*Row, string)) {
	again, problem := read.Event(line)
	switch {
	case problem != "":
		s.Refused++
		lacks(r, "an import refuses it: "+problem)
	case r.Partial:
		s.Partial++
		lacks(r, "the server does not return its details")
	case r.isEvent() && (again.Identity != r.Identity || !again.Equal(&r.Event)):
		s.Changed++
	}
	switch {
	case r.Account != nil:
		s.Accounts++
	case r.Sender != nil:
		s.Senders++
	default:
		*s.Of(r.Kind)++
		s.Last = r.Time
	}
}

func (r *Row) isEvent() bool { return r.Sender == nil && r.Account == nil }

// append appends the row as an object of the import format.
func (r *Row) append(dst []byte) []byte {
	if !r.isEvent() {
		var row struct {
			Kind     string      `json:"kind"`
			UserID   upstream.ID `json:"user_id"`
			SenderID upstream.ID `json:"sender_id,omitempty"`
			Sender   string      `json:"sender,omitempty"`
			Account  string      `json:"account,omitempty"`
		}
		if a := r.Account; a != nil {
			row.Kind, row.UserID, row.Account = "account", a.UserID, a.Name
		} else {
			s := r.Sender
			row.Kind, row.UserID, row.SenderID, row.Sender = "sender", s.UserID, s.SenderID, s.Address
		}
		text, _ := json.Marshal(row) // strings and numbers can be encoded
		return append(dst, text...)
	}
	dst = append(append(append(dst, `{"kind":"`...), kind.All[r.Kind].Name...), `",`...)
	at := len(dst)
	dst = r.AppendRow(dst, r.Kind)
	return append(dst[:at], dst[at+1:]...) // without the row's "{"
}
