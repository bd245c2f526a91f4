package services

import (
	"bytes"
	"cmp"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/importer/format"
)

// SparkPost is the events of SparkPost's webhooks and of its Events API, in JSON and CSV.
var SparkPost = service{
	name: "sparkpost", about: "SparkPost events: of webhooks, and of the Events API as pages or in CSV",
	recognise: func(first beginning, head []byte) bool {
		return first.has("msys") || first.has("raw_rcpt_to") ||
			first["results"] == "[" && bytes.Contains(head, []byte(`"rcpt_to"`)) || isSparkPostTable(firstRow(head))
	},
	object: objects((*sparkPostFile).read), columns: isSparkPostTable, row: readSparkPostRow,
	named: "type", time: "timestamp must be a time, such as 1454442600",
	needs: "the event must have rcpt_to and message_id",
	events: map[string]meaning{
		"injection": taken, "delivery": delivered, "delay": skip("deferral"),
		"open": skip("open"), "initial_open": skip("open"), "amp_open": skip("open"), "amp_initial_open": skip("open"),
		"click": skip("click"), "amp_click": skip("click"), "spam_complaint": skip("complaint"),
		"list_unsubscribe": skip("unsubscribe"), "link_unsubscribe": skip("unsubscribe"),
		"generation_failure": skip("message that was not taken"), "relay_injection": skip("received mail"),
		"relay_delivery": skip("received mail"), "relay_rejection": skip("received mail"),
		"relay_tempfail": skip("received mail"), "relay_permfail": skip("received mail"),
	},
}.format()

// sparkPostSuppressed is the meaning of bounces by which SparkPost says that it did not send the message. It does not
// say what put the recipient on the list.
var sparkPostSuppressed = blocked("suppressed")

// sparkPostClasses are the classes of bounces.
var sparkPostClasses = map[string]meaning{
	"10":  bounced(upstream.Hard, "bad-mailbox"),
	"20":  bounced(upstream.Soft, ""),
	"21":  bounced(upstream.Soft, "bad-domain"),
	"22":  bounced(upstream.Soft, "quota-issues"),
	"23":  bounced(upstream.Soft, "content-related"),
	"24":  bounced(upstream.Soft, "message-expired"),
	"25":  sparkPostSuppressed, // refused by the account's own rules
	"26":  sparkPostSuppressed,
	"30":  bounced(upstream.Hard, ""),
	"40":  bounced(upstream.Soft, ""),
	"50":  bounced(upstream.Soft, "policy-related"),
	"51":  bounced(upstream.Soft, "spam-related"),
	"52":  bounced(upstream.Soft, "spam-related"),
	"53":  bounced(upstream.Soft, "content-related"),
	"54":  bounced(upstream.Soft, "relaying-issues"),
	"60":  skip("automatic answer"),
	"70":  bounced(upstream.Soft, ""),
	"80":  skip("automatic answer"), // to a subscription
	"90":  bounced(upstream.Hard, ""),
	"100": skip("automatic answer"), // a challenge
}

// sparkPostFile is what SparkPost sends at once: an event, alone or in a batch's envelope, or a page.
type sparkPostFile struct {
	sparkPostEvent
	// Envelope has one member, which is named by the class of event, such as message_event. A batch without events has
	// none.
	Envelope map[string]*sparkPostEvent `json:"msys"`
	Results  []jsontext.Value           `json:"results"`
}

func (f *sparkPostFile) read(r *reader) error {
	if f.Results != nil {
		return r.each(f.Results, objects((*sparkPostEvent).read))
	}
	for _, e := range f.Envelope {
		if e != nil {
			return e.read(r)
		}
	}
	if f.Envelope != nil {
		r.Skip("test of a webhook")
		return nil
	}
	return f.sparkPostEvent.read(r)
}

type sparkPostEvent struct {
	Type         string   `json:"type"`
	Class        string   `json:"bounce_class"`
	Time         string   `json:"timestamp"`
	Injected     string   `json:"injection_time"`
	Message      string   `json:"message_id"`
	Transmission string   `json:"transmission_id"`
	Recipient    string   `json:"rcpt_to"`
	RawRecipient string   `json:"raw_rcpt_to"` // keeps upper case
	Reason       string   `json:"reason"`
	RawReason    string   `json:"raw_reason"`
	From         string   `json:"friendly_from"`
	EnvelopeFrom string   `json:"msg_from"`
	Subaccount   string   `json:"subaccount_id"`
	Campaign     string   `json:"campaign_id"`
	Tags         []string `json:"rcpt_tags"`
	Meta         members  `json:"rcpt_meta"`
}

func (s *sparkPostEvent) read(r *reader) error {
	e := event{
		at: []string{s.Time}, accepted: []string{s.Injected}, account: s.Subaccount,
		sender:     cmp.Or(format.Address(s.From), s.EnvelopeFrom),
		recipients: []string{cmp.Or(format.Address(s.RawRecipient), s.Recipient)},
		id:         cmp.Or(s.Message, s.Transmission), diagnostic: cmp.Or(s.RawReason, s.Reason),
	}
	if e.account == "0" {
		e.account = "" // the account itself
	}
	e.header("X-Campaign-ID", s.Campaign)
	e.header("X-Tag", s.Tags...)
	e.variables(s.Meta)
	switch s.Type {
	case "bounce", "out_of_band", "policy_rejection", "generation_rejection":
		e.code = format.Code(e.diagnostic)
		m, known := sparkPostClasses[s.Class]
		if !known {
			m = bounced("", "")
		}
		if strings.Contains(strings.ToLower(e.diagnostic), "suppress") && s.Type != "out_of_band" {
			m = sparkPostSuppressed
		}
		return r.as(m, e)
	}
	return r.take(s.Type, e)
}

// isSparkPostTable reports whether a row names the columns of a table of events that can be read. They are the
// properties of the Events API, as the tool sparkyEvents writes them (https://github.com/tuck1s/sparkyEvents).
func isSparkPostTable(row []string) bool {
	return hasAll(row, "timestamp", "type") && (hasAll(row, "rcpt_to") || hasAll(row, "raw_rcpt_to")) &&
		(hasAll(row, "message_id") || hasAll(row, "transmission_id"))
}

// readSparkPostRow reads a row of a table. Tags and metadata are not read, since sparkyEvents writes them in the syntax
// of Python.
func readSparkPostRow(r *reader, row row) error {
	return (&sparkPostEvent{
		Type: row.get("type"), Class: row.get("bounce_class"), Time: row.get("timestamp"),
		Injected: row.get("injection_time"), Message: row.get("message_id"), Transmission: row.get("transmission_id"),
		Recipient: row.get("rcpt_to"), RawRecipient: row.get("raw_rcpt_to"), Reason: row.get("reason"),
		RawReason: row.get("raw_reason"), From: row.get("friendly_from"), EnvelopeFrom: row.get("msg_from"),
		Subaccount: row.get("subaccount_id"), Campaign: row.get("campaign_id"),
	}).read(r)
}
