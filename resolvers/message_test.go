package resolvers_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"deliverygraph/internal/auth"
	"deliverygraph/upstream"
	"deliverygraph/upstream/upstreamtest"
)

// failing makes the calls of a path fail.
func failing(path string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != path {
			return false
		}
		http.Error(w, "failed", http.StatusInternalServerError)
		return true
	}
}

// messageRows returns a message to four recipients, with an outcome each, among other emails of the same second.
func messageRows(id string) upstreamtest.Rows {
	rows := rowsOfDay(0)
	for i := range 60 {
		e := eventAt(day+50, i)
		e.Reason = ""
		rows.Append(upstreamtest.RowsOf(e))
	}
	for i, name := range []string{"a-delivered", "b-bounced", "c-blocked", "d-pending"} {
		e := eventAt(day+50, 7)
		e.EmailID, e.Delivered, e.Type, e.Reason = id, i == 0, "", ""
		switch i {
		case 1:
			e.Type = upstream.Hard
		case 2:
			e.Reason = "hardbounce"
		}
		more := to(name+"@example.com", upstreamtest.RowsOf(e))
		for b := range more.Bounces {
			more.Bounces[b].BounceTime = day + 500
		}
		rows.Append(more)
	}
	return rows
}

const message = `query($id: String!) { message(emailId: $id, ` + today + `) { emailId processedAt recipientCount ` +
	`recipients { recipient outcome at email { delivered bounce { code } } bounce { type sender { address } } ` +
	`blocked { reason } } } }`

// A message shows for each recipient what became of it. The second that its id begins with is read, or the whole
// window if it begins otherwise.
func TestMessageShowsWhatBecameOfEachRecipient(t *testing.T) {
	t.Parallel()
	for id, wantCalls := range map[string]int{"20161122000050.m1@example": 4, "m1": 4} {
		g := newGateway(t, messageRows(id))
		m := get(g.data(message, map[string]any{"id": id}), "message")
		if get(m, "emailId") != id || get(m, "processedAt") != "2016-11-22T00:00:50Z" ||
			fmt.Sprint(get(m, "recipientCount")) != "4" {
			t.Errorf("%v", m)
		}
		var got []string
		for _, r := range list(m, "recipients") {
			name, _, _ := strings.Cut(get(r, "recipient").(string), "@")
			got = append(got, fmt.Sprint(name, " ", get(r, "outcome"), " ", get(r, "at")))
			if (get(r, "bounce") != nil) != (get(r, "outcome") == "BOUNCED") ||
				(get(r, "blocked") != nil) != (get(r, "outcome") == "BLOCKED") {
				t.Errorf("%v", r)
			}
		}
		want := "a-delivered DELIVERED 2016-11-22T00:00:50Z, b-bounced BOUNCED 2016-11-22T00:08:20Z, " +
			"c-blocked BLOCKED 2016-11-22T00:00:50Z, d-pending PENDING <nil>"
		if s := strings.Join(got, ", "); s != want {
			t.Errorf("got  %s\nwant %s", s, want)
		}
		if calls := g.called(); len(calls) != wantCalls { // emails, bounces, blocked emails, counts
			t.Errorf("calls: %q", calls)
		}
	}
}

// Bounces after the window are not part of a message's outcome.
func TestMessageIsPendingUntilItBounces(t *testing.T) {
	t.Parallel()
	const id = "20161122000050.m1@example"
	g := newGateway(t, messageRows(id))
	for end, want := range map[string]string{"2016-11-22T00:08:20Z": "PENDING", "2016-11-22T00:08:21Z": "BOUNCED"} {
		q := strings.Replace(message, today, `window: {between: {start: "2016-11-22", end: "`+end+`"}}`, 1)
		m := get(g.data(q, map[string]any{"id": id}), "message")
		if o := get(m, "recipients", 1, "outcome"); o != want {
			t.Errorf("until %s: %v, want %s", end, o, want)
		}
	}
}

// Recipients that are not shown are not looked up, even if each takes a call.
func TestOnlyShownRecipientsAreLookedUp(t *testing.T) {
	t.Parallel()
	const id, shown, all = "20161122000050.m1@example", 500, 530
	rows := rowsOfDay(0)
	for i := range all {
		e := eventAt(day+50, 7)
		e.EmailID, e.Delivered, e.Type, e.Reason = id, false, "", ""
		rows.Append(to(fmt.Sprintf("r%03d@example.com", i), upstreamtest.RowsOf(e)))
	}
	for i := range 1600 { // more bounces than are read for all recipients together
		e := eventAt(day+60, i)
		e.UserID, e.SenderID, e.Reason = rows.Emails[0].UserID, rows.Emails[0].SenderID, ""
		rows.Append(upstreamtest.RowsOf(e))
	}
	g := newGateway(t, rows)
	m := get(g.data(`{ message(emailId: "`+id+`", `+today+`) { recipientCount recipients { bounce { code } } } }`, nil),
		"message")
	if n := len(list(m, "recipients")); n != shown || fmt.Sprint(get(m, "recipientCount")) != fmt.Sprint(all) {
		t.Errorf("%d of %v recipients", n, get(m, "recipientCount"))
	}
	if calls := len(g.called()); calls != 2+3+shown { // emails, bounces, and the bounces of each recipient
		t.Errorf("%d calls", calls)
	}
}

func TestMessageThatCannotBeFound(t *testing.T) {
	t.Parallel()
	g := newGateway(t, messageRows("20161122000050.m1@example"))
	for name, c := range map[string]struct {
		id, code, argument string
		who                auth.Caller
		calls              int
	}{
		"unknown":               {"20161122000050.m2@example", "NOT_FOUND", "", auth.Anyone(), 1},
		"unknown, without time": {"m2", "NOT_FOUND", "", auth.Anyone(), 1},
		"outside the window":    {"20161123000050.m2@example", "BAD_USER_INPUT", "window", auth.Anyone(), 0},
		"empty":                 {"", "BAD_USER_INPUT", "emailId", auth.Anyone(), 0},
		"a guess at an address": {
			"20161122000050.someone=example.com@example", "FORBIDDEN", "emailId",
			auth.Caller{Users: auth.Everyone(), Scopes: auth.MetricsRead}, 0,
		},
		"of another user": {
			"20161122000050.m1@example", "NOT_FOUND", "", auth.Caller{Users: auth.Only(24), Scopes: auth.AllScopes}, 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			g.called()
			r := g.askBy(c.who, message, map[string]any{"id": c.id})
			if len(r.Errors) != 1 || r.Errors[0].Extensions["code"] != c.code || r.Data["message"] != nil ||
				c.argument != "" && r.Errors[0].Extensions["argument"] != c.argument {
				t.Errorf("%+v", r)
			}
			if calls := g.called(); len(calls) != c.calls {
				t.Errorf("calls: %q", calls)
			}
		})
	}
}

// An email among more emails than are searched is an error that says so: in its second or, if its id does not begin
// with one, in the window.
func TestMessageSearchIsLimited(t *testing.T) {
	t.Parallel()
	g := newGateway(t, upstreamtest.Rows{})
	page := upstream.AppendEmails(nil, rowsOfDay(500).Emails)
	g.intrude = func(w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(page)
		return true
	}
	for id, want := range map[string][]any{
		"m1":                     {"BAD_USER_INPUT", "window", "use a shorter window"},
		"20161122000050.m1@mail": {"QUERY_TOO_EXPENSIVE", nil, "its second has more"},
	} {
		r := g.ask(message, map[string]any{"id": id})
		if len(r.Errors) != 1 || r.Errors[0].Extensions["code"] != want[0] ||
			r.Errors[0].Extensions["argument"] != want[1] || !strings.Contains(r.Errors[0].Message, "10000") ||
			!strings.Contains(r.Errors[0].Message, want[2].(string)) {
			t.Errorf("%s: %+v", id, r)
		}
		if calls := g.called(); len(calls) != 20 {
			t.Errorf("%s: %d calls", id, len(calls))
		}
	}
}
