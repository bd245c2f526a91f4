package importer

import (
	"bytes"
	"cmp"
	"context"
	"fmt"

	"deliverygraph/upstream/embedded/importer/format"
)

// rowsFormat is the format of rows of the API. Its sink must be a [*records].
var rowsFormat = format.Format{Name: Rows, New: func(format.Options) format.Reader { return rowsReader{} }}

type rowsReader struct{}

// Read adds the rows of a file to the batch.
func (rowsReader) Read(ctx context.Context, f format.File, s format.Sink) error {
	r := s.(*records)
	if !r.good {
		head := f.Beginning()
		r.head = bytes.Clone(head[:min(len(head), headBytes)])
	}
	return f.Lines(ctx, s, func(n int, line []byte) error {
		r.next = n + 1
		if line = bytes.TrimFunc(line, blank); len(line) == 0 {
			return nil
		}
		problem, err := r.batcher.add(line)
		switch {
		case err != nil:
			return writeError{err}
		case problem != "":
			r.good = r.good || isRow(line)
			return s.Bad(n, problem)
		}
		r.pass()
		r.tick()
		return nil
	})
}

// maxTrial is how many bad records at the beginning of a file, without a good one, show that it has another format.
const maxTrial = 20

// otherFormat returns a message for a file that has another format than was assumed, because other programs wrote all
// of a log, or judging by the bad records at its beginning. It returns "" if there are none, or if what is wrong with
// each says more.
func (r *records) otherFormat() string {
	if r.others > 0 && !r.known && len(r.held) == 0 && r.options.Format == "" {
		return fmt.Sprintf("it seems to be a log of other programs: none of its lines is of the format %s; %s",
			r.sum.Name, formats)
	}
	if r.good || len(r.held) == 0 {
		return ""
	}
	first := r.held[0]
	if r.sum.Name != Rows {
		if len(r.held) < maxTrial {
			return ""
		}
		return fmt.Sprintf("none of its first %d records is of the format %s (line %d: %s); %s",
			len(r.held), r.sum.Name, first.line, first.reason, formats)
	}
	what, sure := seems(r.head)
	if len(r.held) < maxTrial && !sure && bytes.Contains(r.head, []byte("{")) {
		return ""
	}
	lines := "its first line is not a row"
	if n := len(r.held); n > 1 {
		lines = fmt.Sprintf("none of its first %d lines is a row", n)
	}
	if what == "" || !sure {
		lines += fmt.Sprintf(" (line %d: %s)", first.line, first.reason)
	}
	return fmt.Sprintf("%s: it seems to be %s; %s", lines, cmp.Or(what, "text of another kind"), formats)
}
