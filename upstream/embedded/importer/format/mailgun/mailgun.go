// Package mailgun reads the events of Mailgun: of its webhooks, those that ended in 2023 among them, and pages of its
// Events API; and bounce lists, as pages and in CSV.
package mailgun

import (
	"bytes"
	"strings"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/importer/format"
	"deliverygraph/upstream/embedded/importer/format/csvfile"
	"deliverygraph/upstream/embedded/importer/format/jsonfile"
)

// Format is the events of Mailgun.
var Format = format.Format{
	Name:  "mailgun",
	About: "Mailgun events: of webhooks, and pages of the Events API; and lists of bounces, as pages and in CSV",
	Recognise: func(head []byte) bool {
		first := jsonfile.First(head)
		_, data := first["event-data"]
		_, level := first["log-level"]
		_, delivery := first["delivery-status"]
		_, headers := first["message-headers"]
		return data || first["event"] != "" && (level || delivery || headers) ||
			first["items"] == "[" && (bytes.Contains(head, []byte(`"event"`)) ||
				bytes.Contains(head, []byte(`"address"`)) && bytes.Contains(head, []byte(`"created_at"`))) ||
			isList(csvfile.First(head))
	},
	New: func(format.Options) format.Reader {
		var processed format.Processed
		return reader{jsonfile.NewReader(func(line int, f *file, s format.Sink) error {
			return f.read(line, &processed, s)
		})}
	},
	Header: func(line []byte) bool { return isList(csvfile.First(line)) },
}

// file is what Mailgun sends at once: an event, alone or within a webhook, or a page of events or of bounces.
type file struct {
	event
	Data    *event        `json:"event-data"`
	Items   jsonfile.List `json:"items"`
	Headers jsonfile.Text `json:"message-headers"` // of legacy webhooks
}

// UnmarshalJSON reads the value.
func (f *file) UnmarshalJSON(value []byte) error {
	type plain file
	err := jsonfile.Unmarshal(value, (*plain)(f))
	if f.Headers == "" {
		return err
	}
	var fields jsonfile.Members
	if err = jsonfile.Unmarshal(value, &fields); err == nil {
		*f = file{event: legacyEvent(fields)}
	}
	return err
}

// item is an element of a page.
type item struct {
	event
	bounce
}

func (f *file) read(line int, processed *format.Processed, s format.Sink) error {
	switch {
	case f.Data != nil:
		return f.Data.read(line, processed, s)
	case f.Items != nil:
		return jsonfile.TakeEach(line, f.Items, s, func(line int, i *item, s format.Sink) error {
			if i.Event == "" && i.Address != "" {
				return i.bounce.read(line, s)
			}
			return i.event.read(line, processed, s)
		})
	}
	return f.event.read(line, processed, s)
}

type event struct {
	Event     jsonfile.Text `json:"event"`
	Severity  jsonfile.Text `json:"severity"`
	Reason    jsonfile.Text `json:"reason"`
	Time      jsonfile.Text `json:"timestamp"` // seconds with a fraction
	Recipient jsonfile.Text `json:"recipient"`
	Status    struct {
		Code        jsonfile.Text `json:"code"`
		Enhanced    jsonfile.Text `json:"enhanced-code"`
		Bounce      jsonfile.Text `json:"bounce-code"`
		Message     jsonfile.Text `json:"message"`
		Description jsonfile.Text `json:"description"`
	} `json:"delivery-status"`
	Reject struct {
		Reason      jsonfile.Text `json:"reason"`
		Description jsonfile.Text `json:"description"`
	} `json:"reject"`
	Envelope struct {
		Sender jsonfile.Text `json:"sender"`
	} `json:"envelope"`
	Message struct {
		Headers struct {
			ID   jsonfile.Text `json:"message-id"`
			From jsonfile.Text `json:"from"`
			To   jsonfile.Text `json:"to"`
		} `json:"headers"`
	} `json:"message"`
	Account struct {
		ID jsonfile.Text `json:"id"`
	} `json:"account"`
	Tags      jsonfile.Texts `json:"tags"`
	Variables variables      `json:"user-variables"`
}

// passed are the events that say nothing about the end of a delivery.
var passed = map[string]string{
	"complained": "complaint", "opened": "open", "clicked": "click", "unsubscribed": "unsubscribe",
	"stored":               "stored mail",
	"list_member_uploaded": "mailing list", "list_member_upload_error": "mailing list", "list_uploaded": "mailing list",
}

// reasons are those for which Mailgun does not send at all, by its words and its codes.
var reasons = map[string]string{
	"suppress-bounce": "hardbounce", "suppress-unsubscribe": "unsubscribe", "suppress-complaint": "complaint",
	"605": "hardbounce", "606": "unsubscribe", "607": "complaint",
}

func (e *event) read(line int, processed *format.Processed, s format.Sink) error {
	if reason, ok := passed[string(e.Event)]; ok {
		s.Skip(reason)
		return nil
	}
	switch e.Event {
	case "accepted":
		return e.record(line, processed, format.Record{Outcome: format.Accepted}, s)
	case "delivered":
		return e.record(line, processed, format.Record{Outcome: format.Delivered}, s)
	case "failed":
		return e.failed(line, processed, s)
	case "rejected": // Mailgun did not take it for delivery
		r := format.Record{Outcome: format.Bounced, Type: upstream.Hard, Category: "other",
			Diagnostic: string(first(e.Reject.Reason, e.Reject.Description))}
		return e.record(line, processed, r, s)
	case "":
		return s.Bad(line, "the record is no event: it has no event")
	}
	s.Skip("other event")
	return nil
}

// failed reads that a delivery failed: permanently, temporarily, or before it was tried.
func (e *event) failed(line int, processed *format.Processed, s format.Sink) error {
	if e.Severity == "temporary" {
		s.Skip("deferral")
		return nil
	}
	for _, why := range []jsonfile.Text{e.Reason, e.Status.Code} {
		if reason := reasons[string(why)]; reason != "" {
			return e.record(line, processed, format.Record{Outcome: format.Blocked, Reason: reason}, s)
		}
	}
	r := format.Record{Outcome: format.Bounced, Type: upstream.Hard,
		Diagnostic: string(first(e.Status.Message, e.Status.Description))}
	for _, code := range []jsonfile.Text{e.Status.Enhanced, e.Status.Bounce, e.Status.Message} {
		if r.Code == "" {
			r.Code = format.Code(string(code))
		}
	}
	switch e.Reason {
	case "old": // Mailgun has tried it for too long
		r.Type, r.Category = upstream.Soft, "message-expired"
	case "espblock":
		r.Type = "" // what the server said decides
	}
	return e.record(line, processed, r, s)
}

// record hands over a record with what the event says about the message.
func (e *event) record(line int, processed *format.Processed, r format.Record, s format.Sink) error {
	var ok bool
	if r.Time, ok = format.ParseTime(string(e.Time), nil); !ok {
		return s.Bad(line, "timestamp must be a time in Unix seconds")
	}
	headers := &e.Message.Headers
	id := format.MessageID(string(headers.ID))
	if id == "" {
		return s.Bad(line, "the event has no message.headers.message-id")
	}
	r.Account, r.Sender, r.Headers = string(e.Account.ID), format.Address(string(first(e.Envelope.Sender,
		headers.From))), e.headers()
	all := addresses(string(headers.To))
	recipients := all
	if e.Recipient != "" {
		recipients = []string{format.Address(string(e.Recipient))}
	}
	if len(recipients) == 0 {
		return s.Bad(line, "the event has no recipient")
	}
	for _, r.Recipient = range recipients {
		r.EmailID = id
		for i, to := range all {
			if strings.EqualFold(to, r.Recipient) {
				r.EmailID = format.NthID(id, i+1)
				break
			}
		}
		if r.Outcome == format.Accepted {
			processed.Note(r.EmailID, r.Time)
		}
		r.Processed = processed.Of(r.EmailID, r.Time)
		if err := s.Record(line, r); err != nil {
			return err
		}
	}
	return nil
}

func first(texts ...jsonfile.Text) jsonfile.Text {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}

// addresses returns the addresses of a To field.
func addresses(field string) (all []string) {
	quoted, start := false, 0
	for i := 0; i <= len(field); i++ {
		if i < len(field) && (quoted || field[i] != ',') {
			if field[i] == '"' && (i == 0 || field[i-1] != '\\') {
				quoted = !quoted
			}
			continue
		}
		if address := format.Address(field[start:i]); address != "" {
			all = append(all, address)
		}
		start = i + 1
	}
	return all
}

// headers returns the event's tags, and what else the sender gave the message.
func (e *event) headers() (list []upstream.Header) {
	for _, tag := range e.Tags {
		list = append(list, upstream.Header{Name: "X-Mailgun-Tag", Value: tag}) // as messages name them
	}
	for _, v := range e.Variables {
		list = append(list, format.Variable(v.Name, v.Value))
	}
	return list
}

// variables are those of the sender: an object, or one that is written as a string.
type variables jsonfile.Members

// UnmarshalJSON reads the value.
func (v *variables) UnmarshalJSON(value []byte) error {
	var text jsonfile.Text
	if jsonfile.Unmarshal(value, &text) == nil && text != "" {
		value = []byte(text)
	}
	var members jsonfile.Members
	if jsonfile.Unmarshal(value, &members) == nil {
		*v = variables(members)
	}
	return nil
}
