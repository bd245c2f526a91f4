package format

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"deliverygraph/upstream"
)

// QueueID returns the email id of a message in a mail server's queue, in the form of the API's own ids:
// the time at which the server accepted it, in UTC, because servers reuse queue ids; the queue id; a hash
// that distinguishes the recipients, unless the recipient is empty; and the server's host name without
// its domain.
//
// So the id is the same whether it comes from a mail log or from a bounce mail.
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

// NthID returns the email id of the nth recipient, from 1, of a message whose recipients share an id. For
// the first one it is the id itself, because most messages have only one.
func NthID(id string, n int) string {
	if n <= 1 {
		return id
	}
	return id + "-" + strconv.Itoa(n)
}

// IsNth reports whether an email id is that of any recipient of the message with an id: see [NthID].
func IsNth(emailID, id string) bool {
	place, ok := strings.CutPrefix(emailID, id)
	return ok && (place == "" || place[0] == '-' && digits(place[1:]))
}
