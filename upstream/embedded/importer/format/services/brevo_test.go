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

const brevoBounce = `{"event":"hard_bounce","email":"a@example.com","message-id":"<m1@smtp-relay.example.com>",
"ts":1,"ts_epoch":1520363423999,"reason":"550 5.1.1 unknown","tags":["a","b"],"tag":"x","X-Mailin-custom":"c",
"sender_email":"news@example.org"}`

func TestBrevoRecordsHaveAllDataOfTheEvent(t *testing.T) {
	want := []format.Record{{
		Outcome: format.Bounced, Sender: "news@example.org", EmailID: "m1@smtp-relay.example.com",
		Recipient: "a@example.com", Processed: 1520363423, Time: 1520363423,
		Type: upstream.Hard, Code: "5.1.1", Diagnostic: "550 5.1.1 unknown",
		Headers: []upstream.Header{{Name: "X-Mailin-Tag", Value: "a"}, {Name: "X-Mailin-Tag", Value: "b"},
			{Name: "X-Mailin-custom", Value: "c"}},
	}}
	s := formattest.Recognised(t, services.Brevo, brevoBounce)
	if diff := cmp.Diff(want, s.Records); diff != "" || len(s.Bads) > 0 {
		t.Errorf("bad: %q; records (-want +got):\n%s", s.Bads, diff)
	}
}

func TestBrevoEventsAreDistinguished(t *testing.T) {
	for kind, want := range map[string]string{
		"request": "accepted", "delivered": "delivered", "hard_bounce": "bounced hard",
		"soft_bounce": "bounced soft", "invalid_email": "bounced hard bad-mailbox",
		"blocked":  "blocked suppressed",
		"deferred": "deferral", "opened": "open", "spam": "complaint", "unsubscribed": "unsubscribe",
		"new": "other event",
	} {
		if got := meaning(t, services.Brevo, strings.Replace(brevoBounce, "hard_bounce", kind, 1)); got != want {
			t.Errorf("%s: got %q, want %q", kind, got, want)
		}
	}
	s := formattest.Read(t, services.Brevo, format.Options{},
		`{"a":1}{"event":"delivered"}{"event":"delivered","ts_epoch":1520363423000}`+
			`{"event":"delivered","ts_epoch":"x","email":[]}`)
	if len(s.Bads) != 4 || len(s.Records) > 0 {
		t.Errorf("bad %q, records %v", s.Bads, s.Records)
	}
}
