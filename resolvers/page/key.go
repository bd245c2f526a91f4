package page

import (
	"cmp"
	"encoding/binary"
	"hash/fnv"
	"strings"

	"deliverygraph/upstream"
)

// Key is a row's identity, and its place in the list: rows are ordered by Time,
// then EmailID, then Recipient, bytewise.
type Key struct {
	Time      upstream.Time // what the list is windowed and sorted by
	EmailID   string
	Recipient string
	UserID    upstream.ID
	SenderID  upstream.ID
}

// compare orders keys as lists are ordered. Rows that differ only in user or
// sender are equal: the API does not order them.
func (k Key) compare(o Key) int {
	if k.Time != o.Time {
		return cmp.Compare(k.Time, o.Time)
	}
	if c := strings.Compare(k.EmailID, o.EmailID); c != 0 {
		return c
	}
	return strings.Compare(k.Recipient, o.Recipient)
}

// clip bounds what a cursor has to carry of a key. Every key is clipped before
// it is compared, so that a row and its cursor agree.
func (k Key) clip() Key {
	k.EmailID, k.Recipient = clip(k.EmailID), clip(k.Recipient)
	return k
}

// maxText is longer than any address (254) and any sane email id.
const maxText = 320

// clip replaces the end of an overlong text by its hash: order holds but for
// texts with a very long common beginning, identity always.
func clip(s string) string {
	if len(s) <= maxText {
		return s
	}
	h := fnv.New64a()
	h.Write([]byte(s))
	return s[:maxText-8] + string(binary.BigEndian.AppendUint64(nil, h.Sum64()))
}
