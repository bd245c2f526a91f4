package resolvers_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"deliverygraph/internal/auth"
	"deliverygraph/upstream"
	"deliverygraph/upstream/upstreamtest"
)

// outcomeRows returns n emails to different recipients, one a second: of each ten, one bounced softly and then hard a
// minute later, one softly after a day, one was blocked, one is pending, and the others were delivered.
func outcomeRows(n int) (rows upstreamtest.Rows) {
	all := rowsOfDay(0)
	rows.Senders = all.Senders
	for i := range n {
		e := eventAt(day+upstream.Time(i), i)
		e.Local, e.Domain = fmt.Sprintf("person%d", i), "example.com"
		e.Recipient = e.Local + "@" + e.Domain
		bounce := func(typ upstream.BounceType, after upstream.Time) {
			b := e
			b.Type, b.Time = typ, e.Time+after
			rows.Add(upstream.Bounces, b)
		}
		e.Delivered, e.Type, e.Reason = i%10 > 3, "", ""
		switch i % 10 {
		case 0:
			bounce(upstream.Soft, 5)
			bounce(upstream.Hard, 60)
			bounce(upstream.Soft, 90)
		case 1:
			bounce(upstream.Soft, 86400)
		case 2:
			e.Reason = "hardbounce"
		}
		rows.Append(upstreamtest.RowsOf(e))
	}
	return rows
}

// checkOutcome checks the bounce and blocked fields of email i of outcomeRows.
func checkOutcome(t *testing.T, i int, email any) {
	t.Helper()
	at := func(seconds int) string {
		return (day + upstream.Time(i+seconds)).UTC().Format("2006-01-02T15:04:05Z")
	}
	var bounce, blocked []any
	switch i % 10 {
	case 0:
		bounce = []any{"HARD", at(60)}
	case 1:
		bounce = []any{"SOFT", at(86400)}
	case 2:
		blocked = []any{"hardbounce", at(0)}
	}
	for name, want := range map[string][]any{"bounce": bounce, "blocked": blocked} {
		got := get(email, name)
		switch {
		case (got == nil) != (want == nil):
			t.Errorf("email %d: %s is %v", i, name, got)
		case got != nil && (get(got, "type") != want[0] && get(got, "reason") != want[0] || get(got, "at") != want[1] ||
			get(got, "recipient") != get(email, "recipient")):
			t.Errorf("email %d: %s is %v, want %v", i, name, got, want)
		}
	}
}

// outcomeFields selects what checkOutcome needs.
const outcomeFields = ` recipient bounce { type at recipient sender { address } } blocked { reason at recipient } `

// What became of the emails of a page is found with a call for bounces and one for blocked emails, by columns and by
// the generated code.
func TestEmailsShowWhatBecameOfThem(t *testing.T) {
	t.Parallel()
	g := newGateway(t, outcomeRows(400))
	for name, query := range map[string]string{
		"columns": `{ emails(` + today + `, first: 400) { nodes {` + outcomeFields + `} } }`,
		"generated code": `{ emails(` + today + `, first: 400) { nodes {` + outcomeFields +
			`user { senders(` + today + `) { totalCount } } } } }`,
	} {
		t.Run(name, func(t *testing.T) {
			g.called()
			nodes := list(g.data(query, nil), "emails", "nodes")
			if len(nodes) != 400 {
				t.Fatalf("%d emails", len(nodes))
			}
			for i, e := range nodes {
				checkOutcome(t, i, e)
			}
			calls := slices.DeleteFunc(g.called(), func(call string) bool { return strings.Contains(call, "counts") })
			if len(calls) != 3 {
				t.Errorf("calls: %q", calls)
			}
		})
	}
}

// If thousands of bounces follow, those that matter are found by their recipients, also by callers who see
// pseudonyms only.
func TestEmailsShowWhatBecameOfThemAmongManyBounces(t *testing.T) {
	t.Parallel()
	rows := outcomeRows(30)
	for i := range 1700 { // after most bounces of the page, and before those of the next day
		more := rowsAt(day+upstream.Time(200+i), i)
		rows.Bounces = append(rows.Bounces, more.Bounces...)
	}
	g := newGateway(t, rows)
	for name, c := range map[string]struct {
		scopes auth.Scopes
		calls  int
	}{"all scopes": {auth.AllScopes, 1 + 1 + 3 + 9}, "masked": {auth.MetricsRead, 1 + 1 + 3 + 9}} {
		t.Run(name, func(t *testing.T) {
			g.called()
			r := g.askBy(auth.Caller{Users: auth.Everyone(), Scopes: c.scopes}, `{ emails(`+today+
				`, first: 30) { nodes {`+outcomeFields+`} } }`, nil)
			if len(r.Errors) > 0 {
				t.Errorf("%v", r.Errors)
			}
			for i, e := range list(r.Data, "emails", "nodes") {
				checkOutcome(t, i, e)
			}
			calls := slices.DeleteFunc(g.called(), func(call string) bool { return strings.Contains(call, "counts") })
			if len(calls) != c.calls { // the list, blocked emails, bounces, and those of 9 recipients
				t.Errorf("%d calls, want %d: %q", len(calls), c.calls, calls)
			}
		})
	}
}

// If the calls for outcomes fail, only these fields are null.
func TestEmailsStayIfTheirOutcomesFail(t *testing.T) {
	t.Parallel()
	g := newGateway(t, outcomeRows(10))
	g.intrude = failing("/bounces")
	r := g.ask(`{ emails(`+today+`) { nodes { recipient bounce { at } blocked { at } } } }`, nil)
	nodes := list(r.Data, "emails", "nodes")
	if len(nodes) != 10 || len(r.Errors) != 4 || get(nodes[2], "blocked") == nil {
		t.Errorf("%+v", r)
	}
	for _, e := range r.Errors {
		if e.Path[3] != "bounce" {
			t.Errorf("error at %v", e.Path)
		}
	}
}
