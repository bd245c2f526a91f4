package services

import (
	"cmp"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/importer/format"
)

// Postmark is the events of Postmark's webhooks, and the pages of bounces and of messages of its API.
var Postmark = service{
	name: "postmark", about: "Postmark events, and the bounces and messages of its API",
	recognise: func(first beginning, _ []byte) bool {
		return first.has("RecordType") || first.has("MessageID") &&
			(first["BouncedAt"] != "" || first["DeliveredAt"] != "" || first["ReceivedAt"] != "") ||
			first["TotalCount"] != "" && (first["Bounces"] == "[" || first["Messages"] == "[")
	},
	object: readPostmarkFile,
	named:  "RecordType or Type", time: "the event has no time such as 2016-04-27T16:28:50.3963933-04:00",
	needs:  "the event must have MessageID and a recipient",
	events: postmarkEvents,
}.format()

// postmarkEvents has the types of records and those of bounces.
var postmarkEvents = map[string]meaning{
	"Delivery":   delivered,
	"HardBounce": bounced(upstream.Hard, ""), "BadEmailAddress": bounced(upstream.Hard, "bad-mailbox"),
	"SoftBounce": bounced(upstream.Soft, ""), "Transient": bounced(upstream.Soft, ""),
	"DnsError": bounced(upstream.Soft, ""), "Blocked": bounced(upstream.Soft, ""),
	"SpamNotification":  bounced(upstream.Soft, "spam-related"),
	"VirusNotification": bounced(upstream.Soft, "virus-related"),
	"DMARCPolicy":       bounced(upstream.Soft, "policy-related"),
	"Unknown":           bounced("", ""), "ManuallyDeactivated": blocked("manual"),
	"Open": skip("open"), "Click": skip("click"), "SpamComplaint": skip("complaint"),
	"SubscriptionChange": skip("subscription"), "Subscribe": skip("subscription"), "Unconfirmed": skip("subscription"),
	"Unsubscribe": skip("unsubscribe"), "Inbound": skip("received mail"), "InboundError": skip("received mail"),
	"AutoResponder": skip("automatic answer"), "AddressChange": skip("change of address"),
	"OpenRelayTest": skip("test of an open relay"), "ChallengeVerification": skip("challenge"),
	"SMTPApiError": skip("message that was not taken"), "TemplateRenderingFailed": skip("message that was not taken"),
}

// readPostmarkFile reads what Postmark sends at once: an event, or a page of its API.
func readPostmarkFile(r *reader, o object) error {
	if o.has("Bounces") || o.has("Messages") {
		return r.each(append(o.array("Bounces"), o.array("Messages")...), readPostmark)
	}
	return readPostmark(r, o)
}

func readPostmark(r *reader, o object) error {
	details := o.get("Details")
	e := event{
		at: []string{o.get("BouncedAt")}, account: cmp.Or(o.get("ServerID"), o.get("ServerId")), sender: o.get("From"),
		recipients: []string{o.get("Email")}, id: o.get("MessageID"), code: format.Code(details),
		diagnostic: cmp.Or(details, o.get("Description")), content: o.get("Content"),
		vague: true,
	}
	e.header("X-PM-Tag", o.get("Tag")) // as senders set them
	e.header("X-PM-Message-Stream", o.get("MessageStream"))
	metadata := object{members: o.variables("Metadata"), reader: r}
	for _, m := range metadata.members {
		e.variable("X-PM-Metadata-"+string(m.name), m.value())
	}
	e.sender = cmp.Or(metadata.sender(), e.sender)
	name := o.get("RecordType")
	_, known := r.events[name]
	if kind := o.get("Type"); !known && kind != "" {
		name = kind
		_, known = r.events[name]
	}
	switch received, recipients := o.get("ReceivedAt"), o.texts("Recipients"); {
	case name == "Delivery":
		e.at, e.recipients = []string{o.get("DeliveredAt")}, []string{o.get("Recipient")}
	case !known && received != "" && len(recipients) > 0:
		e.at, e.recipients = []string{received}, recipients
		return r.as(taken, e)
	}
	return r.take(name, e)
}
