package services_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/importer/format"
	"deliverygraph/upstream/embedded/importer/format/formattest"
	"deliverygraph/upstream/embedded/importer/format/services"
)

const sparkpostBounce = `{"type":"bounce","bounce_class":"10","campaign_id":"spring","friendly_from":"news@example.org",
"msg_from":"b@example.org","message_id":"0004e3724f57753a3561","raw_rcpt_to":"User@example.com",
"rcpt_to":"user@example.com","raw_reason":"550 5.1.1 <User@example.com>: unknown","reason":"550 5.1.1 unknown",
"subaccount_id":"101","timestamp":"1464824548","rcpt_meta":{"n":7},"rcpt_tags":["a","b"]}`

func TestSparkPostRecordsHaveAllDataOfTheEvent(t *testing.T) {
	want := []format.Record{{
		Outcome: format.Bounced, Account: "101", Sender: "news@example.org", EmailID: "0004e3724f57753a3561",
		Recipient: "User@example.com", Processed: 1464824548, Time: 1464824548,
		Type: upstream.Hard, Category: "bad-mailbox", Code: "5.1.1",
		Diagnostic: "550 5.1.1 <User@example.com>: unknown",
		Headers: []upstream.Header{{Name: "X-Campaign-ID", Value: "spring"}, {Name: "X-Tag", Value: "a"},
			{Name: "X-Tag", Value: "b"}, {Name: "X-n", Value: "7"}},
	}}
	for name, text := range map[string]string{
		"webhook": `[{"msys":{"message_event":` + sparkpostBounce + `}},{"msys":{}}]`,
		"page":    `{"results":[` + sparkpostBounce + `],"total_count":1}`, "bare": sparkpostBounce,
		"time in words": strings.Replace(sparkpostBounce, "1464824548", "2016-06-01T23:42:28.000Z", 1),
	} {
		s := formattest.Recognised(t, services.SparkPost, text)
		if diff := cmp.Diff(want, s.Records); diff != "" || len(s.Bads) > 0 {
			t.Errorf("%s: bad: %q; records (-want +got):\n%s", name, s.Bads, diff)
		}
	}
}

func TestSparkPostClassesDecide(t *testing.T) {
	for class, want := range map[string]string{
		"1": "bounced", "10": "bounced hard bad-mailbox", "20": "bounced soft", "21": "bounced soft bad-domain",
		"22": "bounced soft quota-issues", "23": "bounced soft content-related",
		"24": "bounced soft message-expired", "25": "blocked suppressed", "26": "blocked suppressed",
		"30": "bounced hard", "40": "bounced soft", "50": "bounced soft policy-related",
		"51": "bounced soft spam-related", "52": "bounced soft spam-related", "53": "bounced soft content-related",
		"54": "bounced soft relaying-issues", "60": "automatic answer", "70": "bounced soft",
		"80": "automatic answer", "90": "bounced hard", "100": "automatic answer", "7": "bounced",
	} {
		for _, form := range []string{`"%s"`, `%s`} {
			text := strings.Replace(sparkpostBounce, `"10"`, fmt.Sprintf(form, class), 1)
			if got := meaning(t, services.SparkPost, text); got != want {
				t.Errorf("class %s: got %q, want %q", class, got, want)
			}
		}
	}
}

func TestSparkPostDeliveriesTakeTheTimeFromTheirInjection(t *testing.T) {
	delivery := strings.Replace(sparkpostBounce, `"bounce"`, `"delivery"`, 1)
	injection := strings.NewReplacer(`"bounce"`, `"injection"`, "1464824548", "1464824500").Replace(sparkpostBounce)
	s := formattest.Recognised(t, services.SparkPost, injection+delivery)
	if len(s.Records) != 2 || s.Records[1].Processed != 1464824500 {
		t.Errorf("got %+v", s.Records)
	}
	injected := strings.Replace(delivery, `"type"`, `"injection_time":"2016-06-01T23:41:00Z","type"`, 1)
	s = formattest.Recognised(t, services.SparkPost, injected)
	if s.Records[0].Processed != 1464824460 {
		t.Errorf("got %+v", s.Records)
	}
	s = formattest.Recognised(t, services.SparkPost, strings.Replace(delivery, `"101"`, "0", 1))
	if s.Records[0].Account != "" {
		t.Errorf("the account itself is named %q", s.Records[0].Account)
	}
}

func TestSparkPostOtherAndBadEventsAreSkipped(t *testing.T) {
	s := formattest.Read(t, services.SparkPost, format.Options{}, `{"msys":{}}
{"msys":{"track_event":{"type":"click"}}}{"msys":{"x":{"type":"new"}}}{"msys":{"x":null}}
{"a":1}{"msys":7}{"msys":{"x":{"type":"bounce"}}}
{"msys":{"x":{"type":"bounce","timestamp":"1464824548"}}}{"results":[7]}`)
	if want := map[string]int{"click": 1, "other event": 1, "test of a webhook": 2}; !cmp.Equal(s.Skipped, want) ||
		len(s.Bads) != 5 || len(s.Records) > 0 {
		t.Errorf("skipped %v, want %v; bad %q; records %v", s.Skipped, want, s.Bads, s.Records)
	}
}

// A table of events says the same as a page of the Events API.
func TestSparkPostTablesOfEventsSayWhatPagesSay(t *testing.T) {
	t.Parallel()
	page := formattest.Recognised(t, services.SparkPost, `{"results":[
{"type":"injection","timestamp":"2019-11-05T08:00:00.000Z","message_id":"m1","rcpt_to":"a@example.com",
"raw_rcpt_to":"A@example.com","friendly_from":"news@example.org","subaccount_id":"101","campaign_id":"spring"},
{"type":"bounce","timestamp":"2019-11-05T08:00:02.000Z","message_id":"m1","rcpt_to":"a@example.com",
"raw_rcpt_to":"A@example.com","friendly_from":"news@example.org","subaccount_id":"101","campaign_id":"spring",
"bounce_class":"10","raw_reason":"550 5.1.1 No \"A\" here"},
{"type":"open","timestamp":"2019-11-05T08:00:03.000Z","message_id":"m2","rcpt_to":"b@example.com"}]}`)
	table := formattest.Recognised(t, services.SparkPost, "timestamp,type,bounce_class,campaign_id,friendly_from,"+
		"message_id,raw_rcpt_to,raw_reason,rcpt_to,rcpt_tags,subaccount_id\n"+
		"2019-11-05T08:00:00.000Z,injection,,spring,news@example.org,m1,A@example.com,,a@example.com,['x'],101\n"+
		`2019-11-05T08:00:02.000Z,bounce,10,spring,news@example.org,m1,A@example.com,`+
		`"550 5.1.1 No ""A"" here",a@example.com,,101`+"\n"+
		"2019-11-05T08:00:03.000Z,open,,,,m2,,,b@example.com,,\n")
	if len(page.Records) != 2 || len(page.Bads)+len(table.Bads) > 0 {
		t.Fatalf("%+v, bad: %q and %q", page.Records, page.Bads, table.Bads)
	}
	if d := cmp.Diff(page.Records, table.Records); d != "" || table.Skipped["open"] != 1 {
		t.Errorf("skipped %v; (-page +table)\n%s", table.Skipped, d)
	}
	if services.SparkPost.Recognise([]byte("timestamp,subaccount_id,friendly_from,raw_rcpt_to,subject\n")) {
		t.Error("a table without types and ids is recognised")
	}
}
