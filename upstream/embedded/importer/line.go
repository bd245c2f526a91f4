package importer

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// lines cuts a text into lines.
type lines struct {
	in   *bufio.Reader
	most int    // bytes that a line may have
	n    int    // the number of the line that next gave, from 1
	long []byte // room for a line that the reader's buffer does not hold
}

// errTooLong is the cause of the error of a line that was passed over.
var errTooLong = errors.New("the line is too long")

func newLines(r io.Reader, most int) *lines {
	return &lines{in: bufio.NewReaderSize(r, 256<<10), most: most}
}

// next returns the next line without white space and byte order marks at its ends, good
// until the call after. Files that were joined have such marks within. The last line needs
// no end. At the end the error is [io.EOF]. With an errTooLong comes how the line begins,
// and there may be more lines; any other error is the text's, and the piece of a line
// before it is dropped, since what it lacks is unknown.
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

// join reads on in a line that the buffer does not hold. Of a line that is too long
// no more is kept than is allowed.
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
