package dsn

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/importer/format"
)

// times returns when the message bounced, or 0, and when it was accepted for delivery. If
// the bounce message has no date, the last Received field of the returned message counts. As
// clocks differ, a time of acceptance after the bounce is ignored. If mail logs may name the
// message too, it was accepted when they say so, whatever date its sender gave it.
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
	if m.logged() {
		processed = first(m.arrival, processed)
	}
	return bounced, processed
}

// sender returns the sender of the message. If mail logs may name the message too, it is
// the envelope sender, because logs have no other.
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

// complete adds a domain to a recipient without one: that of the same user in the returned
// message's header, or else that of the server that sent the bounce message.
func (m *Message) complete(recipient string) string {
	if recipient == "" || strings.Contains(recipient, "@") {
		return recipient
	}
	if a := m.addressees().users[strings.ToLower(recipient)]; a != "" {
		return a
	}
	if domain := m.addressees().domain; domain != "" {
		return recipient + "@" + domain
	}
	return recipient
}

// addressees are the addresses in To and Cc of a returned message. The keys are in lower case.
type addressees struct {
	places map[string]int    // from 1, of addresses
	users  map[string]string // the first addresses with local parts
	domain string            // of other local parts: that of the server that sent the bounce message
}

// addressees returns those of the returned message.
func (m *Message) addressees() *addressees {
	if m.to != nil {
		return m.to
	}
	m.to = &addressees{places: map[string]int{}, users: map[string]string{}}
	_, m.to.domain, _ = split(addressOf(m.header.get("From")))
	place := 0
	for _, f := range m.original {
		if !strings.EqualFold(f.name, "To") && !strings.EqualFold(f.name, "Cc") {
			continue
		}
		for _, a := range findAddresses(decodeWords(f.value)) {
			place++
			key := strings.ToLower(a)
			if local, _, _ := split(key); m.to.users[local] == "" {
				m.to.users[local] = a
			}
			m.to.places[key] = cmp.Or(m.to.places[key], place)
		}
	}
	return m.to
}

// logged reports whether the message has the id that Postfix writes in its mail log.
func (m *Message) logged() bool { return m.queueID != "" && m.arrival != 0 }

// emailIDs returns the email id for each recipient. With a Postfix queue id it equals the
// email id that the mail log yields. Otherwise it is made of the Message-ID.
func (m *Message) emailIDs(bounced upstream.Time) []string {
	ids := make([]string, len(m.Recipients))
	if m.logged() {
		for i, r := range m.Recipients {
			ids[i] = format.QueueID(m.arrival, m.queueID, cmp.Or(r.final, m.complete(r.Address)), m.reportingMTA)
		}
		return ids
	}
	id := messageID(m.original.get("Message-ID"))
	own := id == "" // use the bounce message's id
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
	// A recipient's number is its place among the addressees. Recipients that are not among
	// them, such as members of a mailing list, are distinguished by their bounce message.
	other := digest(m.header.get("Message-ID") + m.header.get("Date"))
	for i, r := range m.Recipients {
		place := m.addressees().places[strings.ToLower(r.Address)]
		switch {
		case place > 0:
			ids[i] = format.NthID(id, place)
		case own:
			ids[i] = format.NthID(id, i+1)
		default:
			ids[i] = format.NthID(id+"-"+other, i+1)
		}
	}
	return ids
}

// messageID returns the email id for a Message-ID field, or "".
func messageID(field string) string {
	id, _, _ := strings.Cut(strings.TrimSpace(field), " ")
	return clip(valid(format.MessageID(id)), 200)
}

// names reports whether an id contains a recipient's address.
func names(id, recipient string) bool {
	local, domain, ok := split(strings.ToLower(recipient))
	id = strings.ToLower(id)
	return ok && strings.Contains(id, local) && (strings.Contains(id, domain) || len(local) > 5)
}

// digest returns a short hash of s.
func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:6])
}
