package dsn

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/importer/format"
)

// times returns when the message bounced and when it was accepted for delivery, 0 if
// nothing says so. A bounce message without a date bounced when the message that it returns
// was received last. As clocks differ, the second time is never later than the first.
func (m *Message) times() (bounced, processed upstream.Time) {
	first := func(times ...upstream.Time) upstream.Time {
		for _, t := range times {
			if t != 0 && (bounced == 0 || t <= bounced) {
				return t
			}
		}
		return bounced
	}
	bounced = first(parseDate(m.header.get("Date")), m.header.latest(), m.lastAttempt, m.arrival, m.original.latest())
	processed = first(parseDate(m.original.get("Date")), m.original.earliest(), m.arrival)
	return bounced, processed
}

// sender is the address that the message came from. If a mail log names the message, it is the
// address in the envelope, which is all that the log knows.
func (m *Message) sender() string {
	first := ""
	if m.logged() {
		first = m.envelopeSender
	}
	for _, a := range []string{
		first,
		addressOf(decodeWords(m.original.get("From"))), m.envelopeSender,
		addressOf(m.original.get("Return-Path")), addressOf(m.header.get("To")),
	} {
		if _, _, ok := split(a); ok {
			return valid(a)
		}
	}
	return ""
}

// complete adds the domain to a recipient that is a mere name of a user: that of the
// same user in the message's own header, or of the server that sent the bounce message.
func (m *Message) complete(recipient string) string {
	if recipient == "" || strings.Contains(recipient, "@") {
		return recipient
	}
	for _, a := range m.addressees() {
		if local, _, _ := split(a); strings.EqualFold(local, recipient) {
			return a
		}
	}
	if _, domain, ok := split(addressOf(m.header.get("From"))); ok {
		return recipient + "@" + domain
	}
	return recipient
}

// addressees are who the message was addressed to, in its header.
func (m *Message) addressees() (all []string) {
	for _, f := range m.original {
		if strings.EqualFold(f.name, "To") || strings.EqualFold(f.name, "Cc") {
			all = append(all, findAddresses(decodeWords(f.value))...)
		}
	}
	return all
}

// logged reports whether the message has an id by which a mail log of Postfix names it.
func (m *Message) logged() bool { return m.queueID != "" && m.arrival != 0 }

// emailIDs are the ids of the message for each of its recipients. By the queue id that
// Postfix gave it, it has the id that a mail log gives it. Otherwise it is the Message-ID.
func (m *Message) emailIDs(bounced upstream.Time) []string {
	ids := make([]string, len(m.Recipients))
	if m.logged() {
		for i, r := range m.Recipients {
			ids[i] = format.QueueID(m.arrival, m.queueID, cmp.Or(r.final, m.complete(r.Address)), m.reportingMTA)
		}
		return ids
	}
	id := messageID(m.original.get("Message-ID"))
	own := id == "" // it is the bounce message's
	if own {
		id = messageID(m.header.get("Message-ID"))
	}
	if id == "" {
		id = "bounce-" + bounced.UTC().Format("20060102150405")
	}
	for _, r := range m.Recipients {
		if names(id, r.Address) {
			id = digest(id)
		}
	}
	// A recipient has its place among the addressees. One that is not among them, as of a
	// mailing list, may share the id with others, so the bounce message tells them apart.
	addressees := m.addressees()
	for i, r := range m.Recipients {
		place := 0
		for n, a := range addressees {
			if strings.EqualFold(a, r.Address) {
				place = n + 1
				break
			}
		}
		switch {
		case place > 0:
			ids[i] = format.NthID(id, place)
		case own:
			ids[i] = format.NthID(id, i+1)
		default:
			ids[i] = format.NthID(id+"-"+digest(m.header.get("Message-ID")+m.header.get("Date")), i+1)
		}
	}
	return ids
}

// messageID makes an email id of a Message-ID field. It is empty if there is none.
func messageID(field string) string {
	id, _, _ := strings.Cut(strings.TrimSpace(field), " ")
	return clip(valid(format.MessageID(id)), 200)
}

// names reports whether an id names a recipient.
func names(id, recipient string) bool {
	local, domain, ok := split(strings.ToLower(recipient))
	id = strings.ToLower(id)
	return ok && strings.Contains(id, local) && (strings.Contains(id, domain) || len(local) > 5)
}

// digest is a short name that tells nothing of what it is made of, unless one knows it.
func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:6])
}
