package importer_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/importer"
	"deliverygraph/upstream/grouped"
)

// counter is a store that counts the rows that are read of it.
type counter struct {
	*shop
	asked, rows int
}

func (c *counter) Ask(ctx context.Context, only []upstream.ID, q *upstream.Question,
	p *grouped.Providers) (any, error) {
	answer, err := c.shop.Ask(ctx, only, q, p)
	rows, _ := answer.([]upstream.Email)
	c.asked, c.rows = c.asked+1, c.rows+len(rows)
	return answer, err
}

func TestManyMessagesToOneRecipientReadEachEmailAFewTimes(t *testing.T) {
	t.Parallel()
	const n = 100
	event := func(i int, delivered bool) string {
		at := time.Date(2026, 11, 10, 10, 0, i*5400, 0, time.UTC).Format(time.RFC3339)
		if delivered {
			return fmt.Sprintf(`{"RecordType":"Delivery","ServerID":23,"MessageID":"m%d","Recipient":"a@example.net",`+
				`"DeliveredAt":%q}`+"\n", i, at)
		}
		return fmt.Sprintf(`{"RecordType":"Bounce","Type":"HardBounce","ServerID":23,"MessageID":"m%d",`+
			`"Email":"a@example.net","From":"news@example.com","BouncedAt":%q,`+
			`"Details":"550 5.1.1 unknown"}`+"\n", i, at)
	}
	c := &counter{shop: newShop(t)}
	for _, part := range []struct {
		from, step int
		delivered  bool
	}{{0, 1, true}, {0, 1, false}, {n - 1, -1, false}} {
		var text strings.Builder
		for i := range n {
			text.WriteString(event(part.from+part.step*i, part.delivered))
		}
		c.rows = 0
		if sum, err := importer.Run(t.Context(), c, []string{file(t, text.String())}, importer.Options{}); err != nil ||
			sum.BadLines > 0 {
			t.Fatalf("%+v: %v, %+v", part, err, sum)
		}
		if c.rows > 3*n {
			t.Errorf("%+v: %d rows are read to find %d messages", part, c.rows, n)
		}
	}
	emails, bounces := c.count(t)
	if emails != n || bounces != n {
		t.Errorf("there are %d emails and %d bounces", emails, bounces)
	}
}

func TestNoticesWithoutASenderAreNotSearchedFor(t *testing.T) {
	t.Parallel()
	c := &counter{shop: newShop(t)}
	log := strings.ReplaceAll(eximLog, "<= news@example.com", "<= <>")
	if _, err := importer.Run(t.Context(), c, []string{file(t, log)}, importer.Options{}); err != nil {
		t.Fatal(err)
	}
	c.want(t, "a@example.net 1 true", "b@example.net 1 false", "c@example.net 1 true",
		"b@example.net 1 hard bad-mailbox")
	if c.asked > 0 {
		t.Errorf("the store was asked %d times", c.asked)
	}
}

// Records of KumoMTA may name all recipients of a message, or some, and may be in several files.
func TestRecipientsOfAMessageKeepTheirIDsInLaterImports(t *testing.T) {
	t.Parallel()
	record := func(kind, to string) string {
		return fmt.Sprintf(`{"type":%q,"id":"1d98","sender":"news@example.com","recipient":%s,"queue":"example.net",`+
			`"response":{"code":550,"content":"5.1.1 unknown"},"bounce_classification":"InvalidRecipient",`+
			`"created":1794304801,"timestamp":1794304802}`+"\n", kind, to)
	}
	records := []string{record("Reception", `["a@example.net","b@example.net"]`), record("Bounce", `"b@example.net"`),
		record("Delivery", `["a@example.net"]`), record("Bounce", `["b@example.net"]`)}
	for _, order := range [][]int{{0, 1, 2, 3}, {1, 0, 3, 2}, {2, 1, 0, 3}} {
		together, apart := newShop(t), newShop(t)
		var files []string
		for _, i := range order {
			files = append(files, file(t, records[i]))
			apart.take(t, importer.Options{}, files[len(files)-1])
		}
		together.take(t, importer.Options{Format: "kumomta"}, files...)
		for _, s := range []*shop{together, apart} {
			s.want(t, "a@example.net 1 true", "b@example.net 1 false", "b@example.net 1 hard bad-mailbox")
		}
	}
}
