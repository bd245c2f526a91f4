package resolvers_test

import (
	"fmt"
	"testing"
)

// The examples in graphql.md work as written.
func TestDesignExamplesWork(t *testing.T) {
	t.Parallel()
	g := newGateway(t, rowsOfDay(240))
	data := g.data(`query BouncesWithDetails {
  bounces(window: {last: "P7D"}, filter: {type: HARD}, first: 20) {
    totalCount
    nodes { bouncedAt recipient category sender { address } user { userId } detail { diagnosticCode ruleName } }
    pageInfo { hasNextPage endCursor }
  }
}`, nil)
	if n := list(data, "bounces", "nodes"); len(n) != 20 || fmt.Sprint(get(data, "bounces", "totalCount")) != "80" ||
		get(n[0], "detail", "diagnosticCode") != "smtp;550 5.1.1 <recipient0@example0.com>: event 0" {
		t.Errorf("%v", data)
	}
	// the page, which shows the total, its senders' counts, and the details
	if calls := g.called(); len(calls) != 2+20 {
		t.Errorf("%d calls: %q", len(calls), calls)
	}
	data = g.data(`query SenderHealth {
  senders(window: {last: "P30D"}, userId: 21) {
    nodes { address stats(window: {last: "P30D"}) { sent bounced hardBounced softBounced blocked bounceRate
                                                  series(interval: DAY) { start sent bounced } } }
  }
}`, nil)
	for _, s := range list(data, "senders", "nodes") {
		if fmt.Sprint(get(s, "stats", "sent")) != "10" || len(list(s, "stats", "series")) != 30 ||
			fmt.Sprint(get(s, "stats", "bounceRate")) != "1" {
			t.Errorf("%v", s)
		}
	}
	if n := len(list(data, "senders", "nodes")); n != sendersEach {
		t.Errorf("%d senders", n)
	}
	if calls := g.called(); len(calls) != 3+2 {
		t.Errorf("%d calls: %q", len(calls), calls)
	}
}
