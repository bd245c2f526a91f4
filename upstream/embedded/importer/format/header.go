package format

import (
	"strings"

	"deliverygraph/upstream"
)

// CustomHeader reports whether a header is one of those that rows carry.
func CustomHeader(name string) bool { return upstream.IsHeaderName(name) }

// Variable makes a custom header of what a delivery service knows about a message by a name,
// such as a tag or a variable of the sender: X- and the name, in which "-" takes the place of
// what no header's name can hold.
func Variable(name, value string) upstream.Header {
	name = strings.Map(func(r rune) rune {
		if r <= ' ' || r == ':' || r > '~' {
			return '-'
		}
		return r
	}, name)
	if !CustomHeader(name) {
		name = "X-" + name
	}
	return upstream.Header{Name: name, Value: value}
}
