package powermta

import (
	"bytes"
	"encoding/csv"
	"io"

	"deliverygraph/upstream/embedded/importer/format"
)

// maxLines is how many lines a row may have: values in quotes may hold line breaks.
const maxLines = 16

// table divides lines into rows of values. Unlike a [csv.Reader] of the whole file, it does not
// lose the rest of the file to a quote that is not closed.
type table struct {
	text    *bytes.Reader
	csv     *csv.Reader
	pending [][]byte // lines of a row whose quotes are not closed yet
	first   int      // the number of the first
}

func newTable() *table {
	t := &table{text: bytes.NewReader(nil)}
	t.csv = csv.NewReader(t.text)
	t.csv.FieldsPerRecord, t.csv.ReuseRecord = -1, true
	return t
}

// line takes a line, and gives the row that it ends. The values are valid until the next.
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

// end takes the end of the file.
func (t *table) end(s format.Sink, give func(n int, row []string) error) error {
	for len(t.pending) > 0 {
		if err := t.unclosed(s, give); err != nil {
			return err
		}
	}
	return nil
}

// unclosed reports a line whose quotes are not closed, and takes those behind it anew.
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
