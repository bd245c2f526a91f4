package page

import (
	"cmp"
	"encoding/binary"
	"hash/fnv"
	"strings"

	"deliverygraph/upstream"
)

// Key identifies a row and determines its place in the list. Rows are ordered by Time, then EmailID, then
// Recipient, compared as bytes. User and sender distinguish rows of an email that has several.
type Key struct {
	Time      upstream.Time // the list is windowed and sorted by this
	EmailID   string
	Recipient string
	UserID    upstream.ID
	SenderID  upstream.ID
}

// compare orders keys as lists are ordered. It returns 0 only for equal keys.
func (k Key) compare(o Key) int {
	if k.Time != o.Time { // the common case
		return cmp.Compare(k.Time, o.Time)
	}
	return cmp.Or(strings.Compare(k.EmailID, o.EmailID), strings.Compare(k.Recipient, o.Recipient),
		cmp.Compare(k.UserID, o.UserID), cmp.Compare(k.SenderID, o.SenderID))
}

// clip limits the size of a key in a cursor. Every key is clipped before it is compared, so a row and its
// cursor agree.
func (k Key) clip() Key {
	k.EmailID, k.Recipient = clip(k.EmailID), clip(k.Recipient)
	return k
}

// maxText is longer than any address (254) and any realistic email id.
const maxText = 320

// clip replaces the end of a long text by its hash. Identity is always preserved. Order is preserved except
// between texts that share a very long prefix.
func clip(s string) string {
	if len(s) <= maxText {
		return s
	}
	h := fnv.New64a()
	h.Write([]byte(s))
	return s[:maxText-8] + string(binary.BigEndian.AppendUint64(nil, h.Sum64()))
}
