package dsn

import "strings"

// refuse returns why a mail is not a bounce message, or "" if it is one.
func (m *Message) refuse(kinds map[string]bool) string {
	subject, from := decodeWords(m.header.get("Subject")), m.header.get("From")
	switch {
	case kinds["message/feedback-report"] || kinds["report/feedback-report"]:
		return "complaint report (ARF)"
	case kinds["message/disposition-notification"] || kinds["report/disposition-notification"]:
		return "read receipt"
	case len(m.Recipients) > 0 || m.header.get("X-Failed-Recipients") != "":
		return ""
	case subjects.MatchString(subject) || delays.MatchString(subject):
		return ""
	case (senders.MatchString(from) || m.header.get("Return-Path") == "<>" || len(m.original) > 0) &&
		failures.MatchString(clip(m.Notice, mostWords)):
		return ""
	case strings.HasPrefix(strings.ToLower(m.header.get("Auto-Submitted")), "auto-") ||
		m.header.get("X-Autoreply") != "":
		return "automatic reply"
	}
	return "not a bounce message"
}

// isBounce reports whether a mail is a bounce message, judging by its sender and subject.
func (h header) isBounce() bool {
	return senders.MatchString(h.get("From")) && subjects.MatchString(decodeWords(h.get("Subject")))
}
