package dsn

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
)

// mostMail limits the bytes that are kept of a mail. The rest is the end of the returned
// message, usually an attachment.
const mostMail = 8 << 20

// mailbox splits a file into mails. A file that begins with a "From " line is an mbox; any
// other is a single mail.
type mailbox struct {
	r     *bufio.Reader
	mbox  bool
	begun bool
	line  int // the last line that was read, from 1
	mail  []byte
	cut   int // how many bytes of mail are missing
}

// fromLine matches the first line of a mail in an mbox, which has a sender and a date, such
// as "From MAILER-DAEMON Sun Nov 29 15:22:01 2026".
var fromLine = regexp.MustCompile(`^From .*\b\d{1,2}:\d\d\b.*\b\d{4}\b`)

var byteOrderMark = []byte("\ufeff")

// next returns the next mail, the line where it begins, and how many bytes of it are
// missing. At the end of the file, err is [io.EOF].
func (m *mailbox) next() (mail string, line, cut int, err error) {
	m.mail, m.cut = m.mail[:0], 0
	line = m.line + 1
	blank := true
	for {
		start, err := m.r.ReadSlice('\n')
		full := errors.Is(err, bufio.ErrBufferFull)
		if len(start) > 0 {
			m.line++
		}
		if !m.begun {
			start = bytes.TrimPrefix(start, byteOrderMark)
			if err == nil && len(bytes.TrimSpace(start)) == 0 { // an empty line before the first mail
				line = m.line + 1
				continue
			}
			m.begun = true
			m.mbox = bytes.HasPrefix(start, []byte("From ")) && bytes.HasSuffix(start, []byte("\n"))
			if m.mbox {
				line = m.line + 1
				if err := m.skip(full); err != nil {
					return "", 0, 0, err
				}
				continue
			}
		}
		if m.mbox && blank && bytes.HasPrefix(start, []byte("From ")) && fromLine.Match(start) {
			if err := m.skip(full); err != nil {
				return "", 0, 0, err
			}
			return string(m.mail), line, m.cut, nil
		}
		blank = len(bytes.TrimSpace(start)) == 0
		if m.mbox {
			start = unquoted(start)
		}
		m.keep(start)
		for full {
			start, err = m.r.ReadSlice('\n')
			full = errors.Is(err, bufio.ErrBufferFull)
			m.keep(start)
		}
		switch {
		case err == nil:
		case err != io.EOF:
			return "", 0, 0, err
		case len(m.mail) == 0:
			return "", 0, 0, io.EOF
		default:
			return string(m.mail), line, m.cut, nil
		}
	}
}

// unquoted removes the > with which an mbox quotes a line that begins with "From ".
func unquoted(line []byte) []byte {
	if rest := bytes.TrimLeft(line, ">"); len(rest) < len(line) && bytes.HasPrefix(rest, []byte("From ")) {
		return line[1:]
	}
	return line
}

func (m *mailbox) keep(b []byte) {
	n := min(len(b), mostMail-len(m.mail))
	m.mail = append(m.mail, b[:n]...)
	m.cut += len(b) - n
}

// skip skips the rest of a line.
func (m *mailbox) skip(more bool) error {
	for more {
		_, err := m.r.ReadSlice('\n')
		if more = errors.Is(err, bufio.ErrBufferFull); err != nil && err != io.EOF && !more {
			return err
		}
	}
	return nil
}

// shorten returns the content of a row: the mail, or its beginning and a line that says
// how much is missing.
func shorten(mail string, most, cut int) string {
	if kept := clip(mail, most); len(kept) < len(mail) {
		cut += len(mail) - len(kept)
		mail = kept
	}
	if cut > 0 {
		mail += fmt.Sprintf("\n[%d bytes of this message were not imported]\n", cut)
	}
	return mail
}
