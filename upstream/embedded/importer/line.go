package importer

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// lines splits a text into lines.
type lines struct {
	in   *bufio.Reader
	most int    // the maximum length of a line
	n    int    // the number of the current line, from 1
	long []byte // a buffer for lines that do not fit into the reader's
}

// errTooLong is wrapped by errors about lines that are too long.
var errTooLong = errors.New("the line is too long")

func newLines(r io.Reader, most int) *lines {
	return &lines{in: bufio.NewReaderSize(r, 256<<10), most: most}
}

// next returns the next line, valid until the next call, without white space and byte order marks at
// its ends: joined files have such marks between them. The last line needs no line end. At the end of
// the text the error is [io.EOF]. With errTooLong, next returns the beginning of the line, and more
// lines may follow. Other errors are those of reading, and the incomplete line before them is dropped.
func (l *lines) next() ([]byte, error) {
	l.n++
	line, err := l.in.ReadSlice('\n')
	if err == bufio.ErrBufferFull {
		line, err = l.join(line)
	}
	switch {
	case err == io.EOF && len(line) > 0:
	case err != nil:
		return line, err
	}
	line = bytes.TrimRight(line, "\r\n")
	if len(line) > l.most {
		return line, l.tooLong()
	}
	return bytes.TrimFunc(line, blank), nil
}

// join reads the rest of a line that does not fit into the buffer. It keeps only the allowed length.
func (l *lines) join(piece []byte) ([]byte, error) {
	l.long = append(l.long[:0], piece...)
	for long := false; ; {
		piece, err := l.in.ReadSlice('\n')
		if room := l.most + len("\r\n") - len(l.long); len(piece) > room {
			long = true
		} else if !long {
			l.long = append(l.long, piece...)
		}
		switch {
		case err == bufio.ErrBufferFull:
		case err != nil && err != io.EOF:
			return nil, err
		case long:
			return l.long, l.tooLong()
		default:
			return l.long, err
		}
	}
}

func (l *lines) tooLong() error {
	return fmt.Errorf("%w: it has more than %d bytes", errTooLong, l.most)
}
