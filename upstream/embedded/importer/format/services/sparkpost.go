package services

import (
	"bytes"
	"cmp"
	"strings"

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
	object: readSparkPostFile, columns: isSparkPostTable, row: readSparkPost,
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

// readSparkPostFile reads what SparkPost sends at once: an event, alone or in a batch's envelope, or a page.
func readSparkPostFile(r *reader, o object) error {
	if o.has("results") {
		return r.each(o.array("results"), readSparkPost)
	}
	if !o.has("msys") {
		return readSparkPost(r, o)
	}
	// The envelope has one member, which is named by the class of event, such as message_event. A batch without events
	// has none.
	if envelope := o.object("msys"); len(envelope.members) > 0 {
		return readSparkPost(r, envelope.object(string(envelope.members[0].name)))
	}
	return r.as(skip("test of a webhook"), event{})
}

// readSparkPost reads an event. In a table, tags and metadata are not read, since sparkyEvents writes them in the
// syntax of Python.
func readSparkPost(r *reader, o object) error {
	e := event{
		at: []string{o.get("timestamp")}, accepted: []string{o.get("injection_time")}, account: o.get("subaccount_id"),
		sender: cmp.Or(format.Address(o.get("friendly_from")), o.get("msg_from")),
		// The raw recipient keeps upper case.
		recipients: []string{cmp.Or(format.Address(o.get("raw_rcpt_to")), o.get("rcpt_to"))},
		id:         cmp.Or(o.get("message_id"), o.get("transmission_id")),
		diagnostic: cmp.Or(o.get("raw_reason"), o.get("reason")),
	}
	if e.account == "0" {
		e.account = "" // the account itself
	}
	e.header("X-Campaign-ID", o.get("campaign_id"))
	if r.values == nil {
		e.header("X-Tag", o.texts("rcpt_tags")...)
		e.variables(o.variables("rcpt_meta"))
	}
	name := o.get("type")
	switch name {
	case "bounce", "out_of_band", "policy_rejection", "generation_rejection":
		e.code = format.Code(e.diagnostic)
		m, known := sparkPostClasses[o.get("bounce_class")]
		if !known {
			m = bounced("", "")
		}
		if strings.Contains(strings.ToLower(e.diagnostic), "suppress") && name != "out_of_band" {
			m = sparkPostSuppressed
		}
		return r.as(m, e)
	}
	return r.take(name, e)
}

// isSparkPostTable reports whether a row names the columns of a table of events that can be read. They are the
// properties of the Events API, as the tool sparkyEvents writes them (https://github.com/tuck1s/sparkyEvents).
func isSparkPostTable(row []string) bool {
	return hasAll(row, "timestamp", "type") && (hasAll(row, "rcpt_to") || hasAll(row, "raw_rcpt_to")) &&
		(hasAll(row, "message_id") || hasAll(row, "transmission_id"))
}
