package dsn

import (
	"regexp"
	"strings"
)

// reportFields are the fields by which a delivery report inside a text is recognised.
var reportFields = map[string]bool{
	"reporting-mta": true, "final-recipient": true, "original-recipient": true, "action": true,
	"diagnostic-code": true, "arrival-date": true, "remote-mta": true, "last-attempt-date": true,
	"status": true, "x-postfix-queue-id": true, "original-envelope-id": true, "received-from-mta": true,
	"will-retry-until": true, "x-actual-recipient": true, "dsn-gateway": true, "x-postfix-sender": true,
}

// groups parses a delivery report into groups of fields: one for the message and one for
// each recipient. Some servers omit the empty lines between groups, so a repeated field
// also begins a group.
func groups(s string) []header {
	var all []header
	for s != "" {
		if line, rest := cutLine(s); strings.TrimSpace(line) == "" {
			s = rest
			continue
		}
		h, rest := readHeader(s)
		if len(h) == 0 { // not a field: skip the line
			_, rest = cutLine(s)
		}
		s = rest
		var group header
		for _, f := range h {
			if name := strings.ToLower(f.name); (name == "final-recipient" || name == "action") &&
				group.get(name) != "" {
				all = append(all, group)
				group = nil
			}
			group = append(group, f)
		}
		if len(group) > 0 {
			all = append(all, group)
		}
	}
	return all
}

const (
	// mostName limits the bytes of what the email id of each recipient has.
	mostName = 255
	// mostRecipients limits the recipients of a report, since anyone may send one.
	mostRecipients = 20_000
	// mostFinals limits the final recipients of an original one, each of which the importer looks for among the others.
	mostFinals = 100
)

var statusCode = regexp.MustCompile(`\b[245]\.\d{1,3}\.\d{1,3}\b`)

// apply adds the groups of a delivery report to the message.
func (m *Message) apply(all []header) {
	for _, g := range all {
		if v := g.get("Reporting-MTA"); v != "" && m.reportingMTA == "" {
			_, host, _ := strings.Cut(v, ";")
			m.reportingMTA = clip(strings.TrimSpace(host), mostName)
		}
		if v := g.get("Arrival-Date"); v != "" && m.arrival == 0 {
			m.arrival = parseDate(v)
		}
		if v := g.get("X-Postfix-Queue-ID"); v != "" {
			m.queueID = clip(v, mostName)
		}
		if v := g.get("X-Postfix-Sender"); v != "" {
			m.envelopeSender = typedAddress(v)
		}
		if len(m.Recipients) == mostRecipients {
			m.more = true
			return
		}
		if r, ok := readRecipient(g); ok {
			m.Recipients = append(m.Recipients, r)
			if t := parseDate(g.get("Last-Attempt-Date")); t != 0 && m.lastAttempt == 0 {
				m.lastAttempt = t
			}
		}
	}
}

// readRecipient returns the recipient that a group describes, if any.
func readRecipient(g header) (Recipient, bool) {
	r := Recipient{
		Status:     statusCode.FindString(g.get("Status")),
		Diagnostic: decodeWords(g.get("Diagnostic-Code")),
	}
	r.Action, _, _ = strings.Cut(strings.ToLower(strings.TrimSpace(g.get("Action"))), " ")
	final, original := typedAddress(g.get("Final-Recipient")), unescapeXtext(typedAddress(g.get("Original-Recipient")))
	for _, a := range []string{original, final, typedAddress(g.get("X-Actual-Recipient"))} {
		if _, _, ok := split(a); ok {
			r.Address = valid(a)
			break
		}
	}
	if _, _, ok := split(final); ok {
		r.final = valid(final)
	}
	if r.Address == "" { // a local user, or a fax number
		r.Address = valid(final)
	}
	return r, r.Address != "" || g.get("Action") != "" && (r.Status != "" || r.Diagnostic != "")
}
