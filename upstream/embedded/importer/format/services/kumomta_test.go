package services_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/importer/format"
	"deliverygraph/upstream/embedded/importer/format/formattest"
	"deliverygraph/upstream/embedded/importer/format/services"
)

const kumomtaBounce = `{"type":"Bounce","id":"1d98076abbbc11ed940250ebf67f93bd","sender":"news@example.com",
"recipient":["a@example.net","b@example.net"],"queue":"spring:shop@example.net",
"response":{"code":550,"enhanced_code":{"class":5,"subject":1,"detail":1},"content":"No such user","command":"."},
"timestamp":1678069700,"created":1678069691,
"bounce_classification":"InvalidRecipient","headers":{"Subject":"x","X-B":"2","x-a":["1"],"X-B":"3"}}`

func TestKumoMTARecordsHaveAllDataOfTheLog(t *testing.T) {
	want := []format.Record{{
		Outcome: format.Bounced, Account: "shop", Sender: "news@example.com",
		EmailID: "1d98076abbbc11ed940250ebf67f93bd", Recipient: "a@example.net", Processed: 1678069691,
		Time:     1678069700,
		Category: "bad-mailbox", Code: "5.1.1", Diagnostic: "550 5.1.1 No such user",
		Headers: []upstream.Header{{Name: "X-B", Value: "2"}, {Name: "x-a", Value: `["1"]`}, {Name: "X-B", Value: "3"}},
		Place:   1, Earliest: 1678069691, Latest: 1678069692,
	}}
	want = append(want, want[0])
	want[1].Place, want[1].Recipient = 2, "b@example.net"
	s := formattest.Recognised(t, services.KumoMTA, kumomtaBounce)
	if diff := cmp.Diff(want, s.Records); diff != "" || len(s.Bads) > 0 {
		t.Errorf("bad: %q; records (-want +got):\n%s", s.Bads, diff)
	}
	inWords := strings.NewReplacer(`"timestamp":1678069700`, `"event_time":"2023-03-06T02:28:20.5Z"`,
		`"created":1678069691`, `"created_time":"2023-03-06T02:28:11Z"`).Replace(kumomtaBounce)
	s = formattest.Recognised(t, services.KumoMTA, inWords)
	if diff := cmp.Diff(want, s.Records); diff != "" || len(s.Bads) > 0 {
		t.Errorf("with times in words: bad: %q; records (-want +got):\n%s", s.Bads, diff)
	}
}

func TestKumoMTATypeDecidesWhatHappened(t *testing.T) {
	for _, c := range []struct{ kind, class, want string }{
		{"Bounce", "InvalidRecipient", "bounced bad-mailbox"},
		{"OOB", "DNSFailure", "bounced bad-domain"},
		{"Bounce", "QuotaIssues", "bounced quota-issues"},
		{"Bounce", "SpamBlock", "bounced spam-related"},
		{"Bounce", "RoutingErrors", "bounced routing-errors"},
		{"Bounce", "Uncategorized", "bounced"},
		{"AdminBounce", "Uncategorized", "bounced soft"},
		{"Expiration", "NoAnswerFromHost", "bounced soft message-expired"},
		{"Delivery", "Uncategorized", "delivered"},
		{"Reception", "Uncategorized", "accepted"},
		{"TransientFailure", "InvalidRecipient", "deferral"},
		{"Delayed", "InvalidRecipient", "deferral"},
		{"Rejection", "InvalidRecipient", "mail refused on arrival"},
		{"XferOut", "Uncategorized", "move to another server"},
		{"AdminRebind", "Uncategorized", "move to another queue"},
		{"Feedback", "Uncategorized", "complaint"},
		{"Brand-new", "Uncategorized", "other event"},
	} {
		text := strings.NewReplacer(`"Bounce"`, `"`+c.kind+`"`, "InvalidRecipient", c.class).Replace(kumomtaBounce)
		if got := meaning(t, services.KumoMTA, text); got != c.want {
			t.Errorf("%s, %s: got %q, want %q", c.kind, c.class, got, c.want)
		}
	}
}

func TestKumoMTAResponsesWithoutAnEnhancedCode(t *testing.T) {
	for response, want := range map[string]string{
		`{"code":552,"enhanced_code":null,"content":"1 Requested mail action aborted"}`: "|552 1 Requested mail " +
			"action aborted",
		`{"code":550,"enhanced_code":null,"content":"5.1.1 unknown"}`: "5.1.1|550 5.1.1 unknown",
		`{"code":400,"content":""}`:                                   "|400",
		`null`:                                                        "|",
	} {
		_, before, _ := strings.Cut(kumomtaBounce, `"response":`)
		old, _, _ := strings.Cut(before, ",\n\"timestamp\"")
		s := formattest.Recognised(t, services.KumoMTA, strings.Replace(kumomtaBounce, old, response, 1))
		if got := s.Records[0].Code + "|" + s.Records[0].Diagnostic; got != want {
			t.Errorf("%s: got %q, want %q", response, got, want)
		}
	}
}

// The records of a message for several recipients may name all of them, or some.
func TestKumoMTARecipientsKeepTheirIDs(t *testing.T) {
	record := func(kind, to string) string {
		return strings.NewReplacer(`"Bounce"`, `"`+kind+`"`, `["a@example.net","b@example.net"]`, to).
			Replace(kumomtaBounce)
	}
	s := formattest.Recognised(t, services.KumoMTA, record("Reception", `["a@example.net","b@example.net"]`)+
		record("Bounce", `"b@example.net"`)+record("Delivery", `["a@example.net"]`))
	var places []int
	for _, r := range s.Records {
		places = append(places, r.Place)
	}
	if !slices.Equal(places, []int{1, 2, 2, 1}) {
		t.Errorf("got the places %v", places)
	}
}

func TestKumoMTATenantsOfQueues(t *testing.T) {
	for queue, want := range map[string]string{"example.net": "", "shop@example.net": "shop",
		"spring:shop@example.net!route": "shop", "spring:@example.net": "", "": ""} {
		text := strings.Replace(kumomtaBounce, "spring:shop@example.net", queue, 1)
		s := formattest.Recognised(t, services.KumoMTA, text)
		if s.Records[0].Account != want {
			t.Errorf("%s: got %q, want %q", queue, s.Records[0].Account, want)
		}
	}
}

func TestKumoMTABadRecordsAreReportedAndSkipped(t *testing.T) {
	s := formattest.Read(t, services.KumoMTA, format.Options{}, `{"a":1}
{"type":"Bounce","id":"x","recipient":"a@example.com"}
{"type":"Bounce","timestamp":1678069700,"recipient":"a@example.com"}
{"type":"Bounce","id":"x","timestamp":1678069700}
{"type":"Bounce","response":7}
{"type":"Bou
`+strings.ReplaceAll(kumomtaBounce, "\n", ""))
	if len(s.Bads) != 6 || len(s.Records) != 2 {
		t.Errorf("bad %q; records %v", s.Bads, s.Records)
	}
}
