package services

import (
	"bytes"
	"cmp"
	"net/mail"
	"time"

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
	object: readMailgunFile, columns: isMailgunList, row: readMailgunBounce,
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
func readMailgunFile(r *reader, o object) error {
	switch {
	case o.get("message-headers") != "":
		return readLegacyMailgun(r, o)
	case o.has("event-data"):
		return readMailgun(r, o.object("event-data"))
	case o.has("items"):
		// Pages begin with the latest event by default, and blocked emails have the time of an earlier one.
		var blocked []mailgunEvent
		err := r.each(o.array("items"), func(r *reader, item object) error {
			if item.get("event") == "" && item.get("address") != "" {
				return readMailgunBounce(r, item)
			}
			e := newMailgunEvent(item)
			if r.fault == "" && e.name == "failed" && e.failed().outcome == format.Blocked {
				blocked = append(blocked, e)
				return nil
			}
			return e.send(r)
		})
		for _, e := range blocked {
			if r.fault = ""; err == nil {
				err = e.send(r)
			}
		}
		return err
	}
	return readMailgun(r, o)
}

func readMailgun(r *reader, o object) error { return newMailgunEvent(o).send(r) }

func newMailgunEvent(o object) mailgunEvent {
	headers, status, reject := o.object("message").object("headers"), o.object("delivery-status"), o.object("reject")
	e := event{
		at: []string{o.get("timestamp")}, account: o.object("account").get("id"),
		sender:     cmp.Or(o.object("envelope").get("sender"), headers.get("from")),
		id:         format.MessageID(headers.get("message-id")),
		diagnostic: cmp.Or(reject.get("reason"), reject.get("description")),
	}
	e.header("X-Mailgun-Tag", o.texts("tags")...) // as messages name them
	e.variables(o.variables("user-variables"))
	return mailgunEvent{
		event: e, name: o.get("event"), recipient: o.get("recipient"), to: headers.get("to"),
		temporary: o.get("severity") == "temporary", reason: o.get("reason"), reply: status.get("code"),
		enhanced: cmp.Or(format.Code(status.get("enhanced-code")), format.Code(status.get("bounce-code"))),
		message:  status.get("message"), description: status.get("description"),
	}
}

// mailgunEvent is an event of a webhook, whether a legacy one or not.
type mailgunEvent struct {
	event
	name          string
	recipient, to string // to has all recipients of the message
	// Of a delivery that failed.
	temporary            bool
	reason               string
	reply, enhanced      string
	message, description string
}

// send passes on the event.
func (m mailgunEvent) send(r *reader) error {
	to := addresses(m.to)
	m.recipients, m.place = to, func(recipient string, _ int) int { return placeAmong(to, recipient) }
	if m.recipient != "" {
		m.recipients = []string{m.recipient}
	}
	if m.name == "failed" {
		failure := m.failed() // first, since it changes the event
		return r.as(failure, m.event)
	}
	return r.take(m.name, m.event)
}

// failed returns what it means that a delivery failed: permanently, temporarily, or before it was tried. It sets the
// code and the diagnostic of a failure that the server reported.
func (m *mailgunEvent) failed() meaning {
	if m.temporary {
		return skip("deferral")
	}
	if why := cmp.Or(mailgunReasons[m.reason], mailgunReasons[m.reply]); why != "" {
		return blocked(why)
	}
	m.code = cmp.Or(m.enhanced, format.Code(m.message))
	m.diagnostic = cmp.Or(m.message, m.description)
	switch m.reason {
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

// isMailgunList reports whether a row names the columns of a bounce list in CSV: see
// https://documentation.mailgun.com/docs/mailgun/api-reference/send/mailgun/bounces/post-v3--domainid--bounces-import.
func isMailgunList(row []string) bool {
	return hasAll(row, "address", "code", "error", "created_at")
}

// readMailgunBounce reads an entry of a domain's bounce list, which has permanent failures only. It names neither the
// message nor its sender.
func readMailgunBounce(r *reader, o object) error {
	created := o.get("created_at")
	if at, err := mail.ParseDate(created); err == nil { // such as Fri, 21 Oct 2011 11:02:55 GMT
		created = at.Format(time.RFC3339)
	}
	return r.as(bounced(upstream.Hard, ""), event{
		at: []string{created}, recipients: []string{o.get("address")}, madeID: "mailgun",
		code: format.Code(o.get("error")), diagnostic: withCode(o.get("code"), o.get("error")),
	})
}
