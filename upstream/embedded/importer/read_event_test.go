package importer_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/importer"
	"deliverygraph/upstream/embedded/store/storetest"
)

func sesEvent(kind, fields string) string {
	return `{"eventType":"` + kind + `",` + fields + `,"mail":{"timestamp":"2026-11-10T10:00:00Z","messageId":"m1",` +
		`"source":"news@example.com","destination":["a@example.net"],"sendingAccountId":"123456789012"}}` + "\n"
}

// Deliveries of Postmark do not name the sender, and the messages of its API do not name the server.
func TestAMessageHasOneSenderIfOnlySomeEventsNameIt(t *testing.T) {
	t.Parallel()
	events := []string{
		`{"MessageID":"m1","ReceivedAt":"2026-11-10T10:00:00Z","From":"news@example.com",` +
			`"Recipients":["a@example.net"]}`,
		`{"RecordType":"Delivery","ServerID":23,"MessageID":"m1","Recipient":"a@example.net",` +
			`"DeliveredAt":"2026-11-10T10:00:01Z"}`,
		`{"RecordType":"Bounce","Type":"HardBounce","ServerID":23,"MessageID":"m1","Email":"a@example.net",` +
			`"From":"news@example.com","BouncedAt":"2026-11-12T10:00:01Z","Details":"550 5.1.1 User unknown"}`,
	}
	for _, order := range [][]int{{0, 1, 2}, {2, 1, 0}, {1, 2}, {2, 1}, {1, 0, 2}, {0, 2, 1}} {
		together, apart := newShop(t), newShop(t)
		var files []string
		for _, i := range order {
			files = append(files, file(t, events[i]))
			apart.take(t, importer.Options{}, files[len(files)-1])
		}
		together.take(t, importer.Options{}, files...)
		for _, s := range []*shop{together, apart} {
			user := 2 // the server
			if order[0] == 0 {
				user = 1
			}
			s.want(t, fmt.Sprintf("a@example.net %d false", user),
				fmt.Sprintf("a@example.net %d hard bad-mailbox", user))
			emails, err := storetest.API(s).Emails(t.Context(), upstream.ListQuery{Window: always})
			if err != nil || len(emails) != 1 || emails[0].ProcessTime > 1794304801 {
				t.Errorf("in the order %v: %v, %+v", order, err, emails)
			}
		}
	}
}

// By webhooks alone, deliveries and bounces have one sender if the metadata of the messages names it.
func TestMetadataOfPostmarkNamesTheSender(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	metadata := `"ServerID":23,"Metadata":{"from":"News <news@example.com>"}}` + "\n"
	s.take(t, importer.Options{}, file(t, `{"RecordType":"Delivery","MessageID":"m1","Recipient":"a@example.net",`+
		`"DeliveredAt":"2026-11-10T10:00:01Z",`+metadata+
		`{"RecordType":"Bounce","Type":"HardBounce","MessageID":"m2","Email":"b@example.net",`+
		`"From":"desk@example.com","BouncedAt":"2026-11-10T10:00:02Z","Details":"550 5.1.1 User unknown",`+metadata))
	senders, err := s.Senders(t.Context())
	if err != nil || len(senders) != 1 || senders[0].Address != "news@example.com" {
		t.Errorf("the senders are %+v, %v", senders, err)
	}
	s.want(t, "a@example.net 2 true", "b@example.net 2 false", "b@example.net 2 hard bad-mailbox")
}

// Events of webhooks do not name the sender, unlike the table of the Email Activity Feed.
func TestATableOfSendGridDoesNotDoubleTheEventsOfItsWebhook(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.take(t, importer.Options{}, file(t, `{"email":"a@example.net","event":"delivered","timestamp":1794304801,`+
		`"sg_event_id":"e1","sg_message_id":"m1.filter1.2.3"}`))
	s.take(t, importer.Options{}, file(t, "processed,message_id,event,from,email\n"+
		"2026-11-10T10:00:01Z,m1.filter1.2.3,delivered,news@example.com,a@example.net\n"))
	s.want(t, "a@example.net 1 true")
}

func TestMessagesOfATableOfSendGridWithoutIDsAreNotMerged(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	for _, day := range []string{"10", "12"} {
		s.take(t, importer.Options{}, file(t, "processed,message_id,event,from,email\n"+
			"2026-11-"+day+"T10:00:01Z,,delivered,news@example.com,a@example.net\n"))
	}
	s.want(t, "a@example.net 1 true", "a@example.net 1 true")
}

// An export has a row for each account, which an import must accept.
func TestAccountsHaveNamesThatCanBeExported(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	for _, name := range []string{`a\u0001b`, strings.Repeat("x", 1001), "acme"} {
		s.take(t, importer.Options{}, file(t, strings.ReplaceAll(sesEvent("Send", `"send":{}`), "123456789012", name)))
		if good := name == "acme"; good != (len(s.bad) == 0) {
			t.Errorf("%.20s: %v", name, s.bad)
		}
	}
}

// mailgunEvents returns the events of Mailgun by which a message of a sender is accepted, and fails two seconds later.
// They do not say when the message was accepted.
func mailgunEvents(sender, reason string) (accepted, failed string) {
	event := func(name, rest string) string {
		return fmt.Sprintf(`{"event":%q,%s,"recipient":"a@example.net","log-level":"info","account":{"id":"x"},`+
			`"message":{"headers":{"message-id":"1@example.com","to":"a@example.net","from":"news@example.com"}}}`,
			name, rest)
	}
	return event("accepted", fmt.Sprintf(`"timestamp":1794304801.5,"envelope":{"sender":%q}`, sender)),
		event("failed", fmt.Sprintf(`"timestamp":1794304803.5,"envelope":{},"severity":"permanent","reason":%q,`+
			`"delivery-status":{"message":"550 5.1.1 unknown"}`, reason))
}

// blocked returns the process times of the store's emails and of its blocked emails.
func (s *shop) blocked(t *testing.T) (emails, blocked []upstream.Time) {
	t.Helper()
	sent, _ := s.all(t)
	for _, e := range sent {
		emails = append(emails, e.ProcessTime)
	}
	rows, err := storetest.API(s).BlockedEmails(t.Context(), upstream.ListQuery{Window: always})
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range rows {
		blocked = append(blocked, b.ProcessTime)
	}
	return emails, blocked
}

func TestABlockedEmailHasTheTimeOfItsAcceptedEmail(t *testing.T) {
	t.Parallel()
	accepted, failed := mailgunEvents("news@example.com", "suppress-bounce")
	first, last := file(t, accepted), file(t, failed)
	page, both := file(t, `{"items":[`+failed+`,`+accepted+`]}`), file(t, accepted+"\n"+failed)
	want := []upstream.Time{1794304801}
	for _, imports := range [][][]string{
		{{first}, {last}}, {{first, last}}, {{both}}, {{page}}, {{last}, {first}, {last}},
	} {
		s := newShop(t)
		for _, files := range imports {
			s.take(t, importer.Options{}, files...)
		}
		for _, again := range []string{"", first, last, both, page} {
			if again != "" {
				s.take(t, importer.Options{}, again)
			}
			if emails, blocked := s.blocked(t); !slices.Equal(emails, want) || !slices.Equal(blocked, want) {
				t.Errorf("%q, then %q: emails of %d, blocked ones of %d", imports, again, emails, blocked)
			}
		}
	}
}

func TestABlockedEmailKeepsItsSender(t *testing.T) {
	t.Parallel()
	accepted, failed := mailgunEvents("bounce@mg.example.com", "suppress-bounce")
	s := newShop(t)
	for _, text := range []string{accepted, failed, `{"items":[` + failed + `,` + accepted + `]}`, failed} {
		s.take(t, importer.Options{}, file(t, text))
	}
	const at = 1794304801
	if emails, blocked := s.blocked(t); !slices.Equal(emails, []upstream.Time{at, at}) ||
		!slices.Equal(blocked, []upstream.Time{at}) {
		t.Errorf("emails of %d, blocked ones of %d", emails, blocked)
	}
}

func TestBouncesOfServicesAreNotDoubledOrSearchedFor(t *testing.T) {
	t.Parallel()
	accepted, failed := mailgunEvents("bounce@mg.example.com", "bounce")
	c := &counter{shop: newShop(t)}
	for _, text := range []string{accepted, failed, `{"items":[` + failed + `,` + accepted + `]}`, failed} {
		if _, err := importer.Run(t.Context(), c, []string{file(t, text)}, importer.Options{}); err != nil {
			t.Fatal(err)
		}
	}
	if c.asked > 0 {
		t.Errorf("the store was asked %d times", c.asked)
	}
	c.want(t, "a@example.net 2 false", "a@example.net 2 false", "a@example.net 2 hard bad-mailbox")
}

func TestABounceWinsOverADeliveryInAnyOrder(t *testing.T) {
	t.Parallel()
	events := []string{
		sesEvent("Send", `"send":{}`),
		sesEvent("Delivery", `"delivery":{"timestamp":"2026-11-10T10:00:01Z","recipients":["a@example.net"]}`),
		sesEvent("Bounce", `"bounce":{"bounceType":"Permanent","bounceSubType":"NoEmail",`+
			`"timestamp":"2026-11-10T10:00:02Z","bouncedRecipients":[{"emailAddress":"a@example.net"}]}`),
	}
	for _, order := range [][]int{{0, 1, 2}, {2, 1, 0}, {1, 2, 0}, {2, 0, 1, 2}} {
		text := ""
		for _, i := range order {
			text += events[i]
		}
		s := newShop(t)
		sum := s.take(t, importer.Options{}, file(t, text))
		s.want(t, "a@example.net 2 false", "a@example.net 2 hard bad-mailbox")
		if want := []importer.Account{{Name: "123456789012", UserID: 2}}; !slices.Equal(sum.Accounts, want) {
			t.Errorf("accounts %+v, want %+v", sum.Accounts, want)
		}
	}
}
