// Package brevo reads the events of Brevo's webhooks for transactional mail.
package brevo

import (
	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/importer/format"
	"deliverygraph/upstream/embedded/importer/format/jsonfile"
)

// Format is the events of Brevo.
var Format = format.Format{
	Name:  "brevo",
	About: "Brevo events",
	Recognise: func(head []byte) bool {
		first := jsonfile.First(head)
		return first["event"] != "" && first["email"] != "" && first["message-id"] != ""
	},
	New: func(format.Options) format.Reader {
		var processed format.Processed
		return jsonfile.NewReader(func(line int, e *event, s format.Sink) error { return e.read(line, &processed, s) })
	},
}

type event struct {
	Event  jsonfile.Text  `json:"event"`
	Email  jsonfile.Text  `json:"email"`
	ID     jsonfile.Text  `json:"message-id"`
	Millis jsonfile.Text  `json:"ts_epoch"` // of the event; ts and date are in the zone of the account
	Reason jsonfile.Text  `json:"reason"`
	Sender jsonfile.Text  `json:"sender_email"`
	Tag    jsonfile.Text  `json:"tag"`
	Tags   jsonfile.Texts `json:"tags"`
	Custom jsonfile.Text  `json:"X-Mailin-custom"`
}

// passed are the events that say nothing about the end of a delivery.
var passed = map[jsonfile.Text]string{
	"deferred": "deferral", "opened": "open", "unique_opened": "open", "proxy_open": "open",
	"unique_proxy_open": "open", "click": "click",
	"spam": "complaint", "complaint": "complaint", "unsubscribed": "unsubscribe", "list_addition": "subscription",
	"error": "message that was not taken",
}

func (e *event) read(line int, processed *format.Processed, s format.Sink) error {
	if reason, ok := passed[e.Event]; ok {
		s.Skip(reason)
		return nil
	}
	bounced := format.Record{Outcome: format.Bounced, Code: format.Code(string(e.Reason)), Diagnostic: string(e.Reason)}
	switch e.Event {
	case "request":
		return e.record(line, processed, format.Record{Outcome: format.Accepted}, s)
	case "delivered":
		return e.record(line, processed, format.Record{Outcome: format.Delivered}, s)
	case "hard_bounce":
		bounced.Type = upstream.Hard
		return e.record(line, processed, bounced, s)
	case "invalid_email":
		bounced.Type, bounced.Category = upstream.Hard, "bad-mailbox"
		return e.record(line, processed, bounced, s)
	case "soft_bounce":
		bounced.Type = upstream.Soft
		return e.record(line, processed, bounced, s)
	case "blocked": // Brevo does not say what put the recipient on the list
		return e.record(line, processed, format.Record{Outcome: format.Blocked, Reason: "suppressed"}, s)
	case "":
		return s.Bad(line, "the record is no event: it has no event")
	}
	s.Skip("other event")
	return nil
}

// record hands over a record with what the event says about the message.
func (e *event) record(line int, processed *format.Processed, r format.Record, s format.Sink) error {
	seconds := e.Millis
	if len(seconds) > len("1520363423") {
		seconds = seconds[:len(seconds)-3] // milliseconds
	}
	var ok bool
	if r.Time, ok = format.ParseTime(string(seconds), nil); !ok {
		return s.Bad(line, "ts_epoch must be a time in Unix milliseconds")
	}
	r.EmailID, r.Sender = format.MessageID(string(e.ID)), format.Address(string(e.Sender))
	r.Recipient = format.Address(string(e.Email))
	if r.EmailID == "" || r.Recipient == "" {
		return s.Bad(line, "the event must have message-id and email")
	}
	if r.Outcome == format.Accepted {
		processed.Note(r.EmailID, r.Time)
	}
	r.Processed = processed.Of(r.EmailID, r.Time)
	for _, tag := range e.Tags {
		r.Headers = append(r.Headers, upstream.Header{Name: "X-Mailin-Tag", Value: tag}) // as senders set it
	}
	if len(e.Tags) == 0 && e.Tag != "" {
		r.Headers = append(r.Headers, upstream.Header{Name: "X-Mailin-Tag", Value: string(e.Tag)})
	}
	if e.Custom != "" {
		r.Headers = append(r.Headers, upstream.Header{Name: "X-Mailin-custom", Value: string(e.Custom)})
	}
	return s.Record(line, r)
}
