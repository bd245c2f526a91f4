package services_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/importer/format"
	"deliverygraph/upstream/embedded/importer/format/formattest"
	"deliverygraph/upstream/embedded/importer/format/services"
)

// legacy returns an event of a legacy webhook with more fields than each has.
func mailgunLegacy(t *testing.T, fields ...string) string {
	t.Helper()
	event := map[string]string{
		"recipient": "b@example.com", "domain": "example.org", "timestamp": "1521233195", "token": "t",
		"signature": "s",
		"message-headers": `[["Received", "by example.org"], ["Message-Id", "<1.2@example.org>"],` +
			` ["Sender", "news@example.org"], ["From", "Bob <bob@example.org>"],` +
			` ["To", "a@example.com, b@example.com"]]`,
	}
	for i := 0; i < len(fields); i += 2 {
		event[fields[i]] = fields[i+1]
	}
	text, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	return string(text) + "\n"
}

// The events of webhooks that ended in 2023 are read as the newer ones are, with the same email ids.
func TestMailgunLegacyEventsAreReadLikeNewerOnes(t *testing.T) {
	t.Parallel()
	base := format.Record{Sender: "news@example.org", EmailID: "1.2@example.org-2", Recipient: "b@example.com",
		Processed: 1521233195, Time: 1521233195}
	bounced := func(kind upstream.BounceType, category, code, diagnostic string) format.Record {
		r := base
		r.Outcome, r.Type, r.Category, r.Code, r.Diagnostic = format.Bounced, kind, category, code, diagnostic
		return r
	}
	blocked := func(reason string) format.Record {
		r := base
		r.Outcome, r.Reason = format.Blocked, reason
		return r
	}
	delivered := base
	delivered.Outcome = format.Delivered
	delivered.Headers = []upstream.Header{{Name: "X-Mailgun-Tag", Value: "spring"}, {Name: "X-my-var", Value: "1"}}
	for name, c := range map[string]struct {
		event string
		want  format.Record
	}{
		"delivered": {mailgunLegacy(t, "event", "delivered", "tag", "spring", "my-var", "1"), delivered},
		"bounced": {
			mailgunLegacy(t, "event", "bounced", "code", "550", "error", "5.1.1 No such user", "attachment-1", "x"),
			bounced(upstream.Hard, "", "5.1.1", "550 5.1.1 No such user"),
		},
		"bounced with an enhanced code": {
			mailgunLegacy(t, "event", "bounced", "code", "5.1.1", "error", "No such user"),
			bounced(upstream.Hard, "", "5.1.1", "No such user"),
		},
		"tried for too long": {
			mailgunLegacy(t, "event", "dropped", "reason", "old", "code", "452", "description", "4.2.2 Full"),
			bounced(upstream.Soft, "message-expired", "4.2.2", "452 4.2.2 Full"),
		},
		"suppressed by code": {
			mailgunLegacy(t, "event", "dropped", "reason", "hardfail", "code", "606", "description", "Not delivering"),
			blocked("unsubscribe"),
		},
		"suppressed by words": {
			mailgunLegacy(t, "event", "dropped", "reason", "hardfail",
				"description", "Not delivering to previously bounced address"),
			blocked("hardbounce"),
		},
		"refused": {
			mailgunLegacy(t, "event", "dropped", "reason", "hardfail", "code", "554", "description", "5.7.1 Spam"),
			bounced(upstream.Hard, "", "5.7.1", "554 5.7.1 Spam"),
		},
	} {
		s := formattest.Recognised(t, services.Mailgun, c.event)
		if d := cmp.Diff(searched([]format.Record{c.want}), s.Records); d != "" || len(s.Bads) > 0 {
			t.Errorf("%s: bad %q; (-want +got)\n%s", name, s.Bads, d)
		}
	}
	s := formattest.Recognised(t, services.Mailgun, mailgunLegacy(t, "event", "complained")+
		mailgunLegacy(t, "event", "bounced", "message-headers", "{", "Message-Id", "<3@x>")+
		mailgunLegacy(t, "event", "bounced", "message-headers", "{"))
	if len(s.Bads) != 1 || s.Skipped["complaint"] != 1 || len(s.Records) != 1 || s.Records[0].EmailID != "3@x" {
		t.Errorf("bad %q, skipped %v, records %+v", s.Bads, s.Skipped, s.Records)
	}
}

// Bounce lists say the same as pages of the API and as CSV.
func TestMailgunBounceLists(t *testing.T) {
	t.Parallel()
	want := []format.Record{{
		Outcome: format.Bounced, Type: upstream.Hard, Recipient: "alice@example.com",
		Processed: 1319194975, Time: 1319194975, Code: "5.1.1", Diagnostic: "550 5.1.1 No such mailbox, \"alice\"",
	}}
	for name, text := range map[string]string{
		"page": `{"items":[{"address":"alice@example.com","code":"550","error":"5.1.1 No such mailbox, \"alice\"",
			"created_at":"Fri, 21 Oct 2011 11:02:55 GMT"}],"paging":{}}`,
		"CSV": "address,code,error,created_at\n" +
			`alice@example.com,550,"5.1.1 No such mailbox, ""alice""","Fri, 21 Oct 2011 11:02:55 +0000"` + "\n",
	} {
		s := formattest.Recognised(t, services.Mailgun, text)
		if len(s.Records) == 1 {
			if id := s.Records[0].EmailID; !strings.HasPrefix(id, "20111021110255.mailgun") {
				t.Errorf("the email id is %s", id)
			}
			want[0].EmailID = s.Records[0].EmailID
		}
		if d := cmp.Diff(want, s.Records); d != "" || len(s.Bads) > 0 {
			t.Errorf("%s: bad %q; (-want +got)\n%s", name, s.Bads, d)
		}
	}
	s := formattest.Recognised(t, services.Mailgun,
		"created_at,error,code,address\nsoon,x,550,a@example.com\n2011-10-21 11:02:55 UTC,x,550,\n")
	if len(s.Bads) != 2 {
		t.Errorf("bad %q", s.Bads)
	}
}
