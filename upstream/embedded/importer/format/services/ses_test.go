package services_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/importer/format"
	"deliverygraph/upstream/embedded/importer/format/formattest"
	"deliverygraph/upstream/embedded/importer/format/services"
)

func TestSESCases(t *testing.T) {
	for name, want := range map[string][]format.Record{
		"01.ses.json": {{
			Outcome: format.Bounced, Sender: "news@example.com", EmailID: "0100018-ses-0001-000000",
			Recipient: "eg@example.ocm", Processed: 1692283217, Time: 1692283218,
			Type: upstream.Hard, Code: "5.4.4", Diagnostic: "smtp; 550 5.4.4 Invalid domain",
		}},
		"02.ses.json": {{
			Outcome: format.Bounced, Sender: "news@example.com", EmailID: "0100018-ses-0002-000000",
			Recipient: "eg@example.com", Processed: 1692283217, Time: 1692283218, Type: upstream.Hard,
		}},
		"03.ses.json": {{
			Outcome: format.Blocked, Sender: "news@example.com", EmailID: "0100018-ses-0003-000000",
			Recipient: "user@example.net", Processed: 1692283217, Time: 1692283218, Reason: "hardbounce",
		}},
		"04.ses.ndjson": {{
			Outcome: format.Bounced, Sender: "news@example.com", EmailID: "0100018-ses-0004-000000",
			Recipient: "jane@example.com", Processed: 1692283217, Time: 1692283218,
			Type: upstream.Hard, Code: "5.1.1", Diagnostic: "smtp; 550 5.1.1 jane unknown",
		}, {
			Outcome: format.Bounced, Sender: "news@example.com", EmailID: "0100018-ses-0004-000000-3",
			Recipient: "richard@example.com", Processed: 1692283217, Time: 1692283218,
			Type: upstream.Hard, Code: "5.1.1", Diagnostic: "smtp; 550 5.1.1 richard unknown",
		}, {
			Outcome: format.Delivered, Sender: "news@example.com", EmailID: "0100018-ses-0004-000000-2",
			Recipient: "mary@example.com", Processed: 1692283217, Time: 1692283219,
		}},
		"06.ses.json": nil,
	} {
		t.Run(name, func(t *testing.T) {
			text := formattest.Shared(t, "cases/"+name)
			s := formattest.Read(t, services.SES, format.Options{}, text)
			if diff := cmp.Diff(want, s.Records); diff != "" || len(s.Bads) > 0 {
				t.Errorf("bad: %q; records (-want +got):\n%s", s.Bads, diff)
			}
			if !services.SES.Recognise([]byte(text)) {
				t.Error("the format is not recognised")
			}
		})
	}
}

const sesBounce = `{"eventType":"Bounce","bounce":{"bounceType":"Transient","bounceSubType":"General",
"timestamp":"2023-08-17T14:40:18.999Z",
"bouncedRecipients":[{"emailAddress":"Jane Doe <jane@example.com>","action":"failed","status":"4.4.7",
"diagnosticCode":"smtp; 550 4.4.7 Message expired"}]},
"mail":{"timestamp":"2023-08-17T14:40:17.000Z","source":"=?utf-8?q?News?= <news@example.com>",
"sourceArn":"arn:aws:ses:us-east-1:123456789012:identity/example.com","messageId":"m1",
"destination":["jane@example.com"],"headers":[{"name":"From","value":"x"},{"name":"X-B","value":"2"},
{"name":"x-a","value":"1"},{"name":"X-B","value":"3"}],"tags":{"campaign":["spring"]}}}`

func TestSESEnvelopesAreOpened(t *testing.T) {
	quote := func(text string) string {
		b, _ := json.Marshal(text)
		return string(b)
	}
	sns := `{"Type":"Notification","TopicArn":"arn","Timestamp":"2023-08-17T14:40:20.000Z",` +
		`"Message":` + quote(sesBounce) + `}`
	want := formattest.Read(t, services.SES, format.Options{}, sesBounce).Records
	if len(want) != 1 {
		t.Fatalf("the bare event gives %+v", want)
	}
	for name, text := range map[string]string{
		"SNS":             sns,
		"SQS":             `{"Messages":[{"MessageId":"1","ReceiptHandle":"r","Body":` + quote(sns) + `}]}`,
		"SQS, raw":        `{"MessageId":"1","Body":` + quote(sesBounce) + `}`,
		"Lambda with SQS": `{"Records":[{"messageId":"1","body":` + quote(sns) + `,"eventSource":"aws:sqs"}]}`,
		"Lambda with SNS": `{"Records":[{"EventSource":"aws:sns","Sns":` + sns + `}]}`,
		"EventBridge": `{"version":"0","detail-type":"Email ` +
			`Bounced","source":"aws.ses","account":"999","detail":` + sesBounce + `}`,
		"EventBridge and SQS": `{"Messages":[{"Body":` + quote(`{"source":"aws.ses","detail":`+sesBounce+`}`) + `}]}`,
	} {
		s := formattest.Read(t, services.SES, format.Options{}, text)
		if diff := cmp.Diff(want, s.Records); diff != "" || len(s.Bads) > 0 || !services.SES.Recognise([]byte(text)) {
			t.Errorf("%s: bad %q; records (-want +got):\n%s", name, s.Bads, diff)
		}
	}
	s := formattest.Read(t, services.SES, format.Options{}, sesBounce+sesBounce+"\n["+sesBounce+"]"+sns)
	if len(s.Records) != 4 {
		t.Errorf("objects that Firehose has put together give %d records", len(s.Records))
	}
}

func TestSESRecordsHaveAllDataOfTheEvent(t *testing.T) {
	s := formattest.Read(t, services.SES, format.Options{}, sesBounce)
	want := []format.Record{{
		Outcome: format.Bounced, Account: "123456789012", Sender: "news@example.com", EmailID: "m1",
		Recipient: "jane@example.com", Processed: 1692283217, Time: 1692283218,
		Type: upstream.Soft, Code: "4.4.7", Diagnostic: "smtp; 550 4.4.7 Message expired",
		Headers: []upstream.Header{{Name: "X-B", Value: "2"}, {Name: "x-a", Value: "1"}, {Name: "X-B", Value: "3"}},
	}}
	if diff := cmp.Diff(want, s.Records); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
	s = formattest.Read(t, services.SES, format.Options{}, strings.Replace(sesBounce, `"headers"`, `"x"`, 1))
	if want := []upstream.Header{{Name: "X-campaign", Value: "spring"}}; !slices.Equal(s.Records[0].Headers, want) {
		t.Errorf("without headers the tags are %v, want %v", s.Records[0].Headers, want)
	}
}

func TestSESTypesAndCategoriesFollowTheSubtypeAndTheStatus(t *testing.T) {
	for _, c := range []struct{ kind, subtype, status, diagnostic, want string }{
		{"Permanent", "General", "5.1.1", "smtp; 550 5.1.1 x", "bounced hard"},
		{"Permanent", "NoEmail", "", "", "bounced hard bad-mailbox"},
		{"Transient", "General", "5.1.2", "", "bounced hard"},
		{"Transient", "General", "", "smtp; 550 unknown", "bounced hard"},
		{"Transient", "General", "", "smtp; 450 later", "bounced soft"},
		{"Undetermined", "Undetermined", "", "", "bounced soft"},
		{"Transient", "MailboxFull", "5.2.2", "", "bounced soft quota-issues"},
		{"Transient", "MessageTooLarge", "5.3.4", "", "bounced soft content-related"},
		{"Transient", "ContentRejected", "", "", "bounced soft content-related"},
		{"Transient", "AttachmentRejected", "", "", "bounced soft content-related"},
		{"Transient", "CustomTimeoutExceeded", "", "", "bounced soft message-expired"},
		{"Permanent", "Suppressed", "5.1.1", "", "blocked hardbounce"},
		{"Permanent", "OnAccountSuppressionList", "5.1.1", "", "blocked hardbounce"},
		{"Permanent", "UnsubscribedRecipient", "", "", "blocked unsubscribe"},
	} {
		text := strings.NewReplacer("Transient", c.kind, "General", c.subtype, "4.4.7\"", c.status+"\"",
			"smtp; 550 4.4.7 Message expired", c.diagnostic).Replace(sesBounce)
		if got := meaning(t, services.SES, text); got != c.want {
			t.Errorf("%+v: got %q", c, got)
		}
	}
}

func TestSESConfirmationsAndOtherEventsAreSkipped(t *testing.T) {
	s := formattest.Read(t, services.SES, format.Options{}, `
{"Type":"SubscriptionConfirmation","TopicArn":"a","Message":"You have chosen to subscribe"}
{"Type":"Notification","TopicArn":"a","Message":"Successfully validated SNS topic for Amazon SES event publishing."}
{"eventType":"Open","mail":{}}
{"eventType":"Rendering Failure","mail":{}}
{"eventType":"Brand New","mail":{}}
{"notificationType":"Received","mail":{}}
`)
	if want := map[string]int{"SNS confirmation": 2, "open": 1, "rendering failure": 1, "other event": 1,
		"received mail": 1}; len(s.Records)+len(s.Bads) > 0 || !cmp.Equal(s.Skipped, want) {
		t.Errorf("records %+v, bad %q, skipped %v, want %v", s.Records, s.Bads, s.Skipped, want)
	}
}

func TestSESBadEventsAreReportedAndSkipped(t *testing.T) {
	bad := []string{
		`{"hello":"world"}`, `{"Type":"Notification","Message":"hello"}`,
		`{"eventType":"Bounce","mail":{"messageId":"m","timestamp":"2023-08-17T14:40:17Z"},` +
			`"bounce":{"timestamp":"2023-08-17T14:40:17Z"}}`,
		strings.Replace(sesBounce, "m1", "", 1), strings.ReplaceAll(sesBounce, "2023-", "x-"),
		`{"eventType":"Delivery","mail":{"messageId":"m"},` +
			`"delivery":{"timestamp":"2023-08-17T14:40:17Z","recipients":[]}}`,
		`{"detail":{"detail":{"detail":{"detail":{"detail":{"detail":` + sesBounce + `}}}}}}`,
		`{"eventType":"Bounce","mail":7}`,
	}
	s := formattest.Read(t, services.SES, format.Options{}, strings.Join(bad, "\n")+"\n"+sesBounce)
	if len(s.Bads) != len(bad) || len(s.Records) != 1 {
		t.Errorf("%d records, bad %q", len(s.Records), s.Bads)
	}
}

func TestSESRecogniseTakesNoOtherFormats(t *testing.T) {
	for _, head := range []string{`{"kind":"email"}`, `[{"event":"bounce","sg_event_id":"x"}]`,
		`{"RecordType":"Bounce","MessageID":"x"}`, `{"Body":"hello"}`, "text", ""} {
		if services.SES.Recognise([]byte(head)) {
			t.Errorf("%s is taken for an event of SES", head)
		}
	}
}

func TestSESReportsEnvelopesWithoutAnObject(t *testing.T) {
	for _, text := range []string{"5", "{", "nonsense", "[]", `[{"eventType":"Delivery"}]`} {
		record, err := json.Marshal(map[string]string{"Type": "Notification", "Message": text})
		if err != nil {
			t.Fatal(err)
		}
		s := formattest.Read(t, services.SES, format.Options{}, string(record))
		if want := []string{"the text within the envelope is not a JSON object"}; !slices.Equal(s.Bads, want) {
			t.Errorf("%s: got %q, want %q", text, s.Bads, want)
		}
	}
}

func TestSESReportsRecordsThatAreNotObjects(t *testing.T) {
	s := formattest.Read(t, services.SES, format.Options{}, `{"Records":[5,[{"eventType":"Delivery"}],null]}`)
	const want = "the record is not a JSON object"
	if !slices.Equal(s.Bads, []string{want, want, want}) {
		t.Errorf("got %q, want %q for each record", s.Bads, want)
	}
}
