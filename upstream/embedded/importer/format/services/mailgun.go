package services

import (
	"bytes"
	"cmp"
	"net/mail"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/importer/format"
)

// Mailgun is the events of Mailgun: of its webhooks, those that ended in 2023 among them, and pages of its Events API;
// and bounce lists, as pages and in CSV.
var Mailgun = service{
	name:  "mailgun",
	about: "Mailgun events: of webhooks, and pages of the Events API; and lists of bounces, as pages and in CSV",
	recognise: func(first beginning, head []byte) bool {
		return first.has("event-data") || first["event"] != "" &&
			(first.has("log-level") || first.has("delivery-status") || first.has("message-headers")) ||
			first["items"] == "[" && (bytes.Contains(head, []byte(`"event"`)) ||
				bytes.Contains(head, []byte(`"address"`)) && bytes.Contains(head, []byte(`"created_at"`))) ||
			isMailgunList(firstRow(head))
	},
	object: readMailgunFile, columns: isMailgunList,
	row: func(r *reader, row row) error {
		return (&mailgunBounce{row.get("address"), row.get("code"), row.get("error"), row.get("created_at")}).read(r)
	},
	named: "event", time: "the event has no time such as 1521233195 or Fri, 21 Oct 2011 11:02:55 GMT",
	needs: "the event must have message.headers.message-id and a recipient",
	events: map[string]meaning{
		"accepted": taken, "delivered": delivered,
		"rejected":   bounced(upstream.Hard, "other"), // Mailgun did not take it for delivery
		"complained": skip("complaint"), "opened": skip("open"), "clicked": skip("click"),
		"unsubscribed": skip("unsubscribe"), "stored": skip("stored mail"),
		"list_uploaded": skip("mailing list"), "list_member_uploaded": skip("mailing list"),
		"list_member_upload_error": skip("mailing list"),
	},
}.format()

// mailgunReasons are the reasons why Mailgun does not send a message, by its words and its codes.
var mailgunReasons = map[string]string{
	"suppress-bounce": "hardbounce", "suppress-unsubscribe": "unsubscribe", "suppress-complaint": "complaint",
	"605": "hardbounce", "606": "unsubscribe", "607": "complaint",
}

// readMailgunFile reads what Mailgun sends at once: an event, alone or within a webhook, or a page of events or of
// bounces.
func readMailgunFile(r *reader, object []byte) error {
	var f struct {
		mailgunEvent
		Data    *mailgunEvent    `json:"event-data"`
		Items   []jsontext.Value `json:"items"`
		Headers string           `json:"message-headers"` // of legacy webhooks
	}
	if err := unmarshal(object, &f); err != nil {
		return r.bad(problem(err))
	}
	switch {
	case f.Headers != "":
		var fields members
		if err := unmarshal(object, &fields); err != nil {
			return r.bad(problem(err))
		}
		f.mailgunEvent = legacyEvent(fields)
	case f.Data != nil:
		return f.Data.read(r)
	case f.Items != nil:
		return r.each(f.Items, objects((*mailgunItem).read))
	}
	return f.mailgunEvent.read(r)
}

// mailgunItem is an element of a page.
type mailgunItem struct {
	mailgunEvent
	mailgunBounce
}

func (i *mailgunItem) read(r *reader) error {
	if i.Event == "" && i.Address != "" {
		return i.mailgunBounce.read(r)
	}
	return i.mailgunEvent.read(r)
}

type mailgunEvent struct {
	Event     string `json:"event"`
	Severity  string `json:"severity"`
	Reason    string `json:"reason"`
	Time      string `json:"timestamp"` // seconds with a fraction
	Recipient string `json:"recipient"`
	Status    struct {
		Code        string `json:"code"`
		Enhanced    string `json:"enhanced-code"`
		Bounce      string `json:"bounce-code"`
		Message     string `json:"message"`
		Description string `json:"description"`
	} `json:"delivery-status"`
	Reject struct {
		Reason      string `json:"reason"`
		Description string `json:"description"`
	} `json:"reject"`
	Envelope struct {
		Sender string `json:"sender"`
	} `json:"envelope"`
	Message struct {
		Headers struct {
			ID   string `json:"message-id"`
			From string `json:"from"`
			To   string `json:"to"`
		} `json:"headers"`
	} `json:"message"`
	Account struct {
		ID string `json:"id"`
	} `json:"account"`
	Tags      []string `json:"tags"`
	Variables members  `json:"user-variables"`
}

func (m *mailgunEvent) read(r *reader) error {
	to := addresses(m.Message.Headers.To)
	e := event{
		at: []string{m.Time}, account: m.Account.ID, sender: cmp.Or(m.Envelope.Sender, m.Message.Headers.From),
		recipients: to, id: format.MessageID(m.Message.Headers.ID),
		place:      func(recipient string, _ int) int { return placeAmong(to, recipient) },
		diagnostic: cmp.Or(m.Reject.Reason, m.Reject.Description),
	}
	if m.Recipient != "" {
		e.recipients = []string{m.Recipient}
	}
	e.header("X-Mailgun-Tag", m.Tags...) // as messages name them
	e.variables(m.Variables)
	if m.Event == "failed" {
		return r.as(m.failed(&e), e)
	}
	return r.take(m.Event, e)
}

// failed returns what it means that a delivery failed: permanently, temporarily, or before it was tried.
func (m *mailgunEvent) failed(e *event) meaning {
	s := &m.Status
	if m.Severity == "temporary" {
		return skip("deferral")
	}
	if why := cmp.Or(mailgunReasons[m.Reason], mailgunReasons[s.Code]); why != "" {
		return blocked(why)
	}
	e.code = cmp.Or(format.Code(s.Enhanced), format.Code(s.Bounce), format.Code(s.Message))
	e.diagnostic = cmp.Or(s.Message, s.Description)
	switch m.Reason {
	case "old": // Mailgun has tried it for too long
		return bounced(upstream.Soft, "message-expired")
	case "espblock":
		return bounced("", "")
	}
	return bounced(upstream.Hard, "")
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

// mailgunBounce is an entry of a domain's bounce list, which has permanent failures only. It names neither the message
// nor its sender.
type mailgunBounce struct {
	Address string `json:"address"`
	Code    string `json:"code"`
	Error   string `json:"error"`
	Created string `json:"created_at"` // such as Fri, 21 Oct 2011 11:02:55 GMT
}

// isMailgunList reports whether a row names the columns of a bounce list in CSV: see
// https://documentation.mailgun.com/docs/mailgun/api-reference/send/mailgun/bounces/post-v3--domainid--bounces-import.
func isMailgunList(row []string) bool {
	return hasAll(row, "address", "code", "error", "created_at")
}

func (b *mailgunBounce) read(r *reader) error {
	created := []string{b.Created}
	if at, err := mail.ParseDate(b.Created); err == nil {
		created = []string{at.Format(time.RFC3339)}
	}
	return r.as(bounced(upstream.Hard, ""), event{
		at: created, recipients: []string{b.Address}, madeID: "mailgun",
		code: format.Code(b.Error), diagnostic: withCode(b.Code, b.Error),
	})
}
