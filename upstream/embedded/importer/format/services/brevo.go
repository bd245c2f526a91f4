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
	object: readBrevo,
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

func readBrevo(r *reader, o object) error {
	reason, seconds := o.get("reason"), o.get("ts_epoch") // ts and date are in the zone of the account
	if len(seconds) > len("1520363423") {                 // milliseconds
		seconds = seconds[:len(seconds)-3]
	}
	e := event{
		at: []string{seconds}, sender: o.get("sender_email"), recipients: []string{o.get("email")},
		id: format.MessageID(o.get("message-id")), code: format.Code(reason), diagnostic: reason,
	}
	tags := o.texts("tags")
	if len(tags) == 0 {
		tags = []string{o.get("tag")}
	}
	e.header("X-Mailin-Tag", tags...) // as senders set it
	e.header("X-Mailin-custom", o.get("X-Mailin-custom"))
	return r.take(o.get("event"), e)
}
