package format

import "strings"

// Address returns the address of a mailbox such as "Jane Doe <jane@example.com>", as it was
// written. It does not use net/mail, which takes the quotes off a local part and refuses
// addresses that exist, such as a..b@example.com.
func Address(mailbox string) string {
	if end := strings.LastIndexByte(mailbox, '>'); end >= 0 {
		if start := strings.LastIndexByte(mailbox[:end], '<'); start >= 0 {
			mailbox = mailbox[start+1 : end]
		}
	}
	return strings.TrimSpace(mailbox)
}

// MessageID returns the value of a Message-ID field without its brackets, to be an email id.
func MessageID(field string) string { return strings.Trim(field, "<> \t\r\n") }

// Code returns the first enhanced status code of a failure (RFC 3463) in a text, such as "5.1.1", or nothing if
// there is none. It takes neither an IP address nor a version for one.
func Code(text string) string {
	for i := 0; i < len(text); i++ {
		if c := text[i]; c != '4' && c != '5' || i > 0 && joins(text[i-1]) {
			continue
		}
		end := i + 1
		ok := true
		for range 2 {
			start := end + 1
			if ok = ok && end < len(text) && text[end] == '.'; !ok {
				break
			}
			for end = start; end < len(text) && end < start+3 && '0' <= text[end] && text[end] <= '9'; end++ {
			}
			ok = end > start
		}
		if ok && (end == len(text) || !joins(text[end]) || text[end] == '.' &&
			(end+1 == len(text) || !joins(text[end+1]))) {
			return text[i:end]
		}
	}
	return ""
}

// joins reports whether a byte beside a number makes it part of something else.
func joins(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '.' || c == '_'
}
