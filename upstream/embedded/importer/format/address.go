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
