package services

import (
	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/importer/format"
)

// Brevo is the events of Brevo's webhooks for transactional mail.
var Brevo = service{
	name: "brevo", about: "Brevo events",
	recognise: func(first beginning, _ []byte) bool {
		return first["event"] != "" && first["email"] != "" && first["message-id"] != ""
	},
	object: objects((*brevoEvent).read),
	named:  "event", time: "ts_epoch must be a time in Unix milliseconds",
	needs: "the event must have message-id and email",
	events: map[string]meaning{
		"request": taken, "delivered": delivered,
		"hard_bounce": bounced(upstream.Hard, ""), "soft_bounce": bounced(upstream.Soft, ""),
		"invalid_email": bounced(upstream.Hard, "bad-mailbox"),
		"blocked":       blocked("suppressed"), // Brevo does not say what put the recipient on the list
		"deferred":      skip("deferral"),
		"opened":        skip("open"), "unique_opened": skip("open"), "proxy_open": skip("open"),
		"unique_proxy_open": skip("open"), "click": skip("click"), "spam": skip("complaint"),
		"complaint": skip("complaint"), "unsubscribed": skip("unsubscribe"), "list_addition": skip("subscription"),
		"error": skip("message that was not taken"),
	},
}.format()

type brevoEvent struct {
	Event  string   `json:"event"`
	Email  string   `json:"email"`
	ID     string   `json:"message-id"`
	Millis string   `json:"ts_epoch"` // of the event; ts and date are in the zone of the account
	Reason string   `json:"reason"`
	Sender string   `json:"sender_email"`
	Tag    string   `json:"tag"`
	Tags   []string `json:"tags"`
	Custom string   `json:"X-Mailin-custom"`
}

func (b *brevoEvent) read(r *reader) error {
	seconds := b.Millis
	if len(seconds) > len("1520363423") {
		seconds = seconds[:len(seconds)-3]
	}
	e := event{
		at: []string{seconds}, sender: b.Sender, recipients: []string{b.Email}, id: format.MessageID(b.ID),
		code: format.Code(b.Reason), diagnostic: b.Reason,
	}
	if len(b.Tags) == 0 {
		b.Tags = []string{b.Tag}
	}
	e.header("X-Mailin-Tag", b.Tags...) // as senders set it
	e.header("X-Mailin-custom", b.Custom)
	return r.take(b.Event, e)
}
