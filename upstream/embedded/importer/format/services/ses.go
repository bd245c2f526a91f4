package services

import (
	"bytes"
	"cmp"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"deliverygraph/upstream"
)

// SES is the events of Amazon SES: those of event publishing and the older notifications, bare as Firehose and S3 keep
// them, or as SNS, SQS, EventBridge or Lambda wrap them.
var SES = service{
	name: "ses", about: "Amazon SES events: bare, or from SNS, SQS, EventBridge or Firehose",
	recognise: recogniseSES,
	object:    objects(func(e *sesEvent, r *reader) error { return e.unwrap(r, 0) }),
	named:     "eventType or notificationType",
	time:      "the event has no timestamp such as 2016-01-27T14:59:44.101Z",
	needs:     "the event must have mail.messageId and recipients",
	events: map[string]meaning{
		"Send": taken, "Delivery": delivered,
		"Reject":    bounced(upstream.Hard, "virus-related"), // SES found a virus, and did not send it
		"Complaint": skip("complaint"), "Open": skip("open"), "Click": skip("click"),
		"Subscription": skip("subscription"), "Received": skip("received mail"),
		"Rendering Failure": skip("rendering failure"), "DeliveryDelay": skip("delivery delay"),
	},
}.format()

func recogniseSES(first beginning, head []byte) bool {
	switch {
	case first.has("notificationType", "mail"), first.has("eventType", "mail"), first.has("TopicArn", "Type"),
		first["source"] == "aws.ses":
		return true
	case first.has("Records"), first.has("Messages"), first.has("Body"), first.has("body"):
		return bytes.Contains(head, []byte("notificationType")) || bytes.Contains(head, []byte("eventType"))
	}
	return false
}

// sesEvent is an event, or an envelope around others.
type sesEvent struct {
	Event        string `json:"eventType"`        // of event publishing
	Notification string `json:"notificationType"` // of the older notifications
	Mail         struct {
		Time        string   `json:"timestamp"`
		ID          string   `json:"messageId"`
		Source      string   `json:"source"`
		SourceARN   string   `json:"sourceArn"`
		Account     string   `json:"sendingAccountId"`
		Destination []string `json:"destination"`
		Headers     []struct {
			Name  string `json:"name"`
			Value string `json:"value"`
		} `json:"headers"`
		Common struct {
			From []string `json:"from"`
		} `json:"commonHeaders"`
		Tags members `json:"tags"`
	} `json:"mail"`
	Bounce struct {
		Type       string `json:"bounceType"`
		Subtype    string `json:"bounceSubType"`
		Time       string `json:"timestamp"`
		Recipients []struct {
			Address    string `json:"emailAddress"`
			Status     string `json:"status"`
			Diagnostic string `json:"diagnosticCode"`
		} `json:"bouncedRecipients"`
	} `json:"bounce"`
	Delivery struct {
		Time       string   `json:"timestamp"`
		Recipients []string `json:"recipients"`
	} `json:"delivery"`
	Reject struct {
		Reason string `json:"reason"`
	} `json:"reject"`

	// SNS.
	Type    string `json:"Type"`
	Message string `json:"Message"`
	Time    string `json:"Timestamp"`
	// SQS, as its API gives messages and as Lambda gets them.
	Body       string           `json:"Body"`
	LambdaBody string           `json:"body"`
	Messages   []jsontext.Value `json:"Messages"`
	Records    []jsontext.Value `json:"Records"`
	SNS        *sesEvent        `json:"Sns"`
	// EventBridge.
	Detail  *sesEvent `json:"detail"`
	Account string    `json:"account"`
}

// maxEnvelopes is how many envelopes there may be around an event: Lambda, SQS and SNS.
const maxEnvelopes = 4

// unwrap reads an event, or the events within an envelope.
func (s *sesEvent) unwrap(r *reader, depth int) error {
	if depth > maxEnvelopes {
		return r.bad("the event lies within too many envelopes")
	}
	within := func(inner *sesEvent, r *reader) error {
		inner.Account, inner.Time = cmp.Or(inner.Account, s.Account), cmp.Or(inner.Time, s.Time)
		return inner.unwrap(r, depth+1)
	}
	text := cmp.Or(s.Message, s.Body, s.LambdaBody)
	switch {
	case text != "" && (s.Type != "" && s.Type != "Notification" || strings.HasPrefix(text, "Successfully validated")):
		r.Skip("SNS confirmation")
		return nil
	case text != "":
		var inner sesEvent
		if err := unmarshal([]byte(text), &inner); err != nil {
			return r.bad("the text within the envelope is no event: " + problem(err))
		}
		return within(&inner, r)
	case s.Detail != nil:
		return within(s.Detail, r)
	case s.SNS != nil:
		return within(s.SNS, r)
	case s.Records != nil || s.Messages != nil:
		return r.each(append(s.Records, s.Messages...), objects(within))
	}
	return s.read(r)
}

func (s *sesEvent) read(r *reader) error {
	e := event{
		at: []string{s.Mail.Time, s.Time}, accepted: []string{s.Mail.Time}, account: s.account(),
		sender: s.Mail.Source, recipients: s.Mail.Destination, id: s.Mail.ID, place: s.place,
		diagnostic: s.Reject.Reason,
	}
	if e.sender == "" && len(s.Mail.Common.From) > 0 {
		e.sender = s.Mail.Common.From[0]
	}
	s.addHeaders(&e)
	name := cmp.Or(s.Event, s.Notification)
	switch name {
	case "Delivery":
		e.at[0], e.recipients = s.Delivery.Time, s.Delivery.Recipients
	case "Bounce":
		return s.bounced(r, e)
	}
	return r.take(name, e)
}

// sesBounces are the subtypes of bounces that say what was wrong, or that SES did not send the message.
var sesBounces = map[string]meaning{
	"Suppressed": blocked("hardbounce"), "OnAccountSuppressionList": blocked("hardbounce"),
	"OnTenantSuppressionList": blocked("hardbounce"), "UnsubscribedRecipient": blocked("unsubscribe"),
	"NoEmail": bounced(upstream.Soft, "bad-mailbox"), "MailboxFull": bounced(upstream.Soft, "quota-issues"),
	"MessageTooLarge":       bounced(upstream.Soft, "content-related"),
	"ContentRejected":       bounced(upstream.Soft, "content-related"),
	"AttachmentRejected":    bounced(upstream.Soft, "content-related"),
	"CustomTimeoutExceeded": bounced(upstream.Soft, "message-expired"),
}

func (s *sesEvent) bounced(r *reader, e event) error {
	if len(s.Bounce.Recipients) == 0 {
		return r.bad("the bounce has no bouncedRecipients")
	}
	e.at[0] = s.Bounce.Time
	for _, b := range s.Bounce.Recipients {
		m, known := sesBounces[s.Bounce.Subtype]
		if !known {
			m = bounced(upstream.Soft, "")
		}
		// SES calls bounces transient although the server said that they are not.
		if s.Bounce.Type == "Permanent" || !known && permanent(b.Status, b.Diagnostic) {
			m.kind = upstream.Hard
		}
		e.recipients, e.code, e.diagnostic = []string{b.Address}, b.Status, b.Diagnostic
		if err := r.as(m, e); err != nil {
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

// place returns the place of a recipient among all of the message, since each event names them all. Other recipients
// have places behind these.
func (s *sesEvent) place(recipient string, i int) int {
	if place := placeAmong(s.Mail.Destination, recipient); place > 0 {
		return place
	}
	if len(s.Mail.Destination) <= 1 {
		return 1 + i
	}
	return len(s.Mail.Destination) + 1 + i
}

func (s *sesEvent) account() string {
	if arn := strings.Split(s.Mail.SourceARN, ":"); s.Mail.Account == "" && len(arn) > 4 && arn[4] != "" {
		return arn[4]
	}
	return cmp.Or(s.Mail.Account, s.Account)
}

// addHeaders adds the message's custom headers if the event has them, else its tags.
func (s *sesEvent) addHeaders(e *event) {
	for _, h := range s.Mail.Headers {
		e.custom(h.Name, h.Value)
	}
	if len(s.Mail.Headers) > 0 {
		return
	}
	for _, tag := range s.Mail.Tags {
		name := tag.name
		if name == "ses:configuration-set" {
			name = "X-SES-CONFIGURATION-SET" // the header that chooses it
		} else if strings.HasPrefix(name, "ses:") {
			continue // SES's own, about the connection
		}
		for _, value := range texts(tag.value) {
			e.variable(name, value)
		}
	}
}
