package services_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/importer/format"
	"deliverygraph/upstream/embedded/importer/format/formattest"
	"deliverygraph/upstream/embedded/importer/format/services"
)

// week is how far the events of a message may be apart, in seconds.
const week = 7 * 24 * 60 * 60

func TestPostmarkCases(t *testing.T) {
	bounced := func(id string, at upstream.Time) format.Record {
		return format.Record{Outcome: format.Bounced, Sender: "sender@example.com",
			EmailID: "2706ee8a-737c-4285-b032-" + id, Recipient: "bounce@example.com",
			Processed: at, Time: at, Type: upstream.Hard, Code: "5.1.1", Diagnostic: "smtp;550 5.1.1 no such user",
			Earliest: at - week, Latest: at + week, AnyAccount: true}
	}
	for name, want := range map[string][]format.Record{
		"13.postmark.json": nil,
		"14.postmark.ndjson": {bounced("000000000001", 1461788930), bounced("000000000002", 1310568339),
			bounced("004294967297", 1306145760)},
	} {
		t.Run(name, func(t *testing.T) {
			s := formattest.Recognised(t, services.Postmark, formattest.Shared(t, "cases/"+name))
			if diff := cmp.Diff(want, s.Records); diff != "" || len(s.Bads) > 0 {
				t.Errorf("bad: %q; records (-want +got):\n%s", s.Bads, diff)
			}
			if name == "13.postmark.json" && s.Skipped["unsubscribe"] != 1 {
				t.Errorf("skipped %v", s.Skipped)
			}
		})
	}
}

const postmarkBounce = `{"ID":1,"Type":"HardBounce","ServerID":23,"MessageID":"m1","Details":"smtp;550 5.1.1 unknown",
"Description":"It bounced.","Email":"Jane <jane@example.com>","From":"News <news@example.org>",
"BouncedAt":"2016-04-27T16:28:50.3963933-04:00","Content":"Return-Path: <>","Tag":"spring","MessageStream":"outbound",
"Metadata":{"user":7}}`

func TestPostmarkRecordsHaveAllDataOfTheEvent(t *testing.T) {
	want := []format.Record{{
		Outcome: format.Bounced, Account: "23", Sender: "news@example.org", EmailID: "m1",
		Recipient: "jane@example.com", Processed: 1461788930, Time: 1461788930,
		Earliest: 1461788930 - week, Latest: 1461788930 + week, AnyAccount: true,
		Type: upstream.Hard, Code: "5.1.1", Diagnostic: "smtp;550 5.1.1 unknown", Content: "Return-Path: <>",
		Headers: []upstream.Header{{Name: "X-PM-Tag", Value: "spring"},
			{Name: "X-PM-Message-Stream", Value: "outbound"}, {Name: "X-PM-Metadata-user", Value: "7"}},
	}}
	for name, text := range map[string]string{
		"bare": postmarkBounce, "page": `{"TotalCount":1,"Bounces":[` + postmarkBounce + `]}`,
	} {
		s := formattest.Recognised(t, services.Postmark, text)
		if diff := cmp.Diff(want, s.Records); diff != "" || len(s.Bads) > 0 {
			t.Errorf("%s: bad: %q; records (-want +got):\n%s", name, s.Bads, diff)
		}
	}
}

func TestPostmarkTypesDecide(t *testing.T) {
	for kind, want := range map[string]string{
		"HardBounce": "bounced hard", "BadEmailAddress": "bounced hard bad-mailbox", "SoftBounce": "bounced soft",
		"DnsError": "bounced soft", "Transient": "bounced soft",
		"Blocked": "bounced soft", "SpamNotification": "bounced soft spam-related",
		"DMARCPolicy": "bounced soft policy-related", "VirusNotification": "bounced soft virus-related",
		"Unknown": "bounced", "ManuallyDeactivated": "blocked manual",
		"Unsubscribe": "unsubscribe", "AutoResponder": "automatic answer", "AddressChange": "change of address",
		"SpamComplaint": "complaint", "Newest": "other event",
	} {
		text := strings.Replace(postmarkBounce, `"HardBounce"`, `"`+kind+`","RecordType":"Bounce"`, 1)
		if got := meaning(t, services.Postmark, text); got != want {
			t.Errorf("%s: got %q, want %q", kind, got, want)
		}
	}
}

func TestPostmarkMessagesOfTheAPIAreAccepted(t *testing.T) {
	s := formattest.Recognised(t, services.Postmark, `{"TotalCount":1,"Messages":[{"Tag":"spring","MessageID":"m1",
"To":[{"Email":"a@example.com","Name":null}],"Recipients":["a@example.com","b@example.com"],
"ReceivedAt":"2014-02-14T11:12:54.8054242-05:00","From":"\"News\" <news@example.org>","Subject":"x","Status":"Sent"},
{"MessageID":7,"ReceivedAt":[]}]}`)
	if got := strings.Join(s.Outcomes(), ", "); got != "a@example.com accepted, b@example.com accepted" ||
		s.Records[0].Processed != 1392394374 || len(s.Bads) != 1 {
		t.Errorf("got %+v, bad %q", s.Records, s.Bads)
	}
}

func TestPostmarkBadEventsAreReportedAndSkipped(t *testing.T) {
	s := formattest.Read(t, services.Postmark, format.Options{}, `{"a":1}`+"\n"+
		strings.Replace(postmarkBounce, "m1", "", 1)+
		strings.Replace(postmarkBounce, "2016-", "", 1)+
		strings.Replace(postmarkBounce, "Jane <jane@example.com>", "", 1)+
		`{"Bounces":7}{"RecordType":"Bounce","Type":[]}`)
	if len(s.Bads) != 5 || len(s.Records) > 0 || s.Skipped["other event"] != 1 {
		t.Errorf("bad %q; records %v; skipped %v", s.Bads, s.Records, s.Skipped)
	}
}
