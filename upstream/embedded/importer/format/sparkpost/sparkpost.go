// Package sparkpost reads the events of SparkPost's webhooks and of its Events API, in JSON and CSV.
package sparkpost

import (
	"bytes"
	"strings"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/importer/format"
	"deliverygraph/upstream/embedded/importer/format/csvfile"
	"deliverygraph/upstream/embedded/importer/format/jsonfile"
)

// Format is the events of SparkPost.
var Format = format.Format{
	Name:  "sparkpost",
	About: "SparkPost events: of webhooks, and of the Events API as pages or in CSV",
	Recognise: func(head []byte) bool {
		first := jsonfile.First(head)
		_, message := first["msys"]
		_, recipient := first["raw_rcpt_to"]
		return message || recipient || first["results"] == "[" && bytes.Contains(head, []byte(`"rcpt_to"`)) ||
			isTable(csvfile.First(head))
	},
	New:    func(format.Options) format.Reader { return newReader() },
	Header: func(line []byte) bool { return isTable(csvfile.First(line)) },
}

// file is what SparkPost sends at once: an event, alone or in a batch's envelope, or a page.
type file struct {
	event
	// Envelope has one member, which is named by the class of event, such as message_event. A
	// batch without events has none.
	Envelope map[string]*event `json:"msys"`
	Results  jsonfile.List     `json:"results"`
}

func (f *file) read(line int, processed *format.Processed, s format.Sink) error {
	if f.Results != nil {
		return jsonfile.TakeEach(line, f.Results, s,
			func(line int, e *event, s format.Sink) error { return e.read(line, processed, s) })
	}
	for _, e := range f.Envelope {
		if e != nil {
			return e.read(line, processed, s)
		}
	}
	if f.Envelope != nil {
		s.Skip("test of a webhook")
		return nil
	}
	return f.event.read(line, processed, s)
}

type event struct {
	Type         jsonfile.Text    `json:"type"`
	Class        jsonfile.Text    `json:"bounce_class"`
	Time         jsonfile.Text    `json:"timestamp"`
	Injected     jsonfile.Text    `json:"injection_time"`
	Message      jsonfile.Text    `json:"message_id"`
	Transmission jsonfile.Text    `json:"transmission_id"`
	Recipient    jsonfile.Text    `json:"rcpt_to"`
	RawRecipient jsonfile.Text    `json:"raw_rcpt_to"` // keeps upper case
	Reason       jsonfile.Text    `json:"reason"`
	RawReason    jsonfile.Text    `json:"raw_reason"`
	From         jsonfile.Text    `json:"friendly_from"`
	EnvelopeFrom jsonfile.Text    `json:"msg_from"`
	Subaccount   jsonfile.Text    `json:"subaccount_id"`
	Campaign     jsonfile.Text    `json:"campaign_id"`
	Tags         jsonfile.Texts   `json:"rcpt_tags"`
	Meta         jsonfile.Members `json:"rcpt_meta"`
}

// passed are the events that say nothing about the end of a delivery.
var passed = map[string]string{
	"delay": "deferral", "open": "open", "initial_open": "open", "amp_open": "open", "amp_initial_open": "open",
	"click": "click", "amp_click": "click",
	"spam_complaint": "complaint", "list_unsubscribe": "unsubscribe", "link_unsubscribe": "unsubscribe",
	"generation_failure": "message that was not taken",
	"relay_injection":    "received mail", "relay_delivery": "received mail", "relay_rejection": "received mail",
	"relay_tempfail": "received mail", "relay_permfail": "received mail",
}

// class is what a bounce class of SparkPost means.
type class struct {
	outcome  format.Outcome // Accepted for classes that are no bounces
	kind     upstream.BounceType
	category string // empty if what the server said decides
}

var classes = map[jsonfile.Text]class{
	"1":   {format.Bounced, "", ""},
	"10":  {format.Bounced, upstream.Hard, "bad-mailbox"},
	"20":  {format.Bounced, upstream.Soft, ""},
	"21":  {format.Bounced, upstream.Soft, "bad-domain"},
	"22":  {format.Bounced, upstream.Soft, "quota-issues"},
	"23":  {format.Bounced, upstream.Soft, "content-related"},
	"24":  {format.Bounced, upstream.Soft, "message-expired"},
	"25":  {format.Blocked, "", ""}, // refused by the account's own rules
	"26":  {format.Blocked, "", ""},
	"30":  {format.Bounced, upstream.Hard, ""},
	"40":  {format.Bounced, upstream.Soft, ""},
	"50":  {format.Bounced, upstream.Soft, "policy-related"},
	"51":  {format.Bounced, upstream.Soft, "spam-related"},
	"52":  {format.Bounced, upstream.Soft, "spam-related"},
	"53":  {format.Bounced, upstream.Soft, "content-related"},
	"54":  {format.Bounced, upstream.Soft, "relaying-issues"},
	"60":  {}, // automatic answer
	"70":  {format.Bounced, upstream.Soft, ""},
	"80":  {}, // subscription
	"90":  {format.Bounced, upstream.Hard, ""},
	"100": {}, // challenge
}

func (e *event) read(line int, processed *format.Processed, s format.Sink) error {
	if reason, ok := passed[string(e.Type)]; ok {
		s.Skip(reason)
		return nil
	}
	switch e.Type {
	case "injection":
		return e.record(line, processed, format.Record{Outcome: format.Accepted}, s)
	case "delivery":
		return e.record(line, processed, format.Record{Outcome: format.Delivered}, s)
	case "bounce", "out_of_band", "policy_rejection", "generation_rejection":
		return e.bounced(line, processed, s)
	case "":
		return s.Bad(line, "the record is no event: it has no type")
	}
	s.Skip("other event")
	return nil
}

func (e *event) bounced(line int, processed *format.Processed, s format.Sink) error {
	diagnostic := string(e.RawReason)
	if diagnostic == "" {
		diagnostic = string(e.Reason)
	}
	c, known := classes[e.Class]
	if !known {
		c = classes["1"]
	}
	if strings.Contains(strings.ToLower(diagnostic), "suppress") && e.Type != "out_of_band" {
		c = classes["26"]
	}
	switch c.outcome {
	case format.Blocked: // SparkPost does not say what put the recipient on the list
		return e.record(line, processed, format.Record{Outcome: format.Blocked, Reason: "suppressed"}, s)
	case format.Bounced:
		return e.record(line, processed, format.Record{Outcome: format.Bounced, Type: c.kind, Category: c.category,
			Code: format.Code(diagnostic), Diagnostic: diagnostic}, s)
	}
	s.Skip("automatic answer")
	return nil
}

// record hands over a record with what the event says about the message.
func (e *event) record(line int, processed *format.Processed, r format.Record, s format.Sink) error {
	var ok bool
	if r.Time, ok = format.ParseTime(string(e.Time), nil); !ok {
		return s.Bad(line, "timestamp must be a time, such as 1454442600")
	}
	if r.Recipient = format.Address(string(e.RawRecipient)); r.Recipient == "" {
		r.Recipient = format.Address(string(e.Recipient))
	}
	if r.EmailID = string(e.Message); r.EmailID == "" {
		r.EmailID = string(e.Transmission)
	}
	if r.Recipient == "" || r.EmailID == "" {
		return s.Bad(line, "the event must have rcpt_to and message_id")
	}
	if r.Outcome == format.Accepted {
		processed.Note(r.EmailID, r.Time)
	}
	if r.Processed, ok = format.ParseTime(string(e.Injected), nil); !ok {
		r.Processed = processed.Of(r.EmailID, r.Time)
	}
	if r.Sender = format.Address(string(e.From)); r.Sender == "" {
		r.Sender = format.Address(string(e.EnvelopeFrom))
	}
	if r.Account = string(e.Subaccount); r.Account == "0" {
		r.Account = "" // the account itself
	}
	r.Headers = e.headers()
	return s.Record(line, r)
}

// headers returns what the sender gave the message.
func (e *event) headers() (list []upstream.Header) {
	if e.Campaign != "" {
		list = append(list, upstream.Header{Name: "X-Campaign-ID", Value: string(e.Campaign)})
	}
	for _, tag := range e.Tags {
		list = append(list, upstream.Header{Name: "X-Tag", Value: tag})
	}
	for _, m := range e.Meta {
		list = append(list, format.Variable(m.Name, m.Value))
	}
	return list
}
