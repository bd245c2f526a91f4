package page

import (
	"cmp"
	"encoding/binary"
	"hash/fnv"
	"strings"

	"deliverygraph/upstream"
)

// Key is a row's identity, and its place in the list: rows are ordered by Time,
// then EmailID, then Recipient, bytewise, and by user and sender where an email has
// several.
type Key struct {
	Time      upstream.Time // what the list is windowed and sorted by
	EmailID   string
	Recipient string
	UserID    upstream.ID
	SenderID  upstream.ID
}

// compare orders keys as lists are ordered; only equal keys compare equal.
func (k Key) compare(o Key) int {
	if k.Time != o.Time { // most often
		return cmp.Compare(k.Time, o.Time)
	}
	return cmp.Or(strings.Compare(k.EmailID, o.EmailID), strings.Compare(k.Recipient, o.Recipient),
		cmp.Compare(k.UserID, o.UserID), cmp.Compare(k.SenderID, o.SenderID))
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
