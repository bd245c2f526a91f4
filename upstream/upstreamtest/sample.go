package upstreamtest

import (
	"fmt"
	"strings"
	"time"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// UTC midnights in [Sample].
const (
	// SampleDay is the start of the day of most senders' events. Others are near it.
	SampleDay upstream.Time = 1479772800 // 2016-11-22
	// SampleCrowd is the start of a day on which one sender has more than two pages of
	// events of each kind, and no other sender has any.
	SampleCrowd upstream.Time = SampleDay + 4*86400 // 2016-11-26
)

// Users of [Sample] and their senders. The last ids need more than 32 bits.
const (
	crowdedUser   upstream.ID = 21 // its sender 17 has more than two pages of each kind
	crowded       upstream.ID = 17
	edgesUser     upstream.ID = 20 // events at the edges of hours and days
	edges         upstream.ID = 23
	edgesOther    upstream.ID = 24
	oddUser       upstream.ID = 22 // addresses, headers and ids that must be escaped
	odd           upstream.ID = 19
	largeUser     upstream.ID = 5_000_000_020
	large         upstream.ID = 5_000_000_023
	crowdedRows               = 1003 // two pages of 500, and three rows
	oddEmailID                = "20161122000000.a+b/c%d?e#f&g h@mail6-40"
	oddSender                 = "odd+sender@example.net"
	crowdedPerSec             = 3 // rows that share a second
)

// Sample returns the data of the suites. It is small enough for loops, but has more than two pages of events in one
// place and values that servers may handle wrongly. Each sender belongs to one user and has its own address.
func Sample() Rows {
	s := sample{}
	s.Senders = []store.Sender{
		{UserID: crowdedUser, SenderID: crowded, Address: "sender17@example.com"},
		{UserID: crowdedUser, SenderID: 18, Address: "sender18@example.com"},
		{UserID: edgesUser, SenderID: edges, Address: "sender23@example.com"},
		{UserID: edgesUser, SenderID: edgesOther, Address: "sender24@example.com"},
		{UserID: oddUser, SenderID: odd, Address: oddSender},
		{UserID: largeUser, SenderID: large, Address: "sender@example.org"},
		{UserID: largeUser, SenderID: large + 1, Address: "silent@example.org"},
	}
	s.addCrowd()
	s.addEdges()
	s.addOddities()
	s.add(largeUser, large, SampleDay+20_000, "large@example.com", nil)
	return s.Rows
}

// sample makes the data of Sample.
type sample struct{ Rows }

// addCrowd adds several pages of events of one sender within minutes. Each second has three rows: one email with one
// recipient and another with two. They are added in the reverse order of their ids.
func (s *sample) addCrowd() {
	for i := range crowdedRows {
		at := SampleCrowd + 7200 + upstream.Time(i/crowdedPerSec)
		id := emailID(at, fmt.Sprintf("%03d", 999-i%crowdedPerSec/2))
		headers := []upstream.Header{
			{Name: "X-Campaign", Value: []string{"spring", "autumn"}[i%2]},
			{Name: "X-District", Value: []string{"New Hampshire", "North Carolina", "Vermont"}[i/2%3]},
		}
		recipient := fmt.Sprintf("recipient%d@example%d.com", 1000-i, i%4)
		s.addID(crowdedUser, crowded, at, id, recipient, headers)
	}
}

// addEdges adds events at the first and last seconds of hours and days. They are of two
// senders of one user, so that counts by user and by sender differ.
func (s *sample) addEdges() {
	for n, at := range []upstream.Time{
		SampleDay - 86400, SampleDay - 3601, SampleDay - 3600, SampleDay - 1,
		SampleDay, SampleDay + 1, SampleDay + 1800, SampleDay + 3599, SampleDay + 3600,
		SampleDay + 86399, SampleDay + 86400, SampleDay + 86400 + 3599, SampleDay + 2*86400,
	} {
		s.add(edgesUser, edges, at, fmt.Sprintf("edge%d@example.com", n), nil)
		if n%3 != 1 {
			headers := []upstream.Header{{Name: "X-Campaign", Value: "spring"}}
			s.add(edgesUser, edgesOther, at, fmt.Sprintf("edge%d@example.net", n), headers)
		}
	}
}

// addOddities adds values that must be escaped in query strings, paths or JSON.
func (s *sample) addOddities() {
	at := SampleDay + 3600*5
	for i, local := range []string{
		"plus+tag", "per%cent", "o'brien", "a&b=c", "semi;colon", "hash#tag", "slash/es", `back\slash`, `"quoted name"`,
		"ümläut", "日本語", "question?mark", "UPPER", "<script>", "%2B", "emoji🙂",
	} {
		s.add(oddUser, odd, at+upstream.Time(i), local+"@example.net", []upstream.Header{
			{Name: "X-Odd", Value: local},
			{Name: "X-Sum", Value: "50% off + more & \"more\"=better"},
			{Name: "X-Zulu", Value: "first"},
			{Name: "X-Alpha", Value: "after it: order is as sent"},
		})
	}
	s.addID(oddUser, odd, at+60, oddEmailID, "path@example.net",
		[]upstream.Header{{Name: "X-Case", Value: "Exact Value"}})
}

// add adds an event of each kind, with an email id as in the document.
func (s *sample) add(user, sender upstream.ID, at upstream.Time, recipient string, headers []upstream.Header) {
	s.addID(user, sender, at, emailID(at, fmt.Sprintf("%d.%d", sender, len(s.Emails))), recipient, headers)
}

func (s *sample) addID(user, sender upstream.ID, at upstream.Time, id, recipient string, headers []upstream.Header) {
	n := len(s.Emails)
	cut := strings.LastIndexByte(recipient, '@')
	rule := rules[n%len(rules)]
	s.Append(RowsOf(store.Event{
		Identity: upstream.Identity{Time: at, EmailID: id, Recipient: recipient, UserID: user, SenderID: sender},
		Local:    recipient[:cut], Domain: recipient[cut+1:], XHeaders: headers,
		Own: store.Own{
			Delivered: n%3 == 0,
			Type:      rule.kind, Category: rule.category, Code: rule.code, RuleName: rule.name,
			ProcessTime: at - upstream.Time(n%5), PostbackTime: upstream.Time(n%2) * (at + 30),
			DiagnosticCode: fmt.Sprintf("smtp;550 %s <%s>: rejected", rule.code, recipient),
			FullContent: fmt.Sprintf("Return-Path: <>\nTo: %s\n\tfolded \"line\" \\ <&> \u2028 ünï 🙂\r\n\n"+
				"Final-Recipient: rfc822; %s\n", recipient, recipient),
			Reason: reasons[n%len(reasons)],
		},
	}))
}

// reasons are the blocked reasons of the document.
var reasons = []string{"complaint", "hardbounce", "manual", "softbounce", "unsubscribe"}

// rules are the bounce rules of the sample. As in the document, the type follows from the rule, not from the code's
// first digit. One category is missing from the document's list, which is an open set.
var rules = []struct {
	kind                 upstream.BounceType
	category, code, name string
}{
	{upstream.Hard, "bad-mailbox", "5.1.1", "badmailbox01"},
	{upstream.Soft, "policy-related", "5.2.2", "policyrelated03"},
	{upstream.Soft, "quota-issues", "4.2.2", "quota02"},
	{upstream.Hard, "blockedcontent", "5.7.1", "content11"},
}

// emailID returns an email id as in the document: the process time in UTC, a number and the mail server.
func emailID(at upstream.Time, number string) string {
	return time.Unix(int64(at), 0).UTC().Format("20060102150405") + "." + number + "@mail6-40-ussnn1"
}
