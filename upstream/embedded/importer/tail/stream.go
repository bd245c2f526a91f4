package tail

import (
	"bufio"
	"errors"
	"io"
)

// stream reads a compressed file at increasing offsets.
type stream struct {
	in    *bufio.Reader
	start int64 // the offset of what in reads next
}

func newStream(in io.Reader) *stream { return &stream{in: bufio.NewReaderSize(in, chunkBytes)} }

var errBack = errors.New("a compressed file cannot be read backwards")

// ReadAt implements [io.ReaderAt] for at most chunkBytes, and offsets that are not smaller than those of earlier calls.
func (s *stream) ReadAt(p []byte, at int64) (int, error) {
	if at < s.start {
		return 0, errBack
	}
	skipped, err := s.in.Discard(int(at - s.start))
	if s.start += int64(skipped); err != nil {
		return 0, err
	}
	data, err := s.in.Peek(len(p))
	return copy(p, data), err
}
