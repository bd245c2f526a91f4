package services

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// The maximum size of an object in bytes, and the maximum depth of objects and arrays in one of several lines: reading
// many that are not closed must not take quadratic time.
const (
	maxObject = 16 << 20
	maxDepth  = 64
)

// stream divides a text into objects. buf[start:] is what is not finished yet: if it turns out not to be an object,
// reading continues after its first line.
type stream struct {
	in      io.Reader
	buf     []byte
	start   int              // of what is not finished yet
	pos     int              // of the next byte
	line    int              // of the text, at start
	decoder jsontext.Decoder // of the object at start
}

// fill reads more of the file. The error is [io.EOF] at the end.
func (s *stream) fill() error {
	if s.start > 0 {
		s.buf = s.buf[:copy(s.buf, s.buf[s.start:])]
		s.pos -= s.start
		s.start = 0
	}
	if len(s.buf) == cap(s.buf) {
		s.buf = append(make([]byte, 0, max(64<<10, 2*cap(s.buf))), s.buf...)
	}
	for range 100 {
		n, err := s.in.Read(s.buf[len(s.buf):cap(s.buf)])
		s.buf = s.buf[:len(s.buf)+n]
		if n > 0 {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}

// peek returns the next byte.
func (s *stream) peek() (byte, error) {
	for s.pos == len(s.buf) {
		if err := s.fill(); err != nil {
			return 0, err
		}
	}
	return s.buf[s.pos], nil
}

// advance finishes everything before pos.
func (s *stream) advance() {
	s.line += bytes.Count(s.buf[s.start:s.pos], []byte{'\n'})
	s.start = s.pos
}

// separator reports whether a byte may stand between objects. Each byte of a byte order mark may: joining files leaves
// these in the middle.
func separator(c byte) bool {
	switch c {
	case ' ', '\t', '\r', '\n', ',', '[', ']', 0x1e, 0xef, 0xbb, 0xbf, 0:
		return true
	}
	return false
}

// between skips what stands between objects, and returns the byte after it.
func (s *stream) between() (byte, error) {
	for {
		c, err := s.peek()
		if err != nil || !separator(c) {
			s.advance()
			return c, err
		}
		if s.pos++; s.pos == len(s.buf) {
			s.advance()
		}
	}
}

// object reads the object at start to its end, or says why it is not one. It scans the object again when twice as much
// has arrived, since pipes may bring little at a time.
func (s *stream) object() (problem string, err error) {
	for {
		whole, problem := s.scan()
		if size := s.pos - s.start; problem == "" && size > maxObject {
			problem = fmt.Sprintf("the object is longer than %d bytes", maxObject)
		}
		if whole || problem != "" {
			return problem, nil
		}
		for size := s.pos - s.start; len(s.buf)-s.start < min(2*size, maxObject+1); {
			switch err := s.fill(); {
			case err != nil && (err != io.EOF || len(s.buf) == s.pos):
				return "the object breaks off at the end of the file", err
			case err != nil:
				size = 0 // what has arrived is all
			}
		}
	}
}

// scan reports whether the object at start is complete, and moves pos to the end of what it has read. It stops at the
// first byte that is not JSON, so that the objects after it are found.
func (s *stream) scan() (whole bool, problem string) {
	d, text := &s.decoder, s.buf[s.start:]
	line, _, _ := bytes.Cut(text, []byte{'\n'})
	d.Reset(bytes.NewBuffer(line), lenient)
	if _, err := d.ReadValue(); err == nil { // it is in one line, as most objects are
		s.pos = s.start + int(d.InputOffset())
		return true, ""
	}
	d.Reset(bytes.NewBuffer(text), lenient)
	for {
		switch _, err := d.ReadToken(); {
		case err == io.EOF, errors.Is(err, io.ErrUnexpectedEOF):
			s.pos = len(s.buf)
			return false, ""
		case err != nil:
			return false, fmt.Sprintf("the object is not JSON after %d bytes", d.InputOffset())
		case d.StackDepth() > maxDepth:
			return false, fmt.Sprintf("the object is nested more than %d levels deep", maxDepth)
		case d.StackDepth() == 0:
			s.pos = s.start + int(d.InputOffset())
			return true, ""
		}
	}
}

// take finishes the object that was read, and returns it and its line. The object is valid until the next call of
// another method.
func (s *stream) take() (line int, object []byte) {
	line, object = s.line, s.buf[s.start:s.pos]
	s.advance()
	return line, object
}

// skip skips what is not an object: the rest of its line, or up to the boundary of two objects without anything between
// them.
func (s *stream) skip() error {
	before := byte(0)
	for s.pos = s.start; ; s.pos++ {
		if s.pos == len(s.buf) {
			s.advance()
		}
		c, err := s.peek()
		if err != nil || c == '\n' || before == '}' && c == '{' {
			s.advance()
			return err
		}
		before = c
	}
}
