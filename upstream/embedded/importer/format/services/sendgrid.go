package services

import (
	"cmp"
	"strconv"
	"strings"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/importer/format"
)

// SendGrid is the events of SendGrid's Event Webhook, the table that its Email Activity Feed exports, and lists of
// bounces and blocks, in JSON and CSV.
var SendGrid = service{
	name:  "sendgrid",
	about: "SendGrid events, its Email Activity Feed as CSV, and its lists of bounces and blocks in JSON or CSV",
	recognise: func(first beginning, head []byte) bool {
		return first.has("sg_event_id") || first.has("sg_message_id") ||
			isSendGridList(first["email"], first["created"], first["reason"]) || isSendGridTable(firstRow(head))
	},
	object:  func(r *reader, o object) error { return readSendGrid(r, o, "") },
	columns: isSendGridTable, row: readSendGridRow,
	named: "event", time: "timestamp must be a time in Unix seconds", needs: "the event has no email",
	events: map[string]meaning{
		"processed": taken, "delivered": delivered, "bounce": bounced(upstream.Hard, ""),
		"blocked":  bounced(upstream.Soft, "policy-related"), // the server refused this message, not the recipient
		"expired":  bounced(upstream.Soft, "message-expired"),
		"deferred": skip("deferral"), "open": skip("open"), "click": skip("click"), "spamreport": skip("complaint"),
		"unsubscribe": skip("unsubscribe"), "group_unsubscribe": skip("unsubscribe"),
		"group_resubscribe": skip("resubscribe"),
	},
}.format()

// sendGridFields are the fields that are SendGrid's. Others at the same level are those that the sender gave the
// message.
var sendGridFields = setOf(`email timestamp event sg_event_id sg_message_id smtp-id reason status type
	response attempt category useragent ip url url_offset asm_group_id tls cert_err pool send_at sg_machine_open
	sg_template_id sg_template_name sg_content_type sg_user_id bounce_classification newsletter
	marketing_campaign_id marketing_campaign_name marketing_campaign_version marketing_campaign_split_id
	singlesend_id singlesend_name template_id template_version template_hash phase_id automation_id
	automation_name unique_args created`)

// isSendGridList reports whether a record is of a list of bounces or blocks.
func isSendGridList(email, created, reason string) bool {
	return email != "" && created != "" && reason != ""
}

// sendGridReasons are the API's reasons for what SendGrid calls drops.
var sendGridReasons = map[string]string{
	"bounced address": "hardbounce", "bounce": "hardbounce", "unsubscribed address": "unsubscribe",
	"unsubscribe": "unsubscribe", "spam reporting address": "complaint", "spam report": "complaint",
}

// readSendGrid reads an event. From is the sender if it is known: events do not name it.
func readSendGrid(r *reader, m object, from string) error {
	why := m.get("reason")
	e := event{
		at: []string{m.get("timestamp")}, sender: format.Address(from), recipients: []string{m.get("email")},
		id: sendGridID(m), madeID: "sendgrid", // bounces that come late may have no id
		code: cmp.Or(format.Code(m.get("status")), format.Code(why)), diagnostic: why,
		vague: from != "",
	}
	e.sender = cmp.Or(e.sender, m.sender())
	e.header("X-Category", m.texts("category")...)
	for _, field := range m.members {
		if !sendGridFields[string(field.name)] {
			e.variable(string(field.name), field.value())
		}
	}
	e.variables(m.variables("unique_args"))
	name, kind := m.get("event"), m.get("type")
	switch {
	case name == "" && isSendGridList(m.get("email"), m.get("created"), why):
		e.at = []string{m.get("created")}
		return r.as(bounced("", ""), e) // the list does not say whether it is of bounces or of blocks
	case name == "bounce" && (kind == "blocked" || kind == "expired"):
		name = kind
	case name == "dropped":
		return r.as(blocked(reason(sendGridReasons, why, "dropped")), e)
	}
	return r.take(name, e)
}

// sendGridID returns the message's id. An sg_message_id such as "14c5d75ce93.dfd.64b469.filter0001.16648.5515E0B88.0"
// has the id up to the name of the server, and at the end the place of the recipient among those of one request, from
// 0.
func sendGridID(m object) string {
	long := m.get("sg_message_id")
	end := len(long)
	for _, server := range [...]string{".filter", ".recvd"} {
		if i := strings.Index(long, server); i > 0 {
			end = min(end, i)
		}
	}
	if end > 0 && !strings.HasPrefix(long, "filter") {
		return format.NthID(long[:end], sendGridPlace(long[end:]))
	}
	if id, _, _ := strings.Cut(strings.Trim(m.get("smtp-id"), "<> "), "@"); id != "" {
		return format.NthID(id, sendGridPlace(long))
	}
	return m.get("sg_event_id")
}

// sendGridPlace returns the place, from 1, at the end of an sg_message_id.
func sendGridPlace(server string) int {
	parts := strings.Split(server, ".")
	if len(parts) < 3 {
		return 1
	}
	n, err := strconv.ParseUint(parts[len(parts)-1], 10, 16)
	if stamp := parts[len(parts)-2]; err != nil || len(stamp) < 8 {
		return 1
	}
	return int(n) + 1
}

// sendGridColumns are the columns of tables, of the Email Activity Feed and of lists of bounces and blocks, and the
// fields of events that they are.
var sendGridColumns = map[string]string{
	"message_id": "sg_message_id", "processed": "timestamp", "event": "event", "email": "email", "reason": "reason",
	"type": "type", "categories": "category", "unique_args": "unique_args", "created": "created", "status": "status",
}

// isSendGridTable reports whether a row names the columns of such a table.
func isSendGridTable(row []string) bool {
	return hasAll(row, "processed", "message_id", "event", "email") ||
		hasAll(row, "status", "reason", "email", "created")
}

// sendGridNames are the names that tables have for events and types of bounces, if events have others.
var sendGridNames = map[string]string{
	"bounced": "bounce", "drop": "dropped", "opened": "open", "clicked": "click", "spam_report": "spamreport",
	"soft": "blocked", "hard": "bounce",
}

func readSendGridRow(r *reader, row object) error {
	event := object{reader: r}
	for column, name := range sendGridColumns {
		value := row.get(column)
		if name == "event" || name == "type" {
			value = strings.ToLower(value)
			value = cmp.Or(sendGridNames[value], value)
		}
		if value != "" {
			event.members = append(event.members, member{name: []byte(name), text: value})
		}
	}
	return readSendGrid(r, event, row.get("from"))
}
