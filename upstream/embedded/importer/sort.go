package importer

import (
	"bufio"
	"cmp"
	"container/heap"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"syscall"

	"deliverygraph/upstream"
)

// runs put lines into the order of their rows' times, in bounded memory: as many as fit
// are sorted at once, and lie in a temporary file as a run until all runs are merged.
// Lines of one time stay in the order in which they came.
type runs struct {
	dir   string // of the file
	bytes int    // the most that a run may have

	text  []byte // of the run that is being gathered
	lines []placed
	file  *os.File // nil before there is a run in it
	ends  []int64  // of the runs in it
}

// placed is a line of a run, by the time of its row.
type placed struct {
	time     upstream.Time
	from, to int
}

// add takes a line, which is copied.
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
	r.lines = append(r.lines, placed{t, from, len(r.text)})
	return nil
}

func (r *runs) sort() {
	slices.SortFunc(r.lines, func(a, b placed) int {
		return cmp.Or(cmp.Compare(a.time, b.time), cmp.Compare(a.from, b.from))
	})
}

// spill writes the run that was gathered to the file, and begins another.
func (r *runs) spill() error {
	if r.file == nil {
		f, err := os.CreateTemp(r.dir, ".deliverygraph-import-*")
		if err != nil {
			return unsorted(err)
		}
		_ = os.Remove(f.Name()) // where open files can be removed, it is gone with this process
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
		h := binary.AppendUvarint(binary.AppendVarint(head[:0], int64(l.time)), uint64(l.to-l.from))
		end += int64(len(h) + l.to - l.from)
		_, _ = w.Write(h) // the writer keeps its first error for Flush
		_, _ = w.Write(r.text[l.from:l.to])
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
			if err := give(r.text[l.from:l.to]); err != nil {
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
	var fronts fronts
	start := int64(0)
	for i, end := range r.ends {
		f := &front{run: i, in: bufio.NewReaderSize(io.NewSectionReader(r.file, start, end-start), ahead)}
		if err := f.next(); err != nil {
			return unsorted(err)
		}
		fronts = append(fronts, f)
		start = end
	}
	heap.Init(&fronts)
	for len(fronts) > 0 {
		f := fronts[0]
		if err := give(f.line); err != nil {
			return err
		}
		switch err := f.next(); {
		case err == io.EOF:
			heap.Pop(&fronts)
		case err != nil:
			return unsorted(err)
		default:
			heap.Fix(&fronts, 0)
		}
	}
	return nil
}

// close closes and removes the file.
func (r *runs) close() {
	if r.file != nil {
		_ = r.file.Close()
		_ = os.Remove(r.file.Name()) // it may be gone already
	}
}

func unsorted(err error) error {
	if errors.Is(err, syscall.ENOSPC) {
		err = fmt.Errorf("the disk is full: %w", err)
	}
	return fmt.Errorf("sort rows that are not in the order of their time, by a temporary file beside the store: %w",
		err)
}

// front is the first line of a run that has not been given.
type front struct {
	run  int
	time upstream.Time
	line []byte
	in   *bufio.Reader
}

// next goes on to the next line; [io.EOF] is the end.
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

// fronts are a heap: the earliest first, and of one time that of the earliest run.
type fronts []*front

func (f fronts) Len() int { return len(f) }
func (f fronts) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(f[i].time, f[j].time), cmp.Compare(f[i].run, f[j].run)) < 0
}
func (f fronts) Swap(i, j int) { f[i], f[j] = f[j], f[i] }
func (f *fronts) Push(x any)   { *f = append(*f, x.(*front)) }
func (f *fronts) Pop() any {
	old := *f
	x := old[len(old)-1]
	*f = old[:len(old)-1]
	return x
}
