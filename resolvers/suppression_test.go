package resolvers_test

import (
	"fmt"
	"testing"

	"deliverygraph/internal/auth"
	"deliverygraph/upstream"
	"deliverygraph/upstream/upstreamtest"
)

// history returns the rows of a recipient's history: letters at increasing seconds, D for a delivered email, H for a
// hard and S for a soft bounce, B for a blocked email and U for an email that was not delivered, and a dot for no
// event.
func history(user upstream.ID, events string) (rows upstreamtest.Rows) {
	for i, letter := range events {
		if letter == '.' {
			continue
		}
		e := eventAt(day+upstream.Time(100*i), i)
		e.UserID, e.Delivered, e.Type, e.Reason = user, letter == 'D', "", ""
		switch letter {
		case 'S':
			e.Type = upstream.Soft
		case 'H':
			e.Type = upstream.Hard
		case 'B':
			e.Reason = "hardbounce"
		}
		rows.Append(upstreamtest.RowsOf(e))
	}
	return to("someone@example.com", rows)
}

func TestSuppressionFollowsFromTheNewestEvidence(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		history, other string // of users 20 and 21
		args, verdict  string
		because        []int // indexes of events
		calls          int
	}{
		{"", "", "", "NO_EVIDENCE", nil, 2},
		{"DDD", "", "", "NO_EVIDENCE", nil, 2},
		{"DSSSU", "", "", "NO_EVIDENCE", nil, 2},
		{"DH", "", "", "LIKELY_BLOCKED", []int{1}, 3},
		{"DHSU", "", "", "LIKELY_BLOCKED", []int{1}, 3},
		{"DHB", "", "", "BLOCKED", []int{2, 1}, 3},
		{"HBB", "", "", "BLOCKED", []int{2, 0}, 3},
		{"B", "", "", "BLOCKED", []int{0}, 3},
		{"BH", "", "", "LIKELY_BLOCKED", []int{1}, 3},
		{"HD", "", "", "NO_EVIDENCE", []int{1, 0}, 3},
		{"HBDD", "", "", "NO_EVIDENCE", []int{2, 1}, 3},
		{"HBDH", "", "", "LIKELY_BLOCKED", []int{3}, 3},
		{"HBDB", "", "", "BLOCKED", []int{3, 0}, 3},
		{"H..", ".DD", "", "LIKELY_BLOCKED", []int{0}, 3}, // a delivery of another user clears nothing
		{"H..", ".DD", "userId: 21", "NO_EVIDENCE", nil, 2},
		{"B...", ".HHD", "", "BLOCKED", []int{0}, 3},
		{"B...", ".HHD", "userId: 21", "NO_EVIDENCE", []int{3, 2}, 3},
		{
			"HB", "", `window: {between: {start: "2016-11-22T00:00:00Z", end: "2016-11-22T00:01:00Z"}}`,
			"LIKELY_BLOCKED", []int{0}, 3,
		},
		{
			"HB", "", `window: {between: {start: "2016-11-23T00:00:00Z", end: "2026-11-22T00:01:00Z"}}`,
			"NO_EVIDENCE", nil, 2,
		},
	} {
		t.Run(c.history+" "+c.other+" "+c.args, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t, history(20, c.history))
			g.write(history(21, c.other))
			args := ""
			if c.args != "" {
				args = "(" + c.args + ")"
			}
			s := get(g.data(`{ recipient(address: "someone@example.com") {
				suppression`+args+` { verdict asOf because { at recipient ... on Bounce { type } } }
			} }`, nil), "recipient", "suppression")
			if get(s, "verdict") != c.verdict {
				t.Errorf("verdict %v, want %s", get(s, "verdict"), c.verdict)
			}
			var because, want []string
			for _, e := range list(s, "because") {
				because = append(because, fmt.Sprint(get(e, "at")))
			}
			for _, i := range c.because {
				want = append(want, (day + upstream.Time(100*i)).UTC().Format("2006-01-02T15:04:05Z"))
			}
			if fmt.Sprint(because) != fmt.Sprint(want) {
				t.Errorf("because of %v, want %v", because, want)
			}
			if n := len(g.called()); n != c.calls {
				t.Errorf("%d calls, want %d", n, c.calls)
			}
			if at := get(s, "asOf"); c.args == "" && at != "2016-11-23T00:00:00Z" {
				t.Errorf("as of %v", at)
			}
		})
	}
}

// A delivery is found even if the upstream cannot return all deliveries at once, for each user.
func TestSuppressionIsClearedAfterManyDeliveries(t *testing.T) {
	t.Parallel()
	rows := to("someone@example.com", rowsOfDay(1200))
	rows = upstreamtest.Rows{Senders: rows.Senders, Emails: rows.Emails}
	for i := range rows.Emails {
		rows.Emails[i].UserID, rows.Emails[i].Delivered = 20, true
	}
	rows.Emails[1100].UserID = 21
	for u, i := range map[upstream.ID]int{20: 1, 21: 2, 22: 3} {
		e := eventAt(day+upstream.Time(i), i)
		e.UserID, e.Delivered, e.Type = u, false, ""
		rows.Append(to("someone@example.com", upstreamtest.RowsOf(e)))
	}
	g := newGateway(t, rows)
	const query = `{ recipient(address: "someone@example.com") { suppression { verdict } } }`
	for users, want := range map[string]string{"20": "NO_EVIDENCE", "20,21": "NO_EVIDENCE", "20,21,22": "BLOCKED"} {
		var ids []upstream.ID
		for i := range (len(users) + 1) / 3 {
			ids = append(ids, upstream.ID(20+i))
		}
		v := get(g.dataAs(auth.Only(ids...), query, nil), "recipient", "suppression", "verdict")
		if v != want {
			t.Errorf("of users %s: %v, want %s", users, v, want)
		}
	}
	if v := get(g.data(query, nil), "recipient", "suppression", "verdict"); v != "BLOCKED" {
		t.Errorf("of all users: %v", v)
	}
}
