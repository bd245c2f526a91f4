// Package postmark reads the events of Postmark's webhooks, and the pages of bounces and of
// messages that its API gives.
package postmark

import (
	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/importer/format"
	"deliverygraph/upstream/embedded/importer/format/jsonfile"
)

// Format is the events of Postmark.
var Format = format.Format{
	Name:  "postmark",
	About: "Postmark events, and the bounces and messages of its API",
	Recognise: func(head []byte) bool {
		first := jsonfile.First(head)
		_, id := first["MessageID"]
		_, record := first["RecordType"]
		return record || id && (first["BouncedAt"] != "" || first["DeliveredAt"] != "" || first["ReceivedAt"] != "") ||
			first["TotalCount"] != "" && (first["Bounces"] == "[" || first["Messages"] == "[")
	},
	New: func(format.Options) format.Reader {
		return jsonfile.NewReader(func(line int, f *file, s format.Sink) error { return f.read(line, s) })
	},
}

// file is what Postmark sends at once: an event, or a page of its API.
type file struct {
	event
	Bounces  jsonfile.List `json:"Bounces"`
	Messages jsonfile.List `json:"Messages"`
}

func (f *file) read(line int, s format.Sink) error {
	switch {
	case f.Bounces != nil:
		return jsonfile.TakeEach(line, f.Bounces, s, take)
	case f.Messages != nil:
		return jsonfile.TakeEach(line, f.Messages, s, take)
	}
	return f.event.read(line, s)
}

func take(line int, e *event, s format.Sink) error { return e.read(line, s) }

type event struct {
	Record      jsonfile.Text    `json:"RecordType"`
	Type        jsonfile.Text    `json:"Type"`
	Server      jsonfile.Text    `json:"ServerID"`
	ServerID    jsonfile.Text    `json:"ServerId"` // deliveries spell it so
	MessageID   jsonfile.Text    `json:"MessageID"`
	Email       jsonfile.Text    `json:"Email"`
	Recipient   jsonfile.Text    `json:"Recipient"`
	From        jsonfile.Text    `json:"From"`
	BouncedAt   jsonfile.Text    `json:"BouncedAt"`
	DeliveredAt jsonfile.Text    `json:"DeliveredAt"`
	Details     jsonfile.Text    `json:"Details"`
	Description jsonfile.Text    `json:"Description"`
	Content     jsonfile.Text    `json:"Content"`
	Tag         jsonfile.Text    `json:"Tag"`
	Stream      jsonfile.Text    `json:"MessageStream"`
	Metadata    jsonfile.Members `json:"Metadata"`

	// Of messages.
	Recipients jsonfile.Texts `json:"Recipients"`
	ReceivedAt jsonfile.Text  `json:"ReceivedAt"`
}

// bounce is what a type of bounce means. Other types of Postmark's bounces are none.
type bounce struct {
	kind     upstream.BounceType // empty if what the server said decides
	category string              // likewise
}

var bounces = map[string]bounce{
	"HardBounce": {upstream.Hard, ""}, "BadEmailAddress": {upstream.Hard, "bad-mailbox"},
	"SoftBounce": {upstream.Soft, ""}, "Transient": {upstream.Soft, ""}, "DnsError": {upstream.Soft,
		""}, "Blocked": {upstream.Soft, ""},
	"SpamNotification": {upstream.Soft, "spam-related"}, "VirusNotification": {upstream.Soft,
		"virus-related"}, "DMARCPolicy": {upstream.Soft, "policy-related"},
	"Unknown": {},
}

// passed are the records and types of bounces that say nothing about a delivery.
var passed = map[string]string{
	"Open": "open", "Click": "click", "SpamComplaint": "complaint", "SubscriptionChange": "subscription",
	"Inbound":     "received mail",
	"Unsubscribe": "unsubscribe", "Subscribe": "subscription", "AutoResponder": "automatic answer",
	"AddressChange": "change of address",
	"OpenRelayTest": "test of an open relay", "ChallengeVerification": "challenge", "Unconfirmed": "subscription",
	"SMTPApiError": "message that was not taken",
	"InboundError": "received mail", "TemplateRenderingFailed": "message that was not taken",
}

func (e *event) read(line int, s format.Sink) error {
	for _, kind := range []jsonfile.Text{e.Record, e.Type} {
		if reason, ok := passed[string(kind)]; ok {
			s.Skip(reason)
			return nil
		}
	}
	b, isBounce := bounces[string(e.Type)]
	switch {
	case e.Record == "Delivery":
		return e.record(line, format.Record{Outcome: format.Delivered}, e.DeliveredAt, s, string(e.Recipient))
	case isBounce:
		r := format.Record{Outcome: format.Bounced, Type: b.kind, Category: b.category,
			Code: format.Code(string(e.Details)), Diagnostic: string(e.Details), Content: string(e.Content)}
		if r.Diagnostic == "" {
			r.Diagnostic = string(e.Description)
		}
		return e.record(line, r, e.BouncedAt, s, string(e.Email))
	case e.Type == "ManuallyDeactivated":
		return e.record(line, format.Record{Outcome: format.Blocked, Reason: "manual"}, e.BouncedAt, s, string(e.Email))
	case e.ReceivedAt != "" && len(e.Recipients) > 0:
		return e.record(line, format.Record{Outcome: format.Accepted}, e.ReceivedAt, s, e.Recipients...)
	case e.Record == "" && e.Type == "":
		return s.Bad(line, "the record is no event: it has neither RecordType nor Type")
	}
	s.Skip("other event")
	return nil
}

// record hands over a record for each of the recipients, with what the event says about the message.
func (e *event) record(line int, r format.Record, at jsonfile.Text, s format.Sink, recipients ...string) error {
	var ok bool
	if r.Time, ok = format.ParseTime(string(at), nil); !ok {
		return s.Bad(line, "the event has no time such as 2016-04-27T16:28:50.3963933-04:00")
	}
	if r.EmailID = string(e.MessageID); r.EmailID == "" {
		return s.Bad(line, "the event has no MessageID")
	}
	r.Processed, r.Sender, r.Headers = r.Time, format.Address(string(e.From)), e.headers()
	if r.Account = string(e.Server); r.Account == "" {
		r.Account = string(e.ServerID)
	}
	for _, recipient := range recipients {
		if r.Recipient = format.Address(recipient); r.Recipient == "" {
			return s.Bad(line, "the event has no recipient")
		}
		if err := s.Record(line, r); err != nil {
			return err
		}
	}
	return nil
}

// headers returns the message's tag, stream and metadata by the headers that set them.
func (e *event) headers() (list []upstream.Header) {
	if e.Tag != "" {
		list = append(list, upstream.Header{Name: "X-PM-Tag", Value: string(e.Tag)})
	}
	if e.Stream != "" {
		list = append(list, upstream.Header{Name: "X-PM-Message-Stream", Value: string(e.Stream)})
	}
	for _, m := range e.Metadata {
		list = append(list, format.Variable("X-PM-Metadata-"+m.Name, m.Value))
	}
	return list
}
