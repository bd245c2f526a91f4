package format

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
)

// MaxLine is the maximum length of a line in bytes.
const MaxLine = 16 << 20

// Lines calls visit with each line of a file that is not blank, and with its number, from 1. It removes line ends (LF
// or CRLF), and from the beginning of lines the zeros that crashes leave behind and the byte order marks of joined
// files. A line is valid until visit returns.
//
// Lines reports lines longer than [MaxLine] to the sink, and skips them. It returns errors of reading, of ctx, of the
// sink and of visit.
func (f File) Lines(ctx context.Context, s Sink, visit func(n int, line []byte) error) error {
	var long []byte // a buffer for lines that do not fit into the file's
	for n := 1; ; n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		line, err := f.ReadSlice('\n')
		whole := true
		if err == bufio.ErrBufferFull {
			long, whole, err = rest(f.Reader, append(long[:0], line...))
			line = long
		}
		if err != nil && err != io.EOF {
			return err // the line is incomplete
		}
		if line = trim(line); !whole || len(line) > MaxLine {
			if bad := s.Bad(n, fmt.Sprintf("the line is longer than %d bytes", MaxLine)); bad != nil {
				return bad
			}
		} else if len(line) > 0 {
			if failed := visit(n, line); failed != nil {
				return failed
			}
		}
		if err == io.EOF {
			return ctx.Err()
		}
	}
}

// rest reads the rest of a line. It keeps at most MaxLine bytes.
func rest(in *bufio.Reader, line []byte) (all []byte, whole bool, err error) {
	for whole = true; ; {
		piece, err := in.ReadSlice('\n')
		whole = whole && len(line)+len(piece) <= MaxLine+len("\r\n")
		if whole {
			line = append(line, piece...)
		}
		if err != bufio.ErrBufferFull {
			return line, whole, err
		}
	}
}

var byteOrderMark = []byte("\xef\xbb\xbf")

func trim(line []byte) []byte {
	line = bytes.TrimRight(line, "\r\n")
	for len(line) > 0 {
		if line[0] == 0 {
			line = bytes.TrimLeft(line, "\x00")
		} else if rest, marked := bytes.CutPrefix(line, byteOrderMark); marked {
			line = rest
		} else {
			break
		}
	}
	if len(bytes.TrimSpace(line)) == 0 {
		return nil
	}
	return line
}
