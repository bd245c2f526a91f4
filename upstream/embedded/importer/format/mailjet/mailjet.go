// Package mailjet reads the events of Mailjet's webhooks, alone or grouped.
package mailjet

import (
	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/importer/format"
	"deliverygraph/upstream/embedded/importer/format/jsonfile"
)

// Format is the events of Mailjet.
var Format = format.Format{
	Name:  "mailjet",
	About: "Mailjet events",
	Recognise: func(head []byte) bool {
		first := jsonfile.First(head)
		_, contact := first["mj_contact_id"]
		_, hard := first["hard_bounce"]
		return first["event"] != "" && first["MessageID"] != "" && (contact || hard || first["mj_campaign_id"] != "")
	},
	New: func(format.Options) format.Reader {
		return jsonfile.NewReader(func(line int, e *event, s format.Sink) error { return e.read(line, s) })
	},
}

type event struct {
	Event    jsonfile.Text `json:"event"`
	Time     jsonfile.Text `json:"time"`
	ID       jsonfile.Text `json:"MessageID"` // beyond what a float can hold
	Email    jsonfile.Text `json:"email"`
	Hard     bool          `json:"hard_bounce"`
	About    jsonfile.Text `json:"error_related_to"`
	Error    jsonfile.Text `json:"error"`
	Comment  jsonfile.Text `json:"comment"`
	Campaign jsonfile.Text `json:"customcampaign"`
	CustomID jsonfile.Text `json:"CustomID"`
	Payload  jsonfile.Text `json:"Payload"`
}

// passed are the events that say nothing about a delivery.
var passed = map[jsonfile.Text]string{"open": "open", "click": "click", "spam": "complaint", "unsub": "unsubscribe"}

// reasons are the API's reasons for Mailjet's errors by which it does not send at all.
var reasons = map[jsonfile.Text]string{
	"preblocked": "hardbounce", "duplicate in campaign": "duplicate-in-campaign", "spam preblocked": "complaint",
}

func (e *event) read(line int, s format.Sink) error {
	if reason, ok := passed[e.Event]; ok {
		s.Skip(reason)
		return nil
	}
	switch e.Event {
	case "sent":
		return e.record(line, format.Record{Outcome: format.Delivered}, s)
	case "blocked":
		r := format.Record{Outcome: format.Blocked, Reason: reasons[e.Error]}
		if r.Reason == "" {
			r.Reason = format.Slug(string(e.Error))
		}
		if r.Reason == "" {
			r.Reason = "blocked"
		}
		return e.record(line, r, s)
	case "bounce":
		r := format.Record{Outcome: format.Bounced, Type: upstream.Soft, Code: format.Code(string(e.Comment)),
			Diagnostic: string(e.Error)}
		if e.Hard {
			r.Type = upstream.Hard
		}
		if e.Comment != "" {
			r.Diagnostic = string(e.Comment) // what the server said
		}
		return e.record(line, r, s)
	case "":
		return s.Bad(line, "the record is no event: it has no event")
	}
	s.Skip("other event")
	return nil
}

// record hands over a record with what the event says about the message.
func (e *event) record(line int, r format.Record, s format.Sink) error {
	var ok bool
	if r.Time, ok = format.ParseTime(string(e.Time), nil); !ok {
		return s.Bad(line, "time must be a time in Unix seconds")
	}
	r.Processed, r.EmailID, r.Recipient = r.Time, string(e.ID), format.Address(string(e.Email))
	if r.EmailID == "" || r.Recipient == "" {
		return s.Bad(line, "the event must have MessageID and email")
	}
	for _, h := range []struct {
		name  string
		value jsonfile.Text
	}{{"X-Mailjet-Campaign", e.Campaign}, {"X-MJ-CustomID", e.CustomID}, {"X-MJ-EventPayload",
		e.Payload}} { // by which senders set them
		if h.value != "" {
			r.Headers = append(r.Headers, upstream.Header{Name: h.name, Value: string(h.value)})
		}
	}
	return s.Record(line, r)
}
