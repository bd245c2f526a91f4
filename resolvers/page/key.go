package page

import (
	"encoding/binary"
	"hash/fnv"

	"deliverygraph/upstream"
)

// Key identifies a row and determines its place in the list.
type Key = upstream.Identity

// clipKey limits the size of a key in a cursor. Every key is clipped before it is compared, so a row and its
// cursor agree.
func clipKey(k Key) Key {
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
