package client

import (
	"os"
	"strings"
	"testing"
	"time"
)

// TestWorstDay finds the incident of the last month in the demo data.
func TestWorstDay(t *testing.T) {
	url := os.Getenv("DELIVERYGRAPH_URL")
	if url == "" {
		t.Skip("DELIVERYGRAPH_URL names no gateway")
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	midnight := time.Now().UTC().Truncate(24 * time.Hour)
	i, err := WorstDay(t.Context(), New(url, ""), midnight.AddDate(0, 0, -30), midnight, berlin.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", i)
	if days := midnight.Sub(i.Day).Hours() / 24; days < 12 || days > 13 || i.Domain != "inbox.example" {
		t.Errorf("it was at %s, %v days ago", i.Domain, days)
	}
	if i.Sender != "offers@shop.example.com" || i.Share < .9 || !strings.Contains(i.Diagnostic, "local policy") {
		t.Errorf("its sender was %q, and %v of the responses are %q", i.Sender, i.Share, i.Diagnostic)
	}
	if at := i.SenderDay.Start.In(berlin); at.Hour() != 0 || at.Day() != i.Day.Day() || *i.SenderDay.BounceRate < .2 {
		t.Errorf("the sender's worst day began at %v", at)
	}
	events := i.Mail.Recipient.Events.Nodes
	outcome, refused := i.Mail.Message.Recipients[0], false
	for _, e := range events {
		b, ok := e.(*MailToRecipientEventsDeliveryEventConnectionNodesBounce)
		refused = refused || ok && b.EmailId == i.Mail.Message.EmailId && b.Code == outcome.Bounce.Code
	}
	stats := i.Mail.Recipient.Stats
	if !refused || *outcome.Outcome != MessageOutcomeBounced ||
		int64(len(events)) != *stats.Sent+*stats.Bounced+*stats.Blocked {
		t.Errorf("its last email became %+v", i.Mail)
	}
	if v := i.Mail.Recipient.Suppression; v.Verdict != SuppressionVerdictNoEvidence && len(v.Because) == 0 {
		t.Errorf("the verdict is %+v", v)
	}
}
