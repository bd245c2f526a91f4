package tail

import (
	"errors"
	"io"
)

// stream reads a compressed file at increasing offsets.
type stream struct {
	in    io.Reader
	start int64 // the offset of data
	data  []byte
	err   error
}

var errBack = errors.New("a compressed file cannot be read backwards")

// ReadAt implements [io.ReaderAt] for offsets that are not smaller than those of earlier calls.
func (s *stream) ReadAt(p []byte, at int64) (int, error) {
	if at < s.start {
		return 0, errBack
	}
	for s.start+int64(len(s.data)) < at+int64(len(p)) && s.err == nil {
		if skip := min(at-s.start, int64(len(s.data))); skip > 0 {
			s.data, s.start = append(s.data[:0], s.data[skip:]...), s.start+skip
		}
		room := len(s.data)
		s.data = append(s.data, make([]byte, 64<<10)...)
		var n int
		n, s.err = s.in.Read(s.data[room:])
		s.data = s.data[:room+n]
	}
	skip := min(at-s.start, int64(len(s.data)))
	s.data, s.start = s.data[skip:], s.start+skip
	if at > s.start {
		return 0, s.err
	}
	n := copy(p, s.data)
	if n < len(p) {
		return n, s.err
	}
	return n, nil
}
