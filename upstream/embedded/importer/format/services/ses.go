package services

import (
	"bytes"
	"cmp"
	"strings"

	"deliverygraph/upstream"
)

// SES is the events of Amazon SES: those of event publishing and the older notifications, bare as Firehose and S3 keep
// them, or as SNS, SQS, EventBridge or Lambda wrap them.
var SES = service{
	name: "ses", about: "Amazon SES events: bare, or from SNS, SQS, EventBridge or Firehose",
	recognise: recogniseSES,
	object:    readSES,
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

// envelope is what the envelopes around an event of SES say.
type envelope struct {
	depth         int
	account, time string
}

// maxEnvelopes is how many envelopes there may be around an event: Lambda, SQS and SNS.
const maxEnvelopes = 4

// readSES reads an event, or the events within an envelope.
func readSES(r *reader, o object) error { return envelope{}.read(r, o) }

func (outer envelope) read(r *reader, o object) error {
	if outer.depth > maxEnvelopes {
		return r.bad("the event lies within too many envelopes")
	}
	in := envelope{outer.depth + 1, cmp.Or(o.get("account"), outer.account), cmp.Or(o.get("Timestamp"), outer.time)}
	text := cmp.Or(o.get("Message"), o.get("Body"), o.get("body")) // of SNS, and of SQS by its API and by Lambda
	kind := o.get("Type")
	switch {
	case text != "" && (kind != "" && kind != "Notification" || strings.HasPrefix(text, "Successfully validated")):
		return r.as(skip("SNS confirmation"), event{})
	case text != "":
		members, ok := r.parse([]byte(text), '{')
		if !ok {
			return r.bad("the text within the envelope is not a JSON object")
		}
		return in.read(r, object{members: members, reader: r})
	case o.has("detail"): // EventBridge
		return in.read(r, o.object("detail"))
	case o.has("Sns"): // Lambda
		return in.read(r, o.object("Sns"))
	case o.has("Records") || o.has("Messages"):
		return r.each(append(o.array("Records"), o.array("Messages")...), in.read)
	}
	return in.event(r, o)
}

// event reads an event.
func (in envelope) event(r *reader, o object) error {
	mail := o.object("mail")
	sent, to, account := mail.get("timestamp"), mail.texts("destination"), mail.get("sendingAccountId")
	if arn := strings.Split(mail.get("sourceArn"), ":"); account == "" && len(arn) > 4 {
		account = arn[4]
	}
	e := event{
		at: []string{sent, in.time}, accepted: []string{sent}, account: cmp.Or(account, in.account),
		sender: mail.get("source"), recipients: to, id: mail.get("messageId"),
		place:      func(recipient string, i int) int { return sesPlace(to, recipient, i) },
		diagnostic: o.object("reject").get("reason"),
	}
	if from := mail.object("commonHeaders").texts("from"); e.sender == "" && len(from) > 0 {
		e.sender = from[0]
	}
	addSESHeaders(mail, &e)
	name := cmp.Or(o.get("eventType"), o.get("notificationType")) // of event publishing, or of the older notifications
	switch name {
	case "Delivery":
		delivery := o.object("delivery")
		e.at[0], e.recipients = delivery.get("timestamp"), delivery.texts("recipients")
	case "Bounce":
		return readSESBounce(r, o.object("bounce"), e)
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

func readSESBounce(r *reader, bounce object, e event) error {
	recipients := bounce.objects("bouncedRecipients")
	if len(recipients) == 0 || r.fault != "" {
		return r.bad("the bounce has no bouncedRecipients")
	}
	e.at[0] = bounce.get("timestamp")
	for _, b := range recipients {
		m, known := sesBounces[bounce.get("bounceSubType")]
		if !known {
			m = bounced(upstream.Soft, "")
		}
		e.recipients, e.code, e.diagnostic = []string{b.get("emailAddress")}, b.get("status"), b.get("diagnosticCode")
		// SES calls bounces transient although the server said that they are not.
		if bounce.get("bounceType") == "Permanent" || !known && permanent(e.code, e.diagnostic) {
			m.kind = upstream.Hard
		}
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

// sesPlace returns the place of a recipient among all of the message, since each event names them all. Other recipients
// have places behind these.
func sesPlace(all []string, recipient string, i int) int {
	if place := placeAmong(all, recipient); place > 0 {
		return place
	}
	if len(all) <= 1 {
		return 1 + i
	}
	return len(all) + 1 + i
}

// addSESHeaders adds the message's custom headers if the event has them, else its tags.
func addSESHeaders(mail object, e *event) {
	headers := mail.objects("headers")
	for _, h := range headers {
		e.custom(h.get("name"), h.get("value"))
	}
	if len(headers) > 0 {
		return
	}
	for _, tag := range mail.variables("tags") {
		name := string(tag.name)
		if name == "ses:configuration-set" {
			name = "X-SES-CONFIGURATION-SET" // the header that chooses it
		} else if strings.HasPrefix(name, "ses:") {
			continue // SES's own, about the connection
		}
		for _, value := range mail.reader.texts(tag) {
			e.variable(name, value)
		}
	}
}
