package tail

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Chunk is a piece of a file.
type Chunk struct {
	Name    string    // of the file, for messages
	Data    []byte    // whole lines; the last line of a finished file may have no line end
	Whole   bool      // whether it ends at the end of a finished file
	Written time.Time // when the file was last written
	Begin   []byte    // the first 4 KiB of the file, as far as they are before the chunk
	Mark    *Mark     // the position before the chunk; Format and Clock may be set
}

// Give handles a chunk. If it returns false, it gets the same lines again, together with those that
// follow.
type Give func(Chunk) (taken bool, err error)

// Options configure a [Set].
type Options struct {
	// Unpack opens a file, and decompresses it if necessary.
	Unpack func(path string) (content io.ReadCloser, packed bool, written time.Time, err error)
	// Begins returns the time of a file's first line, or zero if it is unknown.
	Begins func(path string) time.Time
	// Note receives messages for the user, such as that a file does not exist yet.
	Note func(string)
	Now  func() time.Time
}

// Set is a set of files that are read as they grow. It is not safe for concurrent use.
type Set struct {
	options Options
	logs    []*log
	marks   map[string]*Mark
	buffer  []byte
}

// MaxMarks is the maximum number of files to remember.
const MaxMarks = 1000

// chunkBytes is the maximum size of a chunk, unless it is a line of a file that is not compressed: those may have
// lineBytes.
const (
	chunkBytes = 4 << 20
	lineBytes  = 16 << 20
)

// New returns a set of files, which need not exist yet. Saved is what [Set.Changed] returned before.
// The files are read in the order of paths. Invalid marks are ignored.
func New(paths []string, saved map[string]string, o Options) (*Set, error) {
	s := &Set{options: o, marks: map[string]*Mark{}, buffer: make([]byte, chunkBytes)}
	for key, text := range saved {
		m := &Mark{key: key}
		if json.Unmarshal([]byte(text), m) == nil {
			s.marks[key] = m
		}
	}
	for _, path := range paths {
		absolute, err := filepath.Abs(path)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(s.logs, func(l *log) bool { return l.absolute == absolute }) {
			s.logs = append(s.logs, &log{set: s, name: path, absolute: absolute})
		}
	}
	return s, nil
}

// Poll reads everything that is available now.
func (s *Set) Poll(give Give) error {
	for _, l := range s.logs {
		if err := l.poll(give); err != nil {
			return err
		}
	}
	return nil
}

// Ended reports whether no file can grow any more, because all are compressed.
func (s *Set) Ended() bool {
	return !slices.ContainsFunc(s.logs, func(l *log) bool { return l.read == nil || len(l.held) > 0 })
}

// Files returns the number of paths.
func (s *Set) Files() int { return len(s.logs) }

// Changed returns the marks that have changed since the last call, by key, in the form that New takes.
// An empty text says that a mark is no longer needed.
func (s *Set) Changed() map[string]string {
	changed := map[string]string{}
	for key, m := range s.marks {
		if m.changed {
			changed[key], m.changed = m.text(), false
		}
	}
	if over := len(s.marks) - MaxMarks; over > 0 {
		oldest := slices.SortedFunc(maps.Values(s.marks), func(a, b *Mark) int { return cmp.Compare(a.Seen, b.Seen) })
		oldest = slices.DeleteFunc(oldest, s.reads)
		for _, m := range oldest[:min(over, len(oldest))] {
			delete(s.marks, m.key)
			changed[m.key] = ""
		}
	}
	return changed
}

// Close closes the files.
func (s *Set) Close() {
	for _, l := range s.logs {
		for _, f := range append(l.held, l.current) {
			if f != nil {
				f.close()
			}
		}
		l.held, l.current = nil, nil
	}
}

// find returns the mark of a file that was read before, or nil. If there are several, it returns the one
// with the largest offset.
func (s *Set) find(content io.ReaderAt) (best *Mark) {
	begin := beginning(content)
	candidates := slices.SortedFunc(maps.Values(s.marks),
		func(a, b *Mark) int { return cmp.Compare(a.Offset, b.Offset) })
	for _, m := range candidates { // in the order of their offsets, because compressed files cannot be read backwards
		if m.of(content, begin) {
			best = m
		}
	}
	return best
}

// add adds the mark of a file that was not read before.
func (s *Set) add(path, format string) *Mark {
	m := &Mark{Path: path, Format: format, Seen: s.options.Now().Unix(), key: rand.Text()}
	s.marks[m.key] = m
	return m
}

// file is an open file.
type file struct {
	name     string
	content  io.ReaderAt
	closer   io.Closer
	live     *os.File // nil if the file is compressed
	mark     *Mark
	written  time.Time
	size     int64     // at the last poll
	modified time.Time // likewise
	grown    time.Time // the time of the last read
}

func (f *file) close() { _ = f.closer.Close() } // read only

// read passes on the available lines of a file. If the file has ended, its last line needs no line end.
func (s *Set) read(f *file, ended bool, give Give) error {
	for size := chunkBytes; ; size = chunkBytes {
		n, err := f.content.ReadAt(s.buffer[:size], f.mark.Offset)
		if n == size && f.live != nil && bytes.IndexByte(s.buffer[:n], '\n') < 0 {
			if size = lineBytes; len(s.buffer) < size {
				s.buffer = make([]byte, size)
			}
			n, err = f.content.ReadAt(s.buffer[:size], f.mark.Offset)
		}
		full := n == size
		switch {
		case err == nil, errors.Is(err, io.EOF):
		case f.live == nil:
			s.options.Note(fmt.Sprintf("%s is damaged or cut off, so that its rest is lost: %v", f.name, err))
		default:
			return fmt.Errorf("read %s: %w", f.name, err)
		}
		data := s.buffer[:n]
		if end := bytes.LastIndexByte(data, '\n') + 1; end < n && (end > 0 || !full) && (full || !ended) {
			data = data[:end] // a line that is too long for a chunk is split
		}
		if len(data) == 0 {
			return nil
		}
		taken, err := give(Chunk{Name: f.name, Data: data, Whole: !full && ended, Written: f.written,
			Begin: f.mark.trace.begin, Mark: f.mark})
		if err != nil || !taken {
			return err
		}
		f.mark.advance(data, bytes.Count(data, []byte("\n")), f.modified)
		f.grown = s.options.Now()
		if !full {
			return nil
		}
	}
}

func isMissing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
