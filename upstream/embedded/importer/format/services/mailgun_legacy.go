package services

import (
	"cmp"
	"strings"

	"deliverygraph/upstream/embedded/importer/format"
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

// readLegacyMailgun reads an event of a legacy webhook. Mailgun sent them as forms until 2023; here they are objects
// whose members are the fields. See https://help.mailgun.com/hc/en-us/articles/14048832145051-Legacy-Webhooks.
func readLegacyMailgun(r *reader, o object) error {
	headers := map[string]string{}
	list, _ := r.parse([]byte(o.get("message-headers")), '[') // without them the event is bad
	for _, h := range list {
		if pair := r.texts(h); len(pair) == 2 {
			headers[strings.ToLower(pair[0])] = pair[1]
		}
	}
	m := mailgunEvent{name: o.get("event"), recipient: o.get("recipient"), to: headers["to"]}
	m.at, m.sender = []string{o.get("timestamp")}, cmp.Or(headers["sender"], headers["from"])
	m.id = format.MessageID(cmp.Or(headers["message-id"], o.get("Message-Id"), o.get("message-id")))
	if m.name == "bounced" || m.name == "dropped" {
		m.name, m.reason, m.reply = "failed", o.get("reason"), o.get("code")
		m.message = withCode(m.reply, cmp.Or(o.get("error"), o.get("description"), o.get("notification")))
		m.enhanced = format.Code(m.reply)
		if m.reason == "hardfail" && m.reply == "" {
			for _, s := range mailgunSuppressed {
				if strings.Contains(strings.ToLower(m.message), s.word) {
					m.reason = s.reason
					break
				}
			}
		}
	}
	m.header("X-Mailgun-Tag", o.texts("tag")...)
	for _, f := range o.members {
		if name := string(f.name); !mailgunFields[name] && !strings.HasPrefix(name, "attachment-") {
			m.variable(name, f.value())
		}
	}
	return m.send(r)
}

// withCode returns what a server said with the code of its reply, such as 550, unless it begins with that.
func withCode(code, text string) string {
	if len(code) != 3 || strings.HasPrefix(text, code) {
		return text
	}
	return strings.TrimSpace(code + " " + text)
}
