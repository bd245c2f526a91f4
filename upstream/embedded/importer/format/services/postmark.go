package services

import (
	"cmp"

	"github.com/go-json-experiment/json/jsontext"

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
	object: objects((*postmarkFile).read),
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

// postmarkFile is what Postmark sends at once: an event, or a page of its API.
type postmarkFile struct {
	postmarkEvent
	Bounces  []jsontext.Value `json:"Bounces"`
	Messages []jsontext.Value `json:"Messages"`
}

func (f *postmarkFile) read(r *reader) error {
	if f.Bounces != nil || f.Messages != nil {
		return r.each(append(f.Bounces, f.Messages...), objects((*postmarkEvent).read))
	}
	return f.postmarkEvent.read(r)
}

type postmarkEvent struct {
	Record      string  `json:"RecordType"`
	Type        string  `json:"Type"`
	Server      string  `json:"ServerID"`
	ServerID    string  `json:"ServerId"` // deliveries spell it so
	MessageID   string  `json:"MessageID"`
	Email       string  `json:"Email"`     // of bounces
	Recipient   string  `json:"Recipient"` // of deliveries
	From        string  `json:"From"`
	BouncedAt   string  `json:"BouncedAt"`
	DeliveredAt string  `json:"DeliveredAt"`
	Details     string  `json:"Details"`
	Description string  `json:"Description"`
	Content     string  `json:"Content"`
	Tag         string  `json:"Tag"`
	Stream      string  `json:"MessageStream"`
	Metadata    members `json:"Metadata"`

	// Of messages.
	Recipients []string `json:"Recipients"`
	ReceivedAt string   `json:"ReceivedAt"`
}

func (p *postmarkEvent) read(r *reader) error {
	e := event{
		at: []string{p.BouncedAt}, account: cmp.Or(p.Server, p.ServerID), sender: p.From, recipients: []string{p.Email},
		id: p.MessageID, code: format.Code(p.Details), diagnostic: cmp.Or(p.Details, p.Description), content: p.Content,
	}
	e.header("X-PM-Tag", p.Tag) // as senders set them
	e.header("X-PM-Message-Stream", p.Stream)
	for _, m := range p.Metadata {
		e.variable("X-PM-Metadata-"+m.name, m.value)
	}
	name := p.Record
	_, known := r.events[name]
	if !known && p.Type != "" {
		name = p.Type
		_, known = r.events[name]
	}
	switch {
	case name == "Delivery":
		e.at, e.recipients = []string{p.DeliveredAt}, []string{p.Recipient}
	case !known && p.ReceivedAt != "" && len(p.Recipients) > 0:
		e.at, e.recipients = []string{p.ReceivedAt}, p.Recipients
		return r.as(taken, e)
	}
	return r.take(name, e)
}
