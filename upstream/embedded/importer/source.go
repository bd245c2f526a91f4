package importer

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
)

// check looks at the files before any of them is read, so that a name that is
// mistyped is not found out about after an hour. It gives their size in all, 0 where
// that is not known.
func check(files []string) (size int64, err error) {
	if len(files) == 0 {
		return 0, errors.New(`no file to import: name one or more, or "-" for standard input`)
	}
	known, stdin := true, 0
	for _, name := range files {
		if name == Stdin {
			if stdin++; stdin > 1 {
				return 0, errors.New(`"-" is given twice: standard input can be read once`)
			}
			known = false
			continue
		}
		info, err := os.Stat(name)
		switch {
		case err != nil:
			return 0, fmt.Errorf("cannot import: %w", err)
		case info.IsDir():
			return 0, fmt.Errorf("cannot import %s: it is a directory; name the files in it", name)
		case !info.Mode().IsRegular():
			known = false // a pipe, say
		}
		size += info.Size()
	}
	if !known {
		size = 0
	}
	return size, nil
}

func displayName(file string) string {
	if file == Stdin {
		return "standard input"
	}
	return file
}

// source is a file's text: unpacked.
type source struct {
	io.Reader
	file    io.Closer
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
		raw.from, s.file = f, f
	} else if stdin == nil {
		raw.from = bytes.NewReader(nil)
	}
	in := bufio.NewReaderSize(raw, 256<<10)
	if head, _ := in.Peek(2); bytes.Equal(head, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(in)
		if err != nil {
			s.foreign = "the gzip data is damaged: " + err.Error()
			return s, nil
		}
		in = bufio.NewReaderSize(z, 256<<10)
	}
	head, _ := in.Peek(512) // an error comes again when it is read
	s.foreign = packed(head)
	s.Reader = in
	return s, nil
}

func (s *source) close() {
	if s.file != nil {
		_ = s.file.Close() // it was only read
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
