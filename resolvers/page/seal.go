package page

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"strings"

	"deliverygraph/upstream"
)

// sealer turns the contents of a cursor into text and back. Text = base64url of
// version, tag, contents; the tag is a hash of binding and contents, and the
// contents are enciphered under binding and tag.
//
// So a cursor that was cut, changed, or made under another binding does not
// open, and nobody can build on its contents, or read a recipient's address out of
// a cursor in a log. It is not a secret and no proof: whoever knows the binding
// and this file can make a cursor. All numbers in it are checked.
type sealer struct{ key [sha256.Size]byte }

const (
	cursorVersion = 1
	tagSize       = 8
	headSize      = 1 + tagSize
	maxCursor     = 4096 // characters; ours are about 140, and at most 1,100; a feed's at most 2,900
)

// Seal makes a cursor of a list that is not walked here, such as a feed: of a window
// that is its matter, and of contents, under a binding as [New] has it.
func Seal(binding string, w upstream.Window, contents []byte) string {
	return newSealer(binding).seal(w, contents)
}

// Open gives what Seal sealed under the binding, or an [*ArgumentError] that names
// the argument.
func Open(binding, argument, text string) (w upstream.Window, contents []byte, err error) {
	return newSealer(binding).open(argument, text)
}

func newSealer(binding string) *sealer {
	return &sealer{sha256.Sum256([]byte("deliverygraph cursor\x00" + binding))}
}

// seal makes a cursor of window and rest.
func (s *sealer) seal(w upstream.Window, rest []byte) string {
	buf := make([]byte, headSize, headSize+2*binary.MaxVarintLen64+len(rest))
	buf = binary.AppendVarint(buf, int64(w.Start))
	buf = binary.AppendUvarint(buf, uint64(w.End)-uint64(w.Start))
	buf = append(buf, rest...)
	buf[0] = cursorVersion
	tag := s.tag(buf[headSize:])
	copy(buf[1:], tag[:])
	s.cipher(tag, buf[headSize:])
	return base64.RawURLEncoding.EncodeToString(buf)
}

// open gives what was sealed, or an [*ArgumentError] that names the argument.
func (s *sealer) open(argument, text string) (upstream.Window, []byte, error) {
	foreign := &ArgumentError{argument, argument + " is not a cursor of this list: a cursor holds only for the field, filter and window that gave it; leave it out to start anew"}
	if len(text) > maxCursor || strings.ContainsAny(text, "\r\n") { // the decoder would skip line ends
		return upstream.Window{}, nil, foreign
	}
	buf, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(buf) < headSize {
		return upstream.Window{}, nil, foreign
	}
	if buf[0] != cursorVersion {
		return upstream.Window{}, nil, &ArgumentError{argument, argument + " is not a cursor of this version of the API; leave it out to start anew"}
	}
	tag := [tagSize]byte(buf[1:headSize])
	contents := buf[headSize:]
	s.cipher(tag, contents)
	if s.tag(contents) != tag {
		return upstream.Window{}, nil, foreign
	}
	r := reader{buf: contents}
	w := upstream.Window{Start: upstream.Time(r.varint())}
	w.End = upstream.Time(uint64(w.Start) + r.uvarint())
	if r.bad || w.Start >= w.End {
		return upstream.Window{}, nil, foreign
	}
	return w, r.buf, nil
}

func (s *sealer) tag(contents []byte) (tag [tagSize]byte) {
	var scratch [512]byte
	sum := sha256.Sum256(append(append(scratch[:0], s.key[:]...), contents...))
	copy(tag[:], sum[:])
	return tag
}

// cipher enciphers and deciphers buf in place, by a stream of hashes: what a
// block cipher would do here too, without allocating.
func (s *sealer) cipher(tag [tagSize]byte, buf []byte) {
	var seed [sha256.Size + tagSize + 1]byte
	copy(seed[:], s.key[:])
	copy(seed[sha256.Size:], tag[:])
	for ; len(buf) > 0; seed[len(seed)-1]++ {
		pad := sha256.Sum256(seed[:])
		buf = buf[subtle.XORBytes(buf, buf, pad[:]):]
	}
}

// reader reads what binary.Append… wrote, and notes when that fails.
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
