package resolvers_test

import (
	"fmt"
	"slices"
	"strings"

	"deliverygraph/internal/auth"
	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/upstreamtest"
)

// leakUser returns a user of the data. Users, senders and texts have marks that appear nowhere else.
func leakUser(i int) upstream.ID { return upstream.ID(8_675_300 + i) }

func mark(u upstream.ID) string { return fmt.Sprintf("mark%d", u) }

const leakUsers = 5

// leakRows returns the data of all users, with much overlap: events in the same seconds, emails with several
// recipients, emails of two users with the same id and sender, and the same recipients. The local parts of
// recipients start with the argument.
func leakRows(recipient string) upstreamtest.Rows {
	var rows upstreamtest.Rows
	const both = 977_700 // a sender that two users share
	sender := func(u upstream.ID, i int) upstream.ID { return u*100 + upstream.ID(i) }
	for i := range leakUsers {
		u := leakUser(i)
		for s := range 3 {
			rows.Senders = append(rows.Senders,
				store.Sender{UserID: u, SenderID: sender(u, s), Address: fmt.Sprintf("%s-%d@example.com", mark(u), s)})
		}
	}
	rows.Senders = append(rows.Senders, store.Sender{UserID: leakUser(1), SenderID: both, Address: "both@example.com"},
		store.Sender{UserID: leakUser(2), SenderID: both, Address: "both@example.com"})
	for i := range 250 {
		u := leakUser(i % leakUsers)
		at := day + upstream.Time(i/7*700)
		id := fmt.Sprintf("%s.%04d@%s", at.UTC().Format("20060102150405"), i, mark(u))
		s := sender(u, i%3)
		if (i%leakUsers == 1 || i%leakUsers == 2) && i%4 == 0 {
			s, id = both, fmt.Sprintf("%s.%04d@shared", at.UTC().Format("20060102150405"), i/leakUsers)
		}
		for r := range 1 + i%11/10 { // one in eleven goes to two recipients
			local, domain := fmt.Sprintf("%s%d", recipient, i%40+r), fmt.Sprintf("mail%d.example", i%3)
			if i%9 == 0 {
				local += "." + mark(u)
			}
			if i%13 == 0 {
				domain = "mailhost"
			}
			if i%6 == 0 && r == 0 { // the id is a return path
				id = fmt.Sprintf("%s.%04d.bounces+%s=%s@%s", at.UTC().Format("20060102150405"), i, local, domain,
					mark(u))
			}
			address := local + "@" + domain
			e := store.Event{
				Identity: upstream.Identity{Time: at, EmailID: id, Recipient: address, UserID: u, SenderID: s},
				Local:    local, Domain: domain,
				XHeaders: []upstream.Header{
					{Name: "X-Campaign", Value: fmt.Sprint("spring", i%2)}, {Name: "X-Mark", Value: mark(u)},
					{Name: "X-To", Value: strings.Replace(address, "@", []string{"@", "%40", "="}[i%3], 1)},
				},
				Own: store.Own{
					Delivered: i%2 == 0, ProcessTime: at,
					Category: []string{"other", "quota-issues"}[i/3%2], Code: "5.1.1",
					DiagnosticCode: fmt.Sprintf("smtp;550 5.1.1 <%s>: %s unknown, says %s", address,
						strings.ToUpper(local), mark(u)),
					RuleName: mark(u) + "rule", FullContent: "To: " + address + "\n\n" + mark(u),
				},
			}
			if i%2 == 0 {
				e.Type = upstream.Hard
			}
			if i%3 == 0 {
				e.Reason = "manual"
			}
			rows.Append(upstreamtest.RowsOf(e))
		}
	}
	return rows
}

// ofUsers returns the rows of some users.
func ofUsers(all upstreamtest.Rows, users auth.Users) upstreamtest.Rows {
	return upstreamtest.OfUsers(all, users.Has)
}

// leakWords returns the values for arguments, from the rows of all users.
func leakWords(all upstreamtest.Rows) map[string][]string {
	w := map[string][]string{
		"window": {
			`{last: "P1D"}`, `{last: "PT12H"}`, fmt.Sprintf("{between: {start: %d, end: %d}}", day, day+86400),
			fmt.Sprintf("{between: {start: %d, end: %d}}", day, day+700),
		},
		"name": {`"X-Campaign"`, `"X-Mark"`, `"X-To"`}, "category": {`"other"`, `"quota-issues"`, `"invented"`},
		"timeZone": {`"Europe/Berlin"`, `"Asia/Kolkata"`, `"Nowhere/City"`},
		"reason":   {`"manual"`, `"invented"`}, "header": {`"X-Campaign"`, `"x-mark"`, `"X-To"`},
		"top": {"1", "3", "1000"},
	}
	add := func(name string, v any) {
		if text := fmt.Sprintf("%q", fmt.Sprint(v)); !slices.Contains(w[name], text) {
			w[name] = append(w[name], text)
		}
	}
	for _, s := range all.Senders {
		add("userId", s.UserID)
		add("senderId", s.SenderID)
		add("sender", s.Address)
	}
	for _, b := range all.Bounces[:60] {
		add("recipient", b.EmailAddress)
		add("address", b.EmailAddress)
		add("localPart", b.Local)
		add("domain", b.Domain)
		add("emailId", b.EmailID)
		add("bouncedAt", b.BounceTime.UTC().Format("2006-01-02T15:04:05Z"))
		for _, h := range b.XHeaders {
			add("value", h.Value)
		}
	}
	return w
}
