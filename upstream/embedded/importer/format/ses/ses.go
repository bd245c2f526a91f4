// Package ses reads the events of Amazon SES: those of event publishing and the older
// notifications, bare as Firehose and S3 keep them, or as SNS, SQS, EventBridge or Lambda wrap
// them.
package ses

import (
	"bytes"
	"strings"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/importer/format"
	"deliverygraph/upstream/embedded/importer/format/jsonfile"
)

// Format is the events of Amazon SES.
var Format = format.Format{
	Name:      "ses",
	About:     "Amazon SES events: bare, or from SNS, SQS, EventBridge or Firehose",
	Recognise: recognise,
	New: func(o format.Options) format.Reader {
		return jsonfile.NewReader(func(line int, e *event, s format.Sink) error { return e.unwrap(line, 0, s) })
	},
}

func recognise(head []byte) bool {
	first := jsonfile.First(head)
	has := func(names ...string) bool {
		for _, name := range names {
			if _, ok := first[name]; !ok {
				return false
			}
		}
		return true
	}
	switch {
	case has("notificationType", "mail"), has("eventType", "mail"), first["source"] == "aws.ses":
		return true
	case has("TopicArn", "Type"):
		return true
	case has("Records"), has("Messages"), has("Body"), has("body"):
		return bytes.Contains(head, []byte("notificationType")) || bytes.Contains(head, []byte("eventType"))
	}
	return false
}

// event is an event, or an envelope around others.
type event struct {
	Event        jsonfile.Text `json:"eventType"`        // of event publishing
	Notification jsonfile.Text `json:"notificationType"` // of the older notifications
	Mail         mail          `json:"mail"`
	Bounce       bounce        `json:"bounce"`
	Delivery     struct {
		Time       jsonfile.Text  `json:"timestamp"`
		Recipients jsonfile.Texts `json:"recipients"`
	} `json:"delivery"`
	Reject struct {
		Reason jsonfile.Text `json:"reason"`
	} `json:"reject"`

	// SNS.
	Type    jsonfile.Text `json:"Type"`
	Message jsonfile.Text `json:"Message"`
	Time    jsonfile.Text `json:"Timestamp"`
	// SQS, as its API gives messages and as Lambda gets them.
	Body       jsonfile.Text `json:"Body"`
	LambdaBody jsonfile.Text `json:"body"`
	Messages   jsonfile.List `json:"Messages"`
	Records    jsonfile.List `json:"Records"`
	SNS        *event        `json:"Sns"`
	// EventBridge.
	Detail  *event        `json:"detail"`
	Account jsonfile.Text `json:"account"`
}

type mail struct {
	Time        jsonfile.Text  `json:"timestamp"`
	ID          jsonfile.Text  `json:"messageId"`
	Source      jsonfile.Text  `json:"source"`
	SourceARN   jsonfile.Text  `json:"sourceArn"`
	Account     jsonfile.Text  `json:"sendingAccountId"`
	Destination jsonfile.Texts `json:"destination"`
	Headers     []struct {
		Name  jsonfile.Text `json:"name"`
		Value jsonfile.Text `json:"value"`
	} `json:"headers"`
	Common struct {
		From jsonfile.Texts `json:"from"`
	} `json:"commonHeaders"`
	Tags jsonfile.Members `json:"tags"`
}

type bounce struct {
	Type       jsonfile.Text `json:"bounceType"`
	Subtype    jsonfile.Text `json:"bounceSubType"`
	Time       jsonfile.Text `json:"timestamp"`
	Recipients []struct {
		Address    jsonfile.Text `json:"emailAddress"`
		Status     jsonfile.Text `json:"status"`
		Diagnostic jsonfile.Text `json:"diagnosticCode"`
	} `json:"bouncedRecipients"`
}

// maxEnvelopes is how many envelopes there may be around an event: Lambda, SQS and SNS.
const maxEnvelopes = 4

// unwrap reads an event, or the events within an envelope.
func (e *event) unwrap(line, depth int, s format.Sink) error {
	if depth > maxEnvelopes {
		return s.Bad(line, "the event lies within too many envelopes")
	}
	within := func(line int, inner *event, s format.Sink) error {
		if inner.Account == "" {
			inner.Account = e.Account
		}
		if inner.Time == "" {
			inner.Time = e.Time
		}
		return inner.unwrap(line, depth+1, s)
	}
	for _, text := range []jsonfile.Text{e.Message, e.Body, e.LambdaBody} {
		if text == "" {
			continue
		}
		if e.Type != "" && e.Type != "Notification" {
			s.Skip("SNS confirmation")
			return nil
		}
		var inner event
		if strings.HasPrefix(string(text), "Successfully validated") {
			s.Skip("SNS confirmation")
			return nil
		} else if err := jsonfile.Unmarshal([]byte(text), &inner); err != nil {
			return s.Bad(line, "the text within the envelope is no event: "+jsonfile.Problem(err))
		}
		return within(line, &inner, s)
	}
	switch {
	case e.Detail != nil:
		return within(line, e.Detail, s)
	case e.SNS != nil:
		return within(line, e.SNS, s)
	case e.Records != nil:
		return jsonfile.TakeEach(line, e.Records, s, within)
	case e.Messages != nil:
		return jsonfile.TakeEach(line, e.Messages, s, within)
	}
	return e.read(line, s)
}

// passed are the events that say nothing about delivery.
var passed = map[string]string{
	"Complaint": "complaint", "Open": "open", "Click": "click", "Subscription": "subscription",
	"Received":          "received mail",
	"Rendering Failure": "rendering failure", "DeliveryDelay": "delivery delay",
}

// read reads an event.
func (e *event) read(line int, s format.Sink) error {
	kind := string(e.Event)
	if kind == "" {
		kind = string(e.Notification)
	}
	if reason, ok := passed[kind]; ok {
		s.Skip(reason)
		return nil
	}
	switch kind {
	case "Send":
		return e.each(line, s, format.Record{Outcome: format.Accepted}, e.Mail.Destination, e.Mail.Time)
	case "Delivery":
		return e.each(line, s, format.Record{Outcome: format.Delivered}, e.Delivery.Recipients, e.Delivery.Time)
	case "Bounce":
		return e.bounced(line, s)
	case "Reject": // SES found a virus, and did not send it
		r := format.Record{Outcome: format.Bounced, Type: upstream.Hard, Category: "virus-related",
			Diagnostic: string(e.Reject.Reason)}
		return e.each(line, s, r, e.Mail.Destination, e.Mail.Time)
	case "":
		return s.Bad(line, "the record is no event: it has neither eventType nor notificationType")
	}
	s.Skip("other event")
	return nil
}

// blocked are the subtypes of bounces by which SES says that it did not send the message.
var blocked = map[string]string{
	"Suppressed": "hardbounce", "OnAccountSuppressionList": "hardbounce", "OnTenantSuppressionList": "hardbounce",
	"UnsubscribedRecipient": "unsubscribe",
}

// categories are those of the subtypes that say what was wrong.
var categories = map[string]string{
	"NoEmail": "bad-mailbox", "MailboxFull": "quota-issues", "MessageTooLarge": "content-related",
	"ContentRejected":    "content-related",
	"AttachmentRejected": "content-related", "CustomTimeoutExceeded": "message-expired",
}

func (e *event) bounced(line int, s format.Sink) error {
	if len(e.Bounce.Recipients) == 0 {
		return s.Bad(line, "the bounce has no bouncedRecipients")
	}
	subtype := string(e.Bounce.Subtype)
	for _, b := range e.Bounce.Recipients {
		r := format.Record{Outcome: format.Blocked, Reason: blocked[subtype]}
		if r.Reason == "" {
			r = format.Record{Outcome: format.Bounced, Category: categories[subtype], Type: upstream.Soft,
				Code: string(b.Status), Diagnostic: string(b.Diagnostic)}
			// SES calls bounces transient although the server said that they are not.
			if e.Bounce.Type == "Permanent" || r.Category == "" && permanent(r.Code, r.Diagnostic) {
				r.Type = upstream.Hard
			}
		}
		if err := e.each(line, s, r, []string{string(b.Address)}, e.Bounce.Time); err != nil {
			return err
		}
	}
	return nil
}

// permanent reports whether a status code is of class 5, or a reply if there is no such code.
func permanent(code, diagnostic string) bool {
	if code != "" {
		return strings.HasPrefix(code, "5.")
	}
	_, reply, ok := strings.Cut(diagnostic, ";")
	return ok && strings.HasPrefix(strings.TrimSpace(reply), "5")
}

// each hands over a record for each of the recipients, with what the event says about the message.
func (e *event) each(line int, s format.Sink, r format.Record, recipients []string, at jsonfile.Text) error {
	var ok bool
	if r.Time, ok = format.ParseTime(string(at), nil); !ok {
		if r.Time, ok = format.ParseTime(string(e.Time), nil); !ok {
			return s.Bad(line, "the event has no timestamp such as 2016-01-27T14:59:44.101Z")
		}
	}
	if r.Processed, ok = format.ParseTime(string(e.Mail.Time), nil); !ok {
		r.Processed = r.Time
	}
	switch {
	case e.Mail.ID == "":
		return s.Bad(line, "the event has no mail.messageId")
	case len(recipients) == 0:
		return s.Bad(line, "the event names no recipients")
	}
	r.Account, r.Sender, r.Headers = e.account(), format.Address(string(e.Mail.Source)), e.headers()
	if r.Sender == "" && len(e.Mail.Common.From) > 0 {
		r.Sender = format.Address(e.Mail.Common.From[0])
	}
	for i, recipient := range recipients {
		r.Recipient = format.Address(recipient)
		r.EmailID = format.NthID(string(e.Mail.ID), e.place(r.Recipient, i))
		if err := s.Record(line, r); err != nil {
			return err
		}
	}
	return nil
}

// place returns the place of a recipient among all of the message, from 1: each event names all.
// For one that it does not name, it is a place behind them.
func (e *event) place(recipient string, i int) int {
	for n, d := range e.Mail.Destination {
		if strings.EqualFold(format.Address(d), recipient) {
			return n + 1
		}
	}
	if len(e.Mail.Destination) <= 1 {
		return 1 + i
	}
	return len(e.Mail.Destination) + 1 + i
}

func (e *event) account() string {
	if e.Mail.Account != "" {
		return string(e.Mail.Account)
	}
	if arn := strings.Split(string(e.Mail.SourceARN), ":"); len(arn) > 4 && arn[4] != "" {
		return arn[4]
	}
	return string(e.Account)
}

// headers returns the message's custom headers if the event has them, else its tags.
func (e *event) headers() (list []upstream.Header) {
	for _, h := range e.Mail.Headers {
		if format.CustomHeader(string(h.Name)) {
			list = append(list, upstream.Header{Name: string(h.Name), Value: string(h.Value)})
		}
	}
	if len(e.Mail.Headers) > 0 {
		return list
	}
	for _, tag := range e.Mail.Tags {
		name, value := tag.Name, tag.Value
		if name == "ses:configuration-set" {
			name = "X-SES-CONFIGURATION-SET" // the header that chooses it
		} else if strings.HasPrefix(name, "ses:") {
			continue // SES's own, about the connection
		}
		var values jsonfile.Texts
		if jsonfile.Unmarshal([]byte(value), &values) != nil {
			values = jsonfile.Texts{value}
		}
		for _, v := range values {
			list = append(list, format.Variable(name, v))
		}
	}
	return list
}
