package format

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"deliverygraph/upstream"
)

// QueueID makes the email id of a message that a mail server took at a time under a queue
// id, in the form of the API's own: the time in UTC, which makes it unique although servers
// use queue ids again, the queue id, a few digits that tell the message's recipients apart, and
// the server's host name without its domain. If the recipient is empty, there are no such digits.
//
// A mail log and a bounce mail of the same server give a recipient the same id, whatever else
// they say about the message.
func QueueID(taken upstream.Time, queue, recipient, host string) string {
	host, _, _ = strings.Cut(host, ".")
	id := make([]byte, 0, len("20060102150405.-01234567@")+len(queue)+len(host))
	id = taken.UTC().AppendFormat(id, "20060102150405.")
	id = append(id, queue...)
	if recipient != "" {
		sum := sha256.Sum256([]byte(strings.ToLower(recipient)))
		id = hex.AppendEncode(append(id, '-'), sum[:4])
	}
	if host != "" {
		id = append(append(id, '@'), host...)
	}
	return string(id)
}

// NthID makes the email id of the nth recipient, from 1, of a message whose recipients share
// an id: the id itself for the first, as most messages have no other.
func NthID(id string, n int) string {
	if n <= 1 {
		return id
	}
	return id + "-" + strconv.Itoa(n)
}
