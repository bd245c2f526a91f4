package feed

import (
	"crypto/sha256"
	"encoding/binary"
	"strings"

	"deliverygraph/upstream"
)

// row is a bounce and its identity.
type row struct {
	*upstream.Bounce
	print print
}

// print is a hash of a row's identity, so that remembering a row does not retain its text.
type print [16]byte

func printOf(b *upstream.Bounce) print {
	var scratch [512]byte
	buf := binary.AppendVarint(scratch[:0], int64(b.BounceTime))
	buf = binary.AppendVarint(buf, int64(b.UserID))
	buf = binary.AppendVarint(buf, int64(b.SenderID))
	buf = binary.AppendUvarint(buf, uint64(len(b.EmailID)))
	buf = append(append(buf, b.EmailID...), b.EmailAddress...)
	sum := sha256.Sum256(buf)
	return print(sum[:])
}

// short is the part of the hash that cursors store.
func (p print) short() uint32 { return binary.BigEndian.Uint32(p[:]) }

// compare orders rows as lists are ordered.
func (r row) compare(o row) int { return r.Identity().Compare(o.Identity()) }

// copied returns the row with its own copies of all strings. The strings of decoded rows refer to the text of
// the whole page, and would keep it in memory.
func copied(b *upstream.Bounce, p print) row {
	c := *b
	texts := c.Texts()
	for _, s := range append(texts.Codes[:], texts.EmailID, texts.Address, texts.Local, texts.Domain) {
		if s != nil {
			*s = strings.Clone(*s)
		}
	}
	if b.XHeaders != nil {
		c.XHeaders = make([]upstream.Header, len(b.XHeaders))
		for i, h := range b.XHeaders {
			c.XHeaders[i] = upstream.Header{Name: strings.Clone(h.Name), Value: strings.Clone(h.Value)}
		}
	}
	return row{&c, p}
}
