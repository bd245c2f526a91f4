package services_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"deliverygraph/upstream/embedded/importer/format"
	"deliverygraph/upstream/embedded/importer/format/formattest"
	"deliverygraph/upstream/embedded/importer/format/services"
)

// meaning returns what a file says about a single message, such as "bounced hard bad-mailbox", or why it was skipped.
func meaning(t *testing.T, f format.Format, text string) string {
	t.Helper()
	s := formattest.Recognised(t, f, text)
	if len(s.Records) == 0 {
		return strings.Join(append(slices.Collect(maps.Keys(s.Skipped)), s.Bads...), ", ")
	}
	r := s.Records[0]
	outcome := [...]string{"accepted", "delivered", "bounced", "blocked"}[r.Outcome]
	return strings.Join(strings.Fields(strings.Join([]string{outcome, string(r.Type), r.Category, r.Reason}, " ")), " ")
}

// searched returns records with the windows in which the emails of blocked ones are searched for.
func searched(records []format.Record) []format.Record {
	for i, r := range records {
		if r.Outcome == format.Blocked {
			records[i].Earliest, records[i].Latest = r.Time-7*24*60*60, r.Time+1
		}
	}
	return records
}

// all are the services by the folder of their samples.
var all = map[string]format.Format{
	"brevo": services.Brevo, "kumomta": services.KumoMTA, "mailgun": services.Mailgun, "mailjet": services.Mailjet,
	"postmark": services.Postmark, "powermta": services.PowerMTA, "sendgrid": services.SendGrid, "ses": services.SES,
	"sparkpost": services.SparkPost,
}

func TestSamples(t *testing.T) {
	for name, want := range map[string]string{
		"brevo/events.ndjson": "recipient@example.com accepted, recipient@example.com delivered, " +
			"not-a-user@example.com bounced, recipient@no-mx.example.com bounced, recipient@example.com blocked, " +
			"deferral",

		"kumomta/bounce-fragment.json": "deferral",
		"kumomta/records.ndjson": "recipient@example.com accepted, user@recipient.example.com delivered, " +
			"deferral",

		"mailgun/events-delayed-bounce.json":       "test123@example.com bounced",
		"mailgun/rejected.json":                    "recipient@example.org bounced",
		"mailgun/webhook-delivered_messages.json":  "alice@example.com delivered",
		"mailgun/webhook-permanent_failure.json":   "alice@example.com bounced",
		"mailgun/webhook-suppression_failure.json": "alice@example.com blocked",
		"mailgun/webhook-temporary_failure.json":   "deferral",

		"mailjet/events.json": "invalid@invalid bounced, bad@example.com blocked, protected@example.com bounced",

		"postmark/bounce.json":                     "bounce@example.com bounced",
		"postmark/bounce-type-unsubscribe.json":    "unsubscribe",
		"postmark/delivery.json":                   "recipient@example.com delivered",
		"postmark/spam.json":                       "complaint",
		"postmark/subscription-change-bounce.json": "subscription",

		"powermta/acct-default-header.csv": "u1@example.net delivered",
		"powermta/bounce.csv":              "user1@example.net bounced, user1@example.net bounced",
		"powermta/guide-example.csv": "user1@example.net delivered, user2@example.net delivered, " +
			"user3@example.net bounced, user4@example.net bounced",

		"sendgrid/batch.json": "recipient@example.com accepted, recipient@example.com delivered, " +
			"noreply@example.com bounced, invalid@invalid blocked, example@example.com blocked, " +
			"unsubscribe@example.com blocked, deferral",
		"sendgrid/blocked.json":            "robinson@example.com bounced",
		"sendgrid/bounce-without-ids.json": "foo@example.com bounced",
		"sendgrid/dropped.json":            "hello@example.com blocked",

		"ses/bounce.json":                  "jane@example.com bounced",
		"ses/complaint.json":               "complaint",
		"ses/delivery-delay.json":          "delivery delay",
		"ses/delivery.json":                "jane@example.com delivered",
		"ses/eventbridge-bounce.json":      "invalid@example.com bounced",
		"ses/firehose-bounce.json":         "recipient@example.com bounced",
		"ses/multiple_bounce.json":         "bad, bad", // it has no time
		"ses/reject.json":                  "recipient@example.com bounced",
		"ses/send.json":                    "recipient@example.com accepted",
		"ses/sns-account-suppression.json": "user@example.net blocked",

		"sparkpost/batch.json": "recipient@example.com accepted, Recipient@example.com delivered, " +
			"bounce@example.com bounced, suppressed@example.com blocked, deferral",
	} {
		t.Run(name, func(t *testing.T) {
			service, _, _ := strings.Cut(name, "/")
			s := formattest.Recognised(t, all[service], formattest.Shared(t, "formats/"+name))
			got := s.Outcomes()
			for reason := range s.Skipped {
				got = append(got, reason)
			}
			for range s.Bads {
				got = append(got, "bad")
			}
			if got := strings.Join(got, ", "); got != want {
				t.Errorf("got %q, want %q; bad %q", got, want, s.Bads)
			}
			for _, r := range s.Records {
				if service == "sendgrid" && strings.ContainsAny(r.EmailID, "@<>") {
					t.Errorf("the email id %q looks like an address", r.EmailID)
				}
			}
		})
	}
}

func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		brevoBounce, kumomtaBounce, mailgunFailed, postmarkBounce, sesBounce, sparkpostBounce,
		`[{"event":"request","email":"a","message-id":"b","ts_epoch":"1520363423"}]`,
		`[{"event":"bounce","time":1498093527,"MessageID":19421798915720714,"email":"a@example.com",` +
			`"hard_bounce":true}]`,
		`{"event":"blocked","time":1498093527,"MessageID":7,"email":"a","error":"typofix"}`,
		`{"Type":"Notification","Message":"{\"eventType\":\"Delivery\"}"}`,
		`{"Records":[{"body":"{}"}],"detail":{"Messages":[{}]}}`,
		`{"RecordType":"Delivery","MessageID":"a","Recipient":"b","DeliveredAt":"2014-08-01T13:28:10.2735393-04:00"}`,
		`{"Messages":[{"MessageID":"m","Recipients":["a@b",""],"ReceivedAt":"2014-02-14T11:12:54-05:00"}]}` +
			`{"Bounces":[{}]}`,
		`[{"msys":{"gen_event":{"type":"generation_rejection","timestamp":"1464900034","raw_reason":"suppressed"}}},` +
			`{"msys":{}}]`,
		`{"results":[{"type":"injection","timestamp":"2016-06-01T23:42:28.000Z","message_id":"a","rcpt_to":"b",` +
			`"rcpt_meta":{"a":{}}}]}`,
		`{"items":[{"event":"accepted","timestamp":1.5,` +
			`"message":{"headers":{"message-id":"a","to":"\"a,\\\"\" <b@c>,d"}}}]}`,
		`{"event-data":{"event":"rejected","timestamp":1529704976.1,"user-variables":"[","delivery-status":null}}`,
		`[{"email":"a@b","timestamp":1461095246,"event":"processed",` +
			`"sg_message_id":"14c5.filter0001.16648.5515E0B88.0"}]`,
		`{"email":"a@b","timestamp":1461095246,"event":"bounce","type":"blocked","reason":"550","unique_args":{"a":1}}`,
		`{"email":"a@example.com","created":1461095246,"reason":"550","status":"5.1.1"}{"event":"dropped"}`,
		`{"type":"Delivery","id":"x","recipient":"a","timestamp":1678069700.5,"created":"1","queue":":@"}`,
		"type,timeLogged,rcpt,dsnDiag,header_X-A\nb,1178807903,a@example.com,\"a\nb\"\"\",x\n",
		"#type,timeQueued,rcpt\nd,2016-08-01 14:06:01-0400,a\n\"\n\"\n",
	} {
		f.Add(seed)
	}
	formattest.Fuzz(f, slices.Collect(maps.Values(all))...)
}
