package format

import (
	"strconv"
	"strings"

	"deliverygraph/upstream"
)

// QueueID makes the email id of a message that a mail server took at a time under a queue
// id, in the form of the API's own: the time in UTC, which makes it unique although servers
// use queue ids again, the queue id, and the server's host name without its domain.
//
// A mail log and a bounce mail of the same server give a message the same id.
func QueueID(taken upstream.Time, queue, host string) string {
	host, _, _ = strings.Cut(host, ".")
	id := make([]byte, 0, len("20060102150405..@")+len(queue)+len(host))
	id = taken.UTC().AppendFormat(id, "20060102150405.")
	id = append(id, queue...)
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
