package services

import (
	"cmp"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/importer/format"
)

// Mailjet is the events of Mailjet's webhooks, alone or grouped.
var Mailjet = service{
	name: "mailjet", about: "Mailjet events",
	recognise: func(first beginning, _ []byte) bool {
		return first["event"] != "" && first["MessageID"] != "" &&
			(first.has("mj_contact_id") || first.has("hard_bounce") || first["mj_campaign_id"] != "")
	},
	object: readMailjet,
	named:  "event", time: "time must be a time in Unix seconds", needs: "the event must have MessageID and email",
	events: map[string]meaning{
		"sent": delivered, "bounce": bounced(upstream.Soft, ""),
		"open": skip("open"), "click": skip("click"), "spam": skip("complaint"), "unsub": skip("unsubscribe"),
	},
}.format()

// mailjetReasons are the API's reasons for Mailjet's errors by which it does not send at all.
var mailjetReasons = map[string]string{"preblocked": "hardbounce", "spam preblocked": "complaint"}

func readMailjet(r *reader, o object) error {
	name, comment, failure := o.get("event"), o.get("comment"), o.get("error") // comment is what the server said
	e := event{
		at: []string{o.get("time")}, recipients: []string{o.get("email")}, id: o.get("MessageID"),
		code: format.Code(comment), diagnostic: cmp.Or(comment, failure),
	}
	e.header("X-Mailjet-Campaign", o.get("customcampaign")) // as senders set them
	e.header("X-MJ-CustomID", o.get("CustomID"))
	e.header("X-MJ-EventPayload", o.get("Payload"))
	switch hard := o.flag("hard_bounce"); {
	case name == "blocked":
		return r.as(blocked(reason(mailjetReasons, failure, "blocked")), e)
	case name == "bounce" && hard:
		return r.as(bounced(upstream.Hard, ""), e)
	}
	return r.take(name, e)
}
