package importer

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/zstd"

	"deliverygraph/upstream/embedded/importer/format"
)

func displayName(file string) string {
	if file == Stdin {
		return "standard input"
	}
	return file
}

// source is a file's text: unpacked.
type source struct {
	*bufio.Reader
	packing string    // what it was packed by, if it was
	written time.Time // when the file was last written; zero if unknown
	closers []func()
	foreign string // why the file cannot be text of rows, if so
	broken  error  // what went wrong in reading the file itself, if that is why Read fails
}

func open(name string, stdin io.Reader, count *atomic.Int64) (*source, error) {
	s := &source{}
	raw := counter{from: stdin, count: count, broken: &s.broken}
	if name != Stdin {
		f, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("cannot import: %w", err)
		}
		raw.from, s.closers = f, append(s.closers, func() { _ = f.Close() }) // it was only read
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			s.written = info.ModTime()
		}
	} else if stdin == nil {
		raw.from = bytes.NewReader(nil)
	}
	s.Reader = bufio.NewReaderSize(raw, format.BufferSize)
	if err := s.unpack(); err != nil && s.broken == nil {
		s.foreign = fmt.Sprintf("the %s data is damaged: %v", s.packing, err)
		return s, nil
	}
	if name != Stdin {
		s.written = written(name, s.written)
	}
	head, _ := s.Peek(512) // an error comes again when it is read
	s.foreign = packed(head)
	return s, nil
}

// unpack puts the text of a packed file in its place.
func (s *source) unpack() error {
	head, _ := s.Peek(4)
	switch {
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		s.packing = "gzip"
		z, err := gzip.NewReader(s.Reader)
		if err != nil {
			return err
		}
		if !z.ModTime.IsZero() { // of the file that was packed
			s.written = z.ModTime
		}
		s.Reader = bufio.NewReaderSize(z, format.BufferSize)
	case bytes.HasPrefix(head, []byte("\x28\xb5\x2f\xfd")):
		s.packing = "zstd"
		z, err := zstd.NewReader(s.Reader, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true))
		if err != nil {
			return err
		}
		s.closers = append(s.closers, z.Close)
		s.Reader = bufio.NewReaderSize(z, format.BufferSize)
		if _, err := s.Peek(1); err != nil && err != io.EOF {
			return err
		}
	}
	return nil
}

func (s *source) close() {
	for _, c := range s.closers {
		c()
	}
}

// counter counts what is read of a file, and keeps what goes wrong there apart from
// what is wrong with the text.
type counter struct {
	from   io.Reader
	count  *atomic.Int64
	broken *error
}

func (c counter) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	c.count.Add(int64(n))
	if err != nil && err != io.EOF {
		*c.broken = err
	}
	return n, err
}
