package services

import (
	"cmp"
	"strings"
)

// mailgunFields are the fields of Mailgun in an event of a legacy webhook. Others are those that the sender gave the
// message.
var mailgunFields = setOf(`event recipient domain message-headers Message-Id message-id code error
	notification reason description campaign-id campaign-name tag mailing-list timestamp token signature ip country
	region city user-agent device-type client-type client-name client-os url X-Mailgun-Sid attachment-count
	body-plain`)

// mailgunSuppressed are words in the descriptions of messages that were not sent, and the reasons in newer events.
var mailgunSuppressed = []struct{ word, reason string }{
	{"bounced", "suppress-bounce"}, {"unsubscribed", "suppress-unsubscribe"}, {"complained", "suppress-complaint"},
	{"complaint", "suppress-complaint"}, {"spam", "suppress-complaint"},
}

// legacyEvent returns an event of a legacy webhook as a newer one. Mailgun sent them as forms until 2023; here they are
// objects whose members are the fields. See https://help.mailgun.com/hc/en-us/articles/14048832145051-Legacy-Webhooks.
func legacyEvent(fields members) (e mailgunEvent) {
	get := fields.get
	e.Event, e.Time, e.Recipient = get("event"), get("timestamp"), get("recipient")
	var headers [][]string
	_ = unmarshal([]byte(get("message-headers")), &headers) // without them the event is bad
	for _, h := range headers {
		if len(h) != 2 {
			continue
		}
		switch strings.ToLower(h[0]) {
		case "message-id":
			e.Message.Headers.ID = h[1]
		case "from":
			e.Message.Headers.From = h[1]
		case "to":
			e.Message.Headers.To = h[1]
		case "sender":
			e.Envelope.Sender = h[1]
		}
	}
	e.Message.Headers.ID = cmp.Or(e.Message.Headers.ID, get("Message-Id"), get("message-id"))
	if e.Event == "bounced" || e.Event == "dropped" {
		e.Event, e.Severity, e.Reason = "failed", "permanent", get("reason")
		code := get("code")
		e.Status.Code = code
		e.Status.Message = withCode(code, cmp.Or(get("error"), get("description"), get("notification")))
		if strings.Contains(code, ".") {
			e.Status.Enhanced = code
		}
		if e.Reason == "hardfail" && code == "" {
			for _, s := range mailgunSuppressed {
				if strings.Contains(strings.ToLower(e.Status.Message), s.word) {
					e.Reason = s.reason
					break
				}
			}
		}
	}
	e.Tags = texts(get("tag"))
	for _, f := range fields {
		if !mailgunFields[f.name] && !strings.HasPrefix(f.name, "attachment-") {
			e.Variables = append(e.Variables, f)
		}
	}
	return e
}

// withCode returns what a server said with the code of its reply, such as 550, unless it begins with that.
func withCode(code, text string) string {
	if len(code) != 3 || strings.HasPrefix(text, code) {
		return text
	}
	return strings.TrimSpace(code + " " + text)
}
