package services

import (
	"bytes"
	"context"
	"encoding/csv"
	"io"
	"slices"
	"strings"

	"deliverygraph/upstream/embedded/importer/format"
)

// newColumns returns the columns that a header line names. Their names are in lower case, except for the names of
// headers after "header_".
func newColumns(names []string) (columns []member) {
	for _, name := range names {
		name = strings.TrimPrefix(strings.TrimSpace(name), "#")
		lower := strings.ToLower(name)
		if strings.HasPrefix(lower, headerColumn) {
			lower = headerColumn + name[len(headerColumn):]
		}
		columns = append(columns, member{name: []byte(lower)})
	}
	return columns
}

// hasAll reports whether a row has all of some values.
func hasAll(row []string, values ...string) bool {
	return !slices.ContainsFunc(values, func(v string) bool { return !slices.Contains(row, v) })
}

// maxLines is how many lines a row may have: values in quotes may hold line breaks.
const maxLines = 16

// eachRow calls give with each row of a file, and with the number, from 1, of the line where it begins. A row is valid
// until give returns. Lines that are not CSV are reported to the sink. An unclosed quote costs a single line, whereas a
// [csv.Reader] would lose the rest of the file.
func eachRow(ctx context.Context, f format.File, s format.Sink, give func(n int, row []string) error) error {
	t := newTable()
	if err := f.Lines(ctx, s, func(n int, line []byte) error { return t.line(n, line, s, give) }); err != nil {
		return err
	}
	for len(t.pending) > 0 {
		if err := t.unclosed(s, give); err != nil {
			return err
		}
	}
	return nil
}

// firstRow returns the first row of a file that begins with head, or nil if it is not CSV.
func firstRow(head []byte) []string {
	line, _, _ := bytes.Cut(bytes.TrimLeft(head, "\xef\xbb\xbf \r\n"), []byte("\n"))
	row, _ := newTable().parse(bytes.TrimRight(line, "\r"))
	return row
}

// table divides lines into rows of values.
type table struct {
	text    *bytes.Reader
	csv     *csv.Reader
	pending [][]byte // the lines of a row with an open quote
	first   int      // the number of the first of them
}

func newTable() *table {
	t := &table{text: bytes.NewReader(nil)}
	t.csv = csv.NewReader(t.text)
	t.csv.FieldsPerRecord, t.csv.ReuseRecord = -1, true
	return t
}

// line reads a line, and calls give with the row that ends there, if one does. The values are valid until the next
// call.
func (t *table) line(n int, line []byte, s format.Sink, give func(n int, row []string) error) error {
	odd := bytes.Count(line, []byte(`"`))%2 == 1
	if len(t.pending) == 0 {
		if !odd {
			row, problem := t.parse(line)
			if problem != "" {
				return s.Bad(n, problem)
			}
			return give(n, row)
		}
		t.first, t.pending = n, [][]byte{bytes.Clone(line)}
		return nil
	}
	t.pending = append(t.pending, bytes.Clone(line))
	if odd { // here the quotes are closed
		if row, problem := t.parse(bytes.Join(t.pending, []byte("\n"))); problem == "" {
			t.pending = nil
			return give(t.first, row)
		}
	} else if len(t.pending) < maxLines {
		return nil
	}
	return t.unclosed(s, give)
}

// unclosed reports a line whose quote is not closed, and reads the lines after it again.
func (t *table) unclosed(s format.Sink, give func(n int, row []string) error) error {
	lines, n := t.pending, t.first
	t.pending = nil
	if err := s.Bad(n, "a quote in this line is not closed"); err != nil {
		return err
	}
	for i, line := range lines[1:] {
		if err := t.line(n+1+i, line, s, give); err != nil {
			return err
		}
	}
	return nil
}

// parse divides the text of a row into values, or says what is wrong with it.
func (t *table) parse(text []byte) (row []string, problem string) {
	t.text.Reset(text)
	row, err := t.csv.Read()
	if err == nil {
		return row, ""
	}
	_, _ = io.Copy(io.Discard, t.text)
	return nil, "the line is not CSV: its quotes are in the wrong places"
}
