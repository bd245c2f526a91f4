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

func TestMailgunCases(t *testing.T) {
	for name, want := range map[string][]format.Record{
		"10.mailgun.json": nil,
		"11.mailgun.json": {{
			Outcome: format.Blocked, Sender: "bob@example.org", EmailID: "20130503192659.13651.20287@example.org",
			Recipient: "alice@example.com",
			Processed: 1521233195, Time: 1521233195, Reason: "hardbounce",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := formattest.Recognised(t, services.Mailgun, formattest.Shared(t, "cases/"+name))
			if diff := cmp.Diff(searched(want), s.Records); diff != "" || len(s.Bads) > 0 {
				t.Errorf("bad: %q; records (-want +got):\n%s", s.Bads, diff)
			}
		})
	}
}

const mailgunFailed = `{"event":"failed","severity":"permanent","reason":"bounce","timestamp":1521233195.999999,
"log-level":"error","recipient":"b@example.com",
"delivery-status":{"code":550,"enhanced-code":"5.1.1","message":"No such user","description":"x"},
"envelope":{"sender":"bounce+x@example.org"},"account":{"id":"sub-1"},
"message":{"headers":{"message-id":"<1.2@example.org>","from":"Bob <bob@example.org>",
"to":"\"A, Jr.\" <a@example.com>, b@example.com"}},
"tags":["spring","news"],"user-variables":{"n":19421798915720714,"o":{"p":1}}}`

func TestMailgunRecordsHaveAllDataOfTheEvent(t *testing.T) {
	want := []format.Record{{
		Outcome: format.Bounced, Account: "sub-1", Sender: "bounce+x@example.org", EmailID: "1.2@example.org-2",
		Recipient: "b@example.com", Processed: 1521233195, Time: 1521233195,
		Type: upstream.Hard, Code: "5.1.1", Diagnostic: "No such user",
		Headers: []upstream.Header{{Name: "X-Mailgun-Tag", Value: "spring"}, {Name: "X-Mailgun-Tag", Value: "news"},
			{Name: "X-n", Value: "19421798915720714"}, {Name: "X-o", Value: `{"p":1}`}},
	}}
	for name, text := range map[string]string{
		"bare": mailgunFailed, "webhook": `{"signature":{},"event-data":` + mailgunFailed + `}`,
		"page": `{"items":[` + mailgunFailed + `],"paging":{}}`,
		"variables in a string": strings.Replace(mailgunFailed, `{"n":19421798915720714,"o":{"p":1}}`,
			`"{\"n\":19421798915720714,\"o\":{\"p\":1}}"`, 1),
	} {
		s := formattest.Recognised(t, services.Mailgun, text)
		if diff := cmp.Diff(want, s.Records); diff != "" || len(s.Bads) > 0 {
			t.Errorf("%s: bad: %q; records (-want +got):\n%s", name, s.Bads, diff)
		}
	}
}

func TestMailgunFailuresAreDistinguished(t *testing.T) {
	for _, c := range []struct{ old, new, want string }{
		{`"bounce","timestamp`, `"generic","timestamp`, "bounced hard   5.1.1"},
		{`"bounce","timestamp`, `"old","timestamp`, "bounced soft message-expired  5.1.1"},
		{`"bounce","timestamp`, `"espblock","timestamp`, "bounced    5.1.1"},
		{`"bounce","timestamp`, `"suppress-unsubscribe","timestamp`, "blocked   unsubscribe "},
		{`"code":550`, `"code":607`, "blocked   complaint "},
		{`"code":550`, `"code":"605"`, "blocked   hardbounce "},
		{`"enhanced-code":"5.1.1"`, `"bounce-code":"5.2.1"`, "bounced hard   5.2.1"},
		{`{"code":550,"enhanced-code":"5.1.1","message":"No such user","description":"x"}`, `null`, "bounced hard   "},
		{`"No such user"`, `"","x":null`, "bounced hard   5.1.1"},
	} {
		s := formattest.Recognised(t, services.Mailgun, strings.Replace(mailgunFailed, c.old, c.new, 1))
		if len(s.Records) != 1 {
			t.Fatalf("%s: %q", c.new, s.Bads)
		}
		r := s.Records[0]
		outcome := map[format.Outcome]string{format.Bounced: "bounced", format.Blocked: "blocked"}[r.Outcome]
		if got := strings.Join([]string{outcome, string(r.Type), r.Category, r.Reason, r.Code}, " "); got != c.want {
			t.Errorf("%s: got %q, want %q", c.new, got, c.want)
		}
	}
}

func TestMailgunDeliveriesTakeTheTimeFromTheirAcceptance(t *testing.T) {
	accepted := strings.Replace(strings.Replace(mailgunFailed, `"failed"`, `"accepted"`, 1), "1521233195.999999",
		"1521233100.5", 1)
	delivered := strings.Replace(mailgunFailed, `"failed"`, `"delivered"`, 1)
	s := formattest.Recognised(t, services.Mailgun, accepted+"\n"+delivered)
	if len(s.Records) != 2 || s.Records[1].Processed != 1521233100 || s.Records[1].Time != 1521233195 ||
		s.Records[1].Outcome != format.Delivered {
		t.Errorf("got %+v", s.Records)
	}
}

func TestMailgunOtherAndBadEventsAreSkipped(t *testing.T) {
	s := formattest.Read(t, services.Mailgun, format.Options{}, `{"event":"opened"}{"event":"complained"}{"event":"new"}
{"event":"failed","severity":"temporary"}
{"a":1}
{"event":"delivered","message":{"headers":{"message-id":"a@b"}}}
{"event":"delivered","timestamp":1521233195.9}
{"event":"delivered","timestamp":1521233195.9,"message":{"headers":{"message-id":"a@b"}}}
{"event-data":7}{"items":[]}{"items":[{"event":"opened"},7,{"event":"opened"}]}`)
	if want := map[string]int{"open": 3, "complaint": 1, "other event": 1, "deferral": 1}; !cmp.Equal(s.Skipped,
		want) || len(s.Bads) != 6 || len(s.Records) > 0 {
		t.Errorf("skipped %v, want %v; bad %q; records %v", s.Skipped, want, s.Bads, s.Records)
	}
}
