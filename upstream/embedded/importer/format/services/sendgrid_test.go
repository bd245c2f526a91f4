package services_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/importer/format"
	"deliverygraph/upstream/embedded/importer/format/formattest"
	"deliverygraph/upstream/embedded/importer/format/services"
)

func TestSendGridCases(t *testing.T) {
	blocked := func(id, recipient, reason string) format.Record {
		return format.Record{Outcome: format.Blocked, EmailID: id, Recipient: recipient, Processed: 1526923399,
			Time: 1526923399, Reason: reason}
	}
	for name, want := range map[string][]format.Record{
		"07.sendgrid.json": {{
			Outcome: format.Bounced, EmailID: "grsqQC4hRxKgKG-76PtYZw", Recipient: "robinson@example.com",
			Processed: 1526923399, Time: 1526923399,
			Type: upstream.Soft, Category: "policy-related", Code: "5.7.1",
			Diagnostic: "554 5.7.1 Service unavailable; Client host [192.0.2.66] blocked using bl.spamcop.net",
		}},
		"08.sendgrid.json": {
			blocked("m1", "a@example.com", "hardbounce"), blocked("m2", "b@example.com", "unsubscribe"), blocked("m3",
				"c@example.com", "complaint"), blocked("m4", "invalid@invalid", "invalid"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := formattest.Recognised(t, services.SendGrid, formattest.Shared(t, "cases/"+name))
			if diff := cmp.Diff(searched(want), s.Records); diff != "" || len(s.Bads) > 0 {
				t.Errorf("bad: %q; records (-want +got):\n%s", s.Bads, diff)
			}
		})
	}
}

func TestSendGridEventsOfOneMessageHaveOneIDAndTime(t *testing.T) {
	s := formattest.Recognised(t, services.SendGrid, `[{"email":"a@example.com","timestamp":1461095246,
"event":"processed","sg_message_id":"14c5d75ce93.dfd.64b469.filter0001.16648.5515E0B88.0"},
{"email":"b@example.com","timestamp":1461095247,
"event":"processed","sg_message_id":"14c5d75ce93.dfd.64b469.filter0001.16648.5515E0B88.1"}]
[{"email":"a@example.com","timestamp":1461095250,
"event":"delivered","sg_message_id":"14c5d75ce93.dfd.64b469.recvd-5f5c-1-5515E0B88.0"}]
{"email":"b@example.com","timestamp":"1461095250","event":"delivered",
"smtp-id":"<14c5d75ce93.dfd.64b469@ismtpd-555>","sg_message_id":"filter0001.16648.5515E0B88.1"}
{"email":"c@example.com","timestamp":1461095250,
"event":"delivered","sg_message_id":"other.filter0001.16648.5515E0B88.0"}`)
	var got []string
	for _, r := range s.Records {
		got = append(got, r.EmailID+" "+r.Processed.UTC().Format("15:04:05"))
	}
	want := []string{"14c5d75ce93.dfd.64b469 19:47:26", "14c5d75ce93.dfd.64b469-2 19:47:27",
		"14c5d75ce93.dfd.64b469 19:47:26", "14c5d75ce93.dfd.64b469-2 19:47:27", "other 19:47:30"}
	if diff := cmp.Diff(want, got); diff != "" || len(s.Bads) > 0 {
		t.Errorf("bad %q (-want +got):\n%s", s.Bads, diff)
	}
}

func TestSendGridBouncesAreDistinguished(t *testing.T) {
	for event, want := range map[string]string{
		`"event":"bounce","type":"bounce","status":"5.1.1"`:                          "hard  5.1.1",
		`"event":"bounce","type":"blocked","status":"4.7.1"`:                         "soft policy-related 4.7.1",
		`"event":"blocked","reason":"550 5.7.1 No"`:                                  "soft policy-related 5.7.1",
		`"event":"expired","status":"","reason":"x"`:                                 "soft message-expired ",
		`"event":"bounce","type":"expired"`:                                          "soft message-expired ",
		`"event":"bounce","status":"550"`:                                            "hard  ",
		`"created":1443651125,"reason":"550 5.1.1 User unknown","status":"5.1.1"`:    "  5.1.1",
		`"created":1443651125,"reason":"550 blocked 5.7.1 by policy","status":"550"`: "  5.7.1",
	} {
		s := formattest.Recognised(t, services.SendGrid,
			`{"email":"a@example.com","timestamp":1461095246,"sg_event_id":"e",`+event+`}`)
		if len(s.Records) != 1 {
			t.Errorf("%s: %q", event, s.Bads)
		} else if r := s.Records[0]; string(r.Type)+" "+r.Category+" "+r.Code != want || r.Outcome != format.Bounced {
			t.Errorf("%s: got %q %q %q, want %q", event, r.Type, r.Category, r.Code, want)
		}
	}
}

func TestSendGridReasonsOfDropsAreCompared(t *testing.T) {
	for reason, want := range map[string]string{
		"BOUNCED ADDRESS": "hardbounce", "bounce": "hardbounce", "Unsubscribed Address": "unsubscribe",
		"Spam Report": "complaint",
		"Spam Content (if Spam Checker app is enabled)": "spam-content-if-spam-checker-app-is-enabled", "": "dropped",
	} {
		s := formattest.Recognised(t, services.SendGrid,
			`{"email":"a@example.com","timestamp":1461095246,"sg_event_id":"e",`+
				`"event":"dropped","status":"5.0.0","reason":"`+reason+`"}`)
		if s.Records[0].Reason != want {
			t.Errorf("%q: got %q, want %q", reason, s.Records[0].Reason, want)
		}
	}
}

func TestSendGridFieldsOfTheSenderBecomeHeaders(t *testing.T) {
	s := formattest.Recognised(t, services.SendGrid, `{
		"email":"a@example.com","timestamp":1461095246,"event":"processed","sg_event_id":"e",
		"category":["spring","news"],"campaign":"x","Email":"other","n":19421798915720714,
		"from":"News <news@example.com>","unique_args":{"shop":"y"}
	}`)
	want := []upstream.Header{{Name: "X-Category", Value: "spring"}, {Name: "X-Category", Value: "news"},
		{Name: "X-campaign", Value: "x"}, {Name: "X-Email", Value: "other"},
		{Name: "X-n", Value: "19421798915720714"}, {Name: "X-from",
			Value: "News <news@example.com>"}, {Name: "X-shop", Value: "y"}}
	if r := s.Records[0]; !cmp.Equal(r.Headers, want) || r.Sender != "news@example.com" ||
		r.Recipient != "a@example.com" {
		t.Errorf("got %+v", r)
	}
	s = formattest.Recognised(t, services.SendGrid,
		`{"email":"a@example.com","timestamp":1461095246,"event":"processed","sg_event_id":"e","category":"cat facts"}`)
	if want := []upstream.Header{{Name: "X-Category", Value: "cat facts"}}; !cmp.Equal(s.Records[0].Headers, want) {
		t.Errorf("got %+v, want %+v", s.Records[0].Headers, want)
	}
}

func TestSendGridOtherAndBadEventsAreSkipped(t *testing.T) {
	s := formattest.Read(t, services.SendGrid, format.Options{}, `[{"event":"open"},{"event":"click"},
{"event":"deferred"},{"event":"spamreport"},{"event":"group_unsubscribe"},{"event":"new"},
{"email":"a@example.com"},{"event":"bounce","email":"a@example.com"},{"event":"bounce","timestamp":1461095246},
{"event":"bounce","timestamp":1461095246000,"email":"a@example.com"}]`)
	if want := map[string]int{"open": 1, "click": 1, "deferral": 1, "complaint": 1, "unsubscribe": 1,
		"other event": 1}; !cmp.Equal(s.Skipped, want) || len(s.Bads) != 4 || len(s.Records) > 0 {
		t.Errorf("skipped %v, want %v; bad %q; records %v", s.Skipped, want, s.Bads, s.Records)
	}
}

// The table of the Email Activity Feed has an event a row, in any order, and names the sender.
func TestSendGridTheEmailActivityFeedIsReadAsEvents(t *testing.T) {
	const header = "processed,message_id,event,api_key_id,recv_message_id,credential_id,subject,from,email," +
		"asm_group_id,template_id,originating_ip,reason,outbound_ip,outbound_ip_type,mx,url,attempt,user_agent," +
		"type,is_unique,username,categories,marketing_campaign_id,marketing_campaign_name," +
		"marketing_campaign_split_id,marketing_campaign_version,unique_args\n"
	row := func(at, id, event, to, reason, kind string) string {
		return "2026-11-10T10:00:0" + at + "Z," + id + ",\"" + event + "\",k,r,c,\"Hello, you\",news@example.com," +
			to + ",,,,\"" +
			reason + "\",,,,,,," + kind + ",,,\"[\"\"spring\"\"]\",,,,,\n"
	}
	s := formattest.Recognised(t, services.SendGrid, header+
		row("1", "m1.filter1.2.3", "processed", "a@example.net", "", "")+
		row("2", "m1.filter1.2.3", "delivered", "a@example.net", "", "")+
		row("3", "m2.filter1.2.3", "bounced", "b@example.net", "550 5.1.1 User unknown,\nsaid \"\"mx\"\"", "hard")+
		row("4", "m3.filter1.2.3", "bounce", "c@example.net", "554 5.7.1 listed", "blocked")+
		row("5", "m4.filter1.2.3", "drop", "d@example.net", "Bounced Address", "")+
		row("6", "m1.filter1.2.3", "open", "a@example.net", "", "")+
		row("7", "m5", "deferred", "e@example.net", "450", ""))
	headers := []upstream.Header{{Name: "X-Category", Value: "spring"}}
	at := func(second upstream.Time) upstream.Time { return 1794304800 + second }
	want := []format.Record{
		{Outcome: format.Accepted, EmailID: "m1", Recipient: "a@example.net", Processed: at(1), Time: at(1)},
		{Outcome: format.Delivered, EmailID: "m1", Recipient: "a@example.net", Processed: at(1), Time: at(2)},
		{Outcome: format.Bounced, EmailID: "m2", Recipient: "b@example.net", Processed: at(3), Time: at(3),
			Type: upstream.Hard,
			Code: "5.1.1", Diagnostic: "550 5.1.1 User unknown,\nsaid \"mx\""},
		{Outcome: format.Bounced, EmailID: "m3", Recipient: "c@example.net", Processed: at(4), Time: at(4),
			Type:     upstream.Soft,
			Category: "policy-related", Code: "5.7.1", Diagnostic: "554 5.7.1 listed"},
		{
			Outcome: format.Blocked, EmailID: "m4", Recipient: "d@example.net", Processed: at(5), Time: at(5),
			Reason: "hardbounce",
		},
	}
	for i := range want {
		want[i].Sender, want[i].Headers = "news@example.com", headers
		want[i].Earliest, want[i].Latest, want[i].AnyAccount = want[i].Time-week, want[i].Time+week, true
	}
	if diff := cmp.Diff(want, s.Records); diff != "" || len(s.Bads) > 0 {
		t.Errorf("bad: %q; records (-want +got):\n%s", s.Bads, diff)
	}
	if s.Skipped["open"] != 1 || s.Skipped["deferral"] != 1 {
		t.Errorf("skipped %v", s.Skipped)
	}
}

func TestSendGridListsOfBouncesMayBeTables(t *testing.T) {
	s := formattest.Recognised(t, services.SendGrid,
		"status,reason,email,created\n5.1.1,550 5.1.1 User unknown,a@example.net,1794304800\n,,b@example.net,x\n")
	if len(s.Records) != 1 || s.Records[0].Code != "5.1.1" || s.Records[0].Time != 1794304800 || len(s.Bads) != 1 {
		t.Errorf("got %+v, bad %q", s.Records, s.Bads)
	}
}
