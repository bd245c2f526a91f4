package page

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strings"

	"deliverygraph/upstream"
)

// binding is the hash of the list that a cursor belongs to: its field, filter, window and order.
//
// The text of a cursor is the base64url encoding of a version, a checksum of binding and contents, and the contents. A
// cursor that was truncated or changed, or that belongs to another list, is therefore rejected. The encoding is opaque,
// not secret: a cursor shows nothing that its row does not, and every number in it is checked.
type binding [sha256.Size]byte

const (
	cursorVersion = 2
	checksumSize  = 8
	headSize      = 1 + checksumSize
	maxCursor     = 4096 // characters; ours have about 140 and at most 1,100, those of a feed at most 2,900
)

// EncodeCursor returns a cursor for a list that this package does not page, such as a subscription. It encodes
// a window and arbitrary contents. The list argument names the field and its filter, as for [Args.Open].
func EncodeCursor(list string, w upstream.Window, contents []byte) string {
	return newBinding(list).encode(w, contents)
}

// DecodeCursor returns what was passed to EncodeCursor, or an [*ArgumentError] that names the argument.
func DecodeCursor(list, argument, text string) (w upstream.Window, contents []byte, err error) {
	return newBinding(list).decode(argument, text)
}

func newBinding(list string) binding {
	return sha256.Sum256([]byte("deliverygraph cursor\x00" + list))
}

// encode returns the text of a cursor.
func (b binding) encode(w upstream.Window, contents []byte) string {
	buf := make([]byte, headSize, headSize+2*binary.MaxVarintLen64+len(contents))
	buf = binary.AppendVarint(buf, int64(w.Start))
	buf = binary.AppendUvarint(buf, uint64(w.End)-uint64(w.Start))
	buf = append(buf, contents...)
	buf[0] = cursorVersion
	sum := b.checksum(buf[headSize:])
	copy(buf[1:], sum[:])
	return base64.RawURLEncoding.EncodeToString(buf)
}

// decode returns what was encoded, or an [*ArgumentError] that names the argument.
func (b binding) decode(argument, text string) (upstream.Window, []byte, error) {
	foreign := &ArgumentError{argument, argument + " is not a cursor of this list: it is valid only for the field, " +
		"filter, window and order that returned it; omit it to start over"}
	if len(text) > maxCursor || strings.ContainsAny(text, "\r\n") { // the decoder skips line breaks
		return upstream.Window{}, nil, foreign
	}
	buf, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(buf) < headSize {
		return upstream.Window{}, nil, foreign
	}
	if buf[0] != cursorVersion {
		return upstream.Window{}, nil, &ArgumentError{argument,
			argument + " is not a cursor of this version of the API; omit it to start over"}
	}
	if b.checksum(buf[headSize:]) != [checksumSize]byte(buf[1:headSize]) {
		return upstream.Window{}, nil, foreign
	}
	r := reader{buf: buf[headSize:]}
	w := upstream.Window{Start: upstream.Time(r.varint())}
	w.End = upstream.Time(uint64(w.Start) + r.uvarint())
	if r.bad || w.Start >= w.End {
		return upstream.Window{}, nil, foreign
	}
	return w, r.buf, nil
}

// parse returns what read reads from the contents of a cursor, or nil if they are nil.
func parse[C any](argument string, contents []byte, read func(*reader) C) (*C, error) {
	if contents == nil {
		return nil, nil
	}
	r := reader{buf: contents}
	c := read(&r)
	if r.bad || len(r.buf) > 0 {
		return nil, &ArgumentError{argument, argument + " is damaged; omit it to start over"}
	}
	return &c, nil
}

func (b binding) checksum(contents []byte) [checksumSize]byte {
	var scratch [512]byte
	sum := sha256.Sum256(append(append(scratch[:0], b[:]...), contents...))
	return [checksumSize]byte(sum[:])
}

// reader decodes what the binary.Append functions encoded, and records failures in bad.
type reader struct {
	buf []byte
	bad bool
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.buf)
	r.skip(n)
	return v
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.buf)
	r.skip(n)
	return v
}

// count reads a number of rows.
func (r *reader) count() int {
	v := r.uvarint()
	if v > maxOffset {
		r.bad = true
		return 0
	}
	return int(v)
}

func (r *reader) text() string {
	n := r.uvarint()
	if n > maxText || n > uint64(len(r.buf)) {
		r.bad = true
		return ""
	}
	s := string(r.buf[:n])
	r.buf = r.buf[n:]
	return s
}

func (r *reader) skip(n int) {
	if n <= 0 {
		r.bad, r.buf = true, nil
		return
	}
	r.buf = r.buf[n:]
}
