package format

import "strings"

// MessageID returns the value of a Message-ID field without its brackets, to be an email id.
func MessageID(field string) string { return strings.Trim(field, "<> \t\r\n") }
