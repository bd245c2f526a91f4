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

func TestMailjetCase15KeepsAllDigitsOfIDs(t *testing.T) {
	s := formattest.Recognised(t, services.Mailjet, formattest.Shared(t, "cases/15.mailjet.json"))
	bounce := format.Record{Outcome: format.Bounced, EmailID: "19421798915720714", Recipient: "bounce@example.com",
		Processed: 1498093527, Time: 1498093527, Type: upstream.Hard, Diagnostic: "user unknown"}
	want := []format.Record{bounce, bounce}
	want[1].EmailID = "19421798915720710"
	if diff := cmp.Diff(want, s.Records); diff != "" || len(s.Bads) > 0 {
		t.Errorf("bad: %q; records (-want +got):\n%s", s.Bads, diff)
	}
}

func TestMailjetEventsAreDistinguished(t *testing.T) {
	const event = `{
		"event":"bounce","time":1498093527,"MessageID":7,"email":"a@example.com","mj_contact_id":1,"hard_bounce":false,
		"error":"preblocked","comment":"550 5.1.1 No","customcampaign":"spring","CustomID":"c","Payload":""
	}`
	s := formattest.Recognised(t, services.Mailjet, event)
	want := []format.Record{{Outcome: format.Bounced, EmailID: "7", Recipient: "a@example.com", Processed: 1498093527,
		Time: 1498093527, Type: upstream.Soft, Code: "5.1.1", Diagnostic: "550 5.1.1 No",
		Headers: []upstream.Header{{Name: "X-Mailjet-Campaign", Value: "spring"}, {Name: "X-MJ-CustomID", Value: "c"}}}}
	if diff := cmp.Diff(want, s.Records); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
	for kind, want := range map[string]string{"sent": "delivered", "blocked": "blocked hardbounce", "open": "open",
		"click": "click", "spam": "complaint", "unsub": "unsubscribe", "new": "other event"} {
		if got := meaning(t, services.Mailjet, strings.Replace(event, "bounce", kind, 1)); got != want {
			t.Errorf("%s: got %q, want %q", kind, got, want)
		}
	}
	s = formattest.Read(t, services.Mailjet, format.Options{},
		`{"event":"sent"}{"a":1}{"event":"sent","time":1498093527}{"event":"sent","hard_bounce":"x"}`)
	if len(s.Bads) != 4 || len(s.Records) > 0 {
		t.Errorf("bad %q, records %v", s.Bads, s.Records)
	}
}
