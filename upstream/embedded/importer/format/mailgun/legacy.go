package mailgun

import (
	"strings"

	"deliverygraph/upstream/embedded/importer/format/jsonfile"
)

// legacyFields are the fields of Mailgun in an event of a legacy webhook. Others are those that the sender gave the
// message.
var legacyFields = map[string]bool{}

func init() {
	for name := range strings.FieldsSeq(`event recipient domain message-headers Message-Id message-id code error
		notification reason description campaign-id campaign-name tag mailing-list timestamp token signature ip country
		region city user-agent device-type client-type client-name client-os url X-Mailgun-Sid attachment-count
		body-plain`) {
		legacyFields[name] = true
	}
}

// suppressed says what the descriptions of messages that were not sent say, and what newer events have as their reason.
var suppressed = []struct{ word, reason string }{
	{"bounced", "suppress-bounce"}, {"unsubscribed", "suppress-unsubscribe"}, {"complained", "suppress-complaint"},
	{"complaint", "suppress-complaint"}, {"spam", "suppress-complaint"},
}

// legacyEvent returns an event of a legacy webhook as a newer one. Mailgun sent them as forms until 2023; here they are
// objects whose members are the fields. See https://help.mailgun.com/hc/en-us/articles/14048832145051-Legacy-Webhooks.
func legacyEvent(fields jsonfile.Members) event {
	var e event
	get := func(name string) jsonfile.Text {
		for _, f := range fields {
			if f.Name == name {
				return jsonfile.Text(f.Value)
			}
		}
		return ""
	}
	e.Event, e.Time, e.Recipient = get("event"), get("timestamp"), get("recipient")
	var headers [][]jsonfile.Text
	_ = jsonfile.Unmarshal([]byte(get("message-headers")), &headers) // without them the event is bad
	for _, h := range headers {
		if len(h) != 2 {
			continue
		}
		switch strings.ToLower(string(h[0])) {
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
	if e.Message.Headers.ID == "" {
		e.Message.Headers.ID = first(get("Message-Id"), get("message-id"))
	}
	if e.Event == "bounced" || e.Event == "dropped" {
		e.Event, e.Severity, e.Reason = "failed", "permanent", get("reason")
		e.Status.Code = get("code")
		e.Status.Message = withCode(e.Status.Code, first(get("error"), get("description"), get("notification")))
		if code := e.Status.Code; strings.Contains(string(code), ".") {
			e.Status.Enhanced = code
		}
		if e.Reason == "hardfail" && e.Status.Code == "" {
			for _, s := range suppressed {
				if strings.Contains(strings.ToLower(string(e.Status.Message)), s.word) {
					e.Reason = jsonfile.Text(s.reason)
					break
				}
			}
		}
	}
	if tag := get("tag"); tag != "" && jsonfile.Unmarshal([]byte(tag), &e.Tags) != nil {
		e.Tags = jsonfile.Texts{string(tag)}
	}
	for _, f := range fields {
		if !legacyFields[f.Name] && !strings.HasPrefix(f.Name, "attachment-") {
			e.Variables = append(e.Variables, f)
		}
	}
	return e
}

// withCode returns what a server said with the code of its reply, such as 550, unless it begins with that.
func withCode(code, text jsonfile.Text) jsonfile.Text {
	if len(code) != 3 || strings.HasPrefix(string(text), string(code)) {
		return text
	}
	return jsonfile.Text(strings.TrimSpace(string(code + " " + text)))
}
