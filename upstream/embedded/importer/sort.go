package importer

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"syscall"

	"deliverygraph/upstream"
)

// runs sorts lines by the times of their rows in bounded memory (external merge sort). It sorts the lines that fit into
// memory, writes them to a temporary file as a run, and merges all runs at the end. Lines of the same time keep their
// order.
type runs struct {
	dir   string // of the file
	bytes int    // maximum size of a run

	text  []byte   // of the current run
	lines []timed  // in text
	file  *os.File // nil until it has a run
	ends  []int64  // of the runs in it
}

// timed is a line and the time of its row.
type timed struct {
	time upstream.Time
	line []byte
}

// add adds a copy of a line.
func (r *runs) add(t upstream.Time, line []byte) error {
	if len(r.lines) > 0 && len(r.text)+len(line) > r.bytes {
		if err := r.spill(); err != nil {
			return err
		}
	}
	if r.text == nil {
		r.text = make([]byte, 0, r.bytes)
	}
	from := len(r.text)
	r.text = append(r.text, line...)
	r.lines = append(r.lines, timed{t, r.text[from:]})
	return nil
}

func (r *runs) sort() {
	slices.SortStableFunc(r.lines, func(a, b timed) int { return cmp.Compare(a.time, b.time) })
}

// spill writes the current run to the file and begins another.
func (r *runs) spill() error {
	if r.file == nil {
		f, err := os.CreateTemp(r.dir, ".deliverygraph-import-*")
		if err != nil {
			return unsorted(err)
		}
		_ = os.Remove(f.Name()) // on Unix, the file then disappears when the process ends
		r.file = f
	}
	r.sort()
	w := bufio.NewWriterSize(r.file, 1<<18)
	end := int64(0)
	if len(r.ends) > 0 {
		end = r.ends[len(r.ends)-1]
	}
	var head [2 * binary.MaxVarintLen64]byte
	for _, l := range r.lines {
		h := binary.AppendUvarint(binary.AppendVarint(head[:0], int64(l.time)), uint64(len(l.line)))
		end += int64(len(h) + len(l.line))
		_, _ = w.Write(h) // the writer keeps its first error for Flush
		_, _ = w.Write(l.line)
	}
	if err := w.Flush(); err != nil {
		return unsorted(err)
	}
	r.ends = append(r.ends, end)
	r.text, r.lines = r.text[:0], r.lines[:0]
	return nil
}

// merge calls give with all lines in the order of their times. A line is valid until give returns.
func (r *runs) merge(give func(line []byte) error) error {
	if r.file == nil {
		r.sort()
		for _, l := range r.lines {
			if err := give(l.line); err != nil {
				return err
			}
		}
		return nil
	}
	if len(r.lines) > 0 {
		if err := r.spill(); err != nil {
			return err
		}
	}
	r.text, r.lines = nil, nil
	ahead := max(4<<10, min(256<<10, r.bytes/len(r.ends)))
	var fronts []*front
	start := int64(0)
	for _, end := range r.ends {
		f := &front{in: bufio.NewReaderSize(io.NewSectionReader(r.file, start, end-start), ahead)}
		if err := f.next(); err != nil {
			return unsorted(err)
		}
		fronts = append(fronts, f)
		start = end
	}
	for len(fronts) > 0 {
		// Of lines with the same time, that of the first run.
		f := slices.MinFunc(fronts, func(a, b *front) int { return cmp.Compare(a.time, b.time) })
		if err := give(f.line); err != nil {
			return err
		}
		switch err := f.next(); {
		case err == io.EOF:
			fronts = slices.DeleteFunc(fronts, func(o *front) bool { return o == f })
		case err != nil:
			return unsorted(err)
		}
	}
	return nil
}

// close closes and removes the file.
func (r *runs) close() {
	if r.file != nil {
		_ = r.file.Close()
		_ = os.Remove(r.file.Name()) // it may have been removed already
	}
}

func unsorted(err error) error {
	if errors.Is(err, syscall.ENOSPC) {
		err = fmt.Errorf("the disk is full: %w", err)
	}
	return fmt.Errorf("sort rows that are not in the order of their time, by a temporary file beside the store: %w",
		err)
}

// front is the first line of a run that merge has not passed on.
type front struct {
	timed
	in *bufio.Reader
}

// next reads the next line. The error is [io.EOF] at the end.
func (f *front) next() error {
	t, err := binary.ReadVarint(f.in)
	if err != nil {
		return err
	}
	n, err := binary.ReadUvarint(f.in)
	if err != nil {
		return errors.Join(io.ErrUnexpectedEOF, err)
	}
	f.time = upstream.Time(t)
	f.line = slices.Grow(f.line[:0], int(n))[:n]
	if _, err := io.ReadFull(f.in, f.line); err != nil {
		return errors.Join(io.ErrUnexpectedEOF, err)
	}
	return nil
}
