package resolvers_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"deliverygraph/resolvers/cost"
	"deliverygraph/upstream"
	"deliverygraph/upstream/upstreamtest"
)

// documented are the operations of the table in docs/partners.md, over the rows of the tests' day unless they have
// others. An operation may follow another.
var documented = map[string]struct {
	after, query string
	rows         func() upstreamtest.Rows // nil means those of the tests' day
}{
	"500 bounces of any users with sender address and user": {
		query: `{ bounces(` + endsNow + `, first: 500) { nodes { sender { address } user { userId } } } }`,
	},
	"the senders of a window with all stats over the same window": {
		query: `{ senders(` + endsNow + `) { nodes { address stats(` + endsNow +
			`) { sent bounced blocked bounceRate } } } }`,
	},
	"the users of a window with all stats over the same window": {
		query: `{ users(` + endsNow + `) { nodes { userId stats(` + endsNow +
			`) { sent bounced blocked bounceRate } } } }`,
	},
	"the same with `series` by day": {
		query: `{ users(` + endsNow + `) { nodes { userId stats(` + endsNow +
			`) { sent bounced blocked series(interval: DAY) { start sent bounced blocked } } } } }`,
	},
	"the senders of one user with stats over another window": {
		query: `{ senders(` + endsNow + `, userId: 21) { nodes { userId ` +
			`stats(window: {between: {start: "2016-11-22T06:00:00Z", end: "2016-11-23T00:00:00Z"}}) { sent bounced ` +
			`blocked bounceRate } } } }`,
	},
	"100 bounces with detail, 40 of them the same as others": {
		query: `{ a: bounces(` + endsNow + `, first: 60) { nodes { detail { diagnosticCode } } } b: bounces(` +
			endsNow + `, first: 40) { nodes { detail { ruleName } } } }`,
	},
	"the same page with its total under ten aliases": {
		query: `{ ` + tenTimes(`bounces(`+endsNow+
			`, first: 20) { totalCount nodes { recipient sender { address } } }`) + ` }`,
	},
	"stats over the last 30 days": {
		query: `{ stats(window: {last: "P30D"}) { sent bounced blocked } }`, rows: month,
	},
	"20 bounces with total, sender, user and detail": {
		query: `{ bounces(window: {last: "P7D"}, first: 20) { totalCount nodes { recipient sender { address } ` +
			`user { userId } detail { ruleName } } } }`, rows: month,
	},
	"24 senders, each with its last 5 bounces of the week": {
		query: `{ senders(window: {last: "P7D"}) { nodes { address bounces(window: {last: "P7D"}, ` +
			`last: 5) { nodes { bouncedAt recipient category } } } } }`, rows: month,
	},
	"6 users, each with the first 10 emails of the day to one domain": {
		query: `{ users(window: {last: "P7D"}) { nodes { userId emails(window: {last: "P1D"}, ` +
			`filter: {domain: "example1.com"}, first: 10) { nodes { recipient } } } } }`, rows: month,
	},
	"the total of emails at one domain over 90 days": {
		query: `{ emails(window: {last: "P90D"}, filter: {domain: "example1.com"}) { totalCount } }`, rows: quarter,
	},
	"the newest 50 events of a recipient in 30 days, its stats, and whether it is suppressed": {
		query: `{ recipient(address: "recipient3@example3.com") { ` +
			`stats(window: {last: "P30D"}) { sent delivered bounced blocked } ` +
			`events(window: {last: "P30D"}, order: NEWEST_FIRST) { totalCount nodes { at emailId } } ` +
			`suppression { verdict because { at } } } }`, rows: month,
	},
	"the newest 50 emails of a day, with what became of those that were not delivered": {
		query: `{ emails(window: {last: "P1D"}, order: NEWEST_FIRST) { nodes { recipient bounce { code } ` +
			`blocked { reason } } } }`, rows: month,
	},
	"what became of an email, for each recipient": {
		query: `{ message(emailId: "` + month().Emails[3301].EmailID + `", window: {last: "P7D"}) { ` +
			`recipients { recipient outcome at } } }`, rows: month,
	},
	"the newest 20 bounces of 30 days": {
		query: `{ bounces(window: {last: "P30D"}, order: NEWEST_FIRST, first: 20) { nodes { recipient } } }`,
		rows:  month,
	},
	"breakdowns of the bounces of 7 days by provider and by category, with rates, daily series and the total, " +
		"from a server that groups": {
		query: `{ bounces(window: {last: "P7D"}) { totalCount providers: breakdown(by: [PROVIDER]) { groups { count ` +
			`rate series(interval: DAY) { start count } } } categories: breakdown(by: [CATEGORY]) { groups { count ` +
			`rate series(interval: DAY) { start count } } } } }`, rows: month,
	},
	"users with stats and daily series, after senders with stats": {
		after: `{ senders(window: {last: "P30D"}) { nodes { address stats(window: {last: "P30D"}) { sent bounced ` +
			`blocked } } } }`,
		query: `{ users(window: {last: "P30D"}) { nodes { userId stats(window: {last: "P30D"}) { sent bounced ` +
			`blocked series(interval: DAY) { start sent bounced } } } } }`, rows: month,
	},
}

const endsNow = `window: {between: {start: "2016-11-22T00:00:00Z", end: "2016-11-23T00:00:00Z"}}`

// month returns 900 events of each kind in each of the four weeks before now.
func month() upstreamtest.Rows { return eventsBefore(now, 28, 3600) }

// quarter returns the emails of 90 days, of which a fifth is to each domain.
func quarter() upstreamtest.Rows {
	rows := eventsBefore(now, 90, 18_000)
	return upstreamtest.Rows{Senders: rows.Senders, Emails: rows.Emails}
}

func eventsBefore(end upstream.Time, days, n int) upstreamtest.Rows {
	rows := rowsOfDay(0)
	for i := range n {
		rows.Append(rowsAt(end-upstream.Time(days*86400)+upstream.Time(i*days*86400/n)+1, i))
	}
	return rows
}

// The number of calls of an operation, and of rounds of calls that wait for each other, is what docs/partners.md
// says.
func TestCallsAndRoundsAreAsDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/partners.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "| operation | no cache | first | again | 10 s later |\n")
	table, _, _ = strings.Cut(table, "\n\n")
	lines := strings.Split(table, "\n")[1:]
	if len(lines) != len(documented) {
		t.Errorf("the table has %d operations, the test %d", len(lines), len(documented))
	}
	for _, line := range lines {
		name, _, _ := strings.Cut(strings.Trim(line, "| "), " |")
		c, known := documented[name]
		if !known {
			t.Errorf("%q is not tested", name)
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rows := rowsOfDay(700)
			if c.rows != nil {
				rows = c.rows()
			}
			api := upstreamtest.NewModel(rows)
			// On a slow machine, calls of a round that begin late look like a further round.
			for wait := 10 * time.Millisecond; ; wait *= 8 {
				got := fmt.Sprintf("| %s | %s |", name, strings.Join(measured(t, api, c.after, c.query, wait), " | "))
				if got == line {
					return
				}
				if wait > time.Second {
					t.Fatalf("docs/partners.md has\n%s, but it should be\n%s", line, got)
				}
			}
		})
	}
}

// measured returns the calls and rounds of an operation without a cache, and with a cache the first time, again, and
// ten seconds later.
func measured(t *testing.T, api upstream.Asker, after, query string, wait time.Duration) (costs []string) {
	calls := &rounds{wait: wait}
	g := &gateway{t: t}
	counting := &upstreamtest.Counting{API: api, Before: calls.join}
	ask := func() {
		t.Helper()
		calls.made, calls.rounds = 0, 0
		if resp := g.ask(query, nil); len(resp.Errors) > 0 {
			t.Fatal(resp.Errors)
		}
		cost := fmt.Sprint(calls.made)
		if calls.made != calls.rounds {
			cost = fmt.Sprintf("%d in %d", calls.made, calls.rounds)
		}
		costs = append(costs, cost)
	}
	g.serve(counting)
	ask()
	g.rememberingOver(counting, nil, cost.Options{})
	if after != "" {
		g.ask(after, nil)
	}
	ask()
	ask()
	g.later.Add(10)
	ask()
	return costs
}

// rounds holds calls back until no other has begun for a while, and then lets them go together. So calls of one
// round do not wait for each other.
type rounds struct {
	wait         time.Duration
	mu           sync.Mutex
	made, rounds int
	next         chan struct{} // closed when the calls of the round go
	timer        *time.Timer
}

func (r *rounds) join(context.Context, string) error {
	r.mu.Lock()
	r.made++
	if r.next == nil {
		r.next = make(chan struct{})
		r.rounds++
		r.timer = time.AfterFunc(r.wait, r.release)
	} else {
		r.timer.Reset(r.wait)
	}
	next := r.next
	r.mu.Unlock()
	<-next
	return nil
}

func (r *rounds) release() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.next != nil {
		close(r.next)
		r.next = nil
	}
}
