package importer

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
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

// source is the decompressed content of a file.
type source struct {
	*bufio.Reader
	packing string    // gzip or zstd; empty if it is not compressed
	written time.Time // when the file was last written; zero if unknown
	closers []func()
	foreign string // why the file cannot be imported; empty if it can
	broken  error  // the error of reading the file itself, as opposed to decompressing it
}

func open(name string, stdin io.Reader, count *atomic.Int64) (*source, error) {
	s := &source{}
	raw := counter{from: stdin, count: count, broken: &s.broken}
	if name != Stdin {
		f, err := os.Open(name)
		if err != nil {
			return nil, unreadable{fmt.Errorf("cannot import: %w", err)}
		}
		raw.from, s.closers = f, append(s.closers, func() { _ = f.Close() }) // read only
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
	head, _ := s.Peek(512) // the error occurs again when the file is read
	s.foreign = packed(head)
	return s, nil
}

// unreadable is an error of opening or reading a file.
type unreadable struct{ error }

func (u unreadable) Unwrap() error { return u.error }

// cause returns the error without the name of the file.
func (u unreadable) cause() error {
	if e, ok := errors.AsType[*fs.PathError](u.error); ok {
		return e.Err
	}
	return u.error
}

// unpack replaces the content of a compressed file by its decompressed content.
func (s *source) unpack() error {
	head, _ := s.Peek(4)
	switch {
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		s.packing = "gzip"
		z, err := gzip.NewReader(s.Reader)
		if err != nil {
			return err
		}
		if !z.ModTime.IsZero() { // the time of the original file
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

// counter counts the bytes that are read from a file, and records errors of the file itself.
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
