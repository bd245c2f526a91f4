// Package sendgrid reads the events of SendGrid's Event Webhook, the table that its Email Activity
// Feed exports, and lists of bounces and blocks, in JSON and CSV.
package sendgrid

import (
	"strconv"
	"strings"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/importer/format"
	"deliverygraph/upstream/embedded/importer/format/csvfile"
	"deliverygraph/upstream/embedded/importer/format/jsonfile"
)

// Format is the events of SendGrid.
var Format = format.Format{
	Name:  "sendgrid",
	About: "SendGrid events, its Email Activity Feed as CSV, and its lists of bounces and blocks in JSON or CSV",
	Recognise: func(head []byte) bool {
		first := jsonfile.First(head)
		_, event := first["sg_event_id"]
		_, message := first["sg_message_id"]
		return event || message || isExport(first["email"], first["created"], first["reason"]) ||
			isTable(csvfile.First(head))
	},
	New:    func(format.Options) format.Reader { return newReader() },
	Header: func(line []byte) bool { return isTable(csvfile.First(line)) },
}

// event is an event: fields of SendGrid, and at the same level those that the sender gave the
// message.
type event struct {
	jsonfile.Members
	from string // of a table: events do not name the sender
}

// own are the fields that are SendGrid's.
var own = map[string]bool{}

func init() {
	for name := range strings.FieldsSeq(`email timestamp event sg_event_id sg_message_id smtp-id reason status type
		response attempt category useragent ip url url_offset asm_group_id tls cert_err pool send_at sg_machine_open
		sg_template_id sg_template_name sg_content_type sg_user_id bounce_classification newsletter
		marketing_campaign_id marketing_campaign_name marketing_campaign_version marketing_campaign_split_id
		singlesend_id singlesend_name template_id template_version template_hash phase_id automation_id
		automation_name unique_args created`) {
		own[name] = true
	}
}

func (e *event) get(name string) string {
	for _, m := range e.Members {
		if m.Name == name {
			return m.Value
		}
	}
	return ""
}

// isExport reports whether a record is of a list of bounces or blocks.
func isExport(email, created, reason string) bool {
	return email != "" && created != "" && reason != ""
}

// passed are the events that say nothing about the end of a delivery.
var passed = map[string]string{
	"deferred": "deferral", "open": "open", "click": "click", "spamreport": "complaint", "unsubscribe": "unsubscribe",
	"group_unsubscribe": "unsubscribe", "group_resubscribe": "resubscribe",
}

// reasons are the API's reasons for what SendGrid calls drops.
var reasons = map[string]string{
	"bounced address": "hardbounce", "bounce": "hardbounce", "unsubscribed address": "unsubscribe",
	"unsubscribe":            "unsubscribe",
	"spam reporting address": "complaint", "spam report": "complaint",
}

func (e *event) read(line int, processed *format.Processed, s format.Sink) error {
	kind := e.get("event")
	if reason, ok := passed[kind]; ok {
		s.Skip(reason)
		return nil
	}
	at := e.get("timestamp")
	if kind == "" && isExport(e.get("email"), e.get("created"), e.get("reason")) {
		kind, at = "export", e.get("created")
	}
	reason := e.get("reason")
	bounced := format.Record{Outcome: format.Bounced, Code: format.Code(e.get("status")), Diagnostic: reason}
	if bounced.Code == "" {
		bounced.Code = format.Code(reason)
	}
	switch what := kind + " " + e.get("type"); {
	case kind == "":
		return s.Bad(line, "the record is no event: it has no event")
	case kind == "processed":
		return e.record(line, at, processed, format.Record{Outcome: format.Accepted}, s)
	case kind == "delivered":
		return e.record(line, at, processed, format.Record{Outcome: format.Delivered}, s)
	case kind == "blocked", what == "bounce blocked": // the server refused this message, not the recipient
		bounced.Type, bounced.Category = upstream.Soft, "policy-related"
	case kind == "expired", what == "bounce expired":
		bounced.Type, bounced.Category = upstream.Soft, "message-expired"
	case kind == "bounce":
		bounced.Type = upstream.Hard
	case kind == "export": // of bounces or of blocks: the list does not say which
	case kind == "dropped":
		r := format.Record{Outcome: format.Blocked, Reason: reasons[strings.ToLower(strings.TrimSpace(reason))]}
		if r.Reason == "" {
			r.Reason = format.Slug(reason)
		}
		if r.Reason == "" {
			r.Reason = "dropped"
		}
		return e.record(line, at, processed, r, s)
	default:
		s.Skip("other event")
		return nil
	}
	return e.record(line, at, processed, bounced, s)
}

// record hands over a record with what the event says about the message.
func (e *event) record(line int, at string, processed *format.Processed, r format.Record, s format.Sink) error {
	var ok bool
	if r.Time, ok = format.ParseTime(at, nil); !ok {
		return s.Bad(line, "timestamp must be a time in Unix seconds")
	}
	if r.Recipient = format.Address(e.get("email")); r.Recipient == "" {
		return s.Bad(line, "the event has no email")
	}
	if r.EmailID = e.id(); r.EmailID == "" {
		r.EmailID = format.QueueID(r.Time, "sendgrid", "", "") // bounces that come late may have no id
	}
	if r.Outcome == format.Accepted {
		processed.Note(r.EmailID, r.Time)
	}
	r.Processed = processed.Of(r.EmailID, r.Time)
	r.Headers = e.headers()
	r.Sender = format.Address(e.from)
	for _, name := range [...]string{"from", "from_email", "sender"} { // which the sender may give a message
		if address := format.Address(e.get(name)); r.Sender == "" && strings.Contains(address, "@") {
			r.Sender = address
		}
	}
	return s.Record(line, r)
}

// id returns the message's id. An sg_message_id such as
// "14c5d75ce93.dfd.64b469.filter0001.16648.5515E0B88.0" has the id up to the name of the server,
// and at the end the place of the recipient among those of one request, from 0.
func (e *event) id() string {
	long := e.get("sg_message_id")
	end := len(long)
	for _, server := range [...]string{".filter", ".recvd"} {
		if i := strings.Index(long, server); i > 0 {
			end = min(end, i)
		}
	}
	if end > 0 && !strings.HasPrefix(long, "filter") {
		return format.NthID(long[:end], place(long[end:]))
	}
	if id, _, _ := strings.Cut(strings.Trim(e.get("smtp-id"), "<> "), "@"); id != "" {
		return format.NthID(id, place(long))
	}
	return e.get("sg_event_id")
}

// place returns the place, from 1, at the end of an sg_message_id.
func place(server string) int {
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

// headers returns the event's categories and the fields that the sender gave the message.
func (e *event) headers() (list []upstream.Header) {
	var categories jsonfile.Texts
	if text := e.get("category"); jsonfile.Unmarshal([]byte(text), &categories) != nil && text != "" {
		categories = jsonfile.Texts{text}
	}
	for _, c := range categories {
		list = append(list, upstream.Header{Name: "X-Category", Value: c})
	}
	for _, m := range e.Members {
		if !own[m.Name] {
			list = append(list, format.Variable(m.Name, m.Value))
		}
	}
	var arguments jsonfile.Members
	if jsonfile.Unmarshal([]byte(e.get("unique_args")), &arguments) == nil {
		for _, m := range arguments {
			list = append(list, format.Variable(m.Name, m.Value))
		}
	}
	return list
}
