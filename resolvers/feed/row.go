package feed

import (
	"crypto/sha256"
	"encoding/binary"
	"strings"

	"deliverygraph/upstream"
)

// row is a bounce, and the hash of its identity that cursors store.
type row struct {
	*upstream.Bounce
	short uint32
}

func shortOf(b *upstream.Bounce) uint32 {
	var scratch [512]byte
	buf := binary.AppendVarint(scratch[:0], int64(b.BounceTime))
	buf = binary.AppendVarint(buf, int64(b.UserID))
	buf = binary.AppendVarint(buf, int64(b.SenderID))
	buf = binary.AppendUvarint(buf, uint64(len(b.EmailID)))
	buf = append(append(buf, b.EmailID...), b.EmailAddress...)
	sum := sha256.Sum256(buf)
	return binary.BigEndian.Uint32(sum[:])
}

// compare orders rows as lists are ordered.
func (r row) compare(o row) int { return r.Identity().Compare(o.Identity()) }

// copied returns a bounce as a row with its own copies of all strings. The strings of decoded rows refer to the text of
// the whole page, and would keep it in memory.
func copied(b *upstream.Bounce) row {
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
	return row{&c, shortOf(&c)}
}
