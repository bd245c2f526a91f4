package resolvers_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"deliverygraph/internal/auth"
	"deliverygraph/upstream"
	"deliverygraph/upstream/upstreamtest"
)

// Relative windows end now, at the same moment for the whole operation. Pages with a cursor stay in the window
// of the first page, however late they are requested.
func TestRelativeWindowsStayFixedWhilePaging(t *testing.T) {
	t.Parallel()
	g := newGateway(t, rowsOfDay(48))
	g.data(`{ a: stats(window: {last: "P1D"}) { sent } b: users(window: {last: "P1D"}) { nodes { id } } `+
		`c: emails(window: {last: "P1D"}) { nodes { sender { address } } } }`, nil)
	for _, call := range g.called() {
		if !strings.Contains(call, fmt.Sprintf("start_time=%d&end_time=%d", day, now)) {
			t.Errorf("%s is not within the day", call)
		}
	}
	page := `query($c: String) { emails(window: {last: "PT12H"}, first: 10, ` +
		`after: $c) { totalCount nodes { processedAt } pageInfo { hasNextPage endCursor } } ` +
		`users(window: {last: "PT12H"}, first: 4) { pageInfo { endCursor } } }`
	first := g.data(page, nil)
	g.later.Store(3 * 3600) // three hours later, with new events
	g.write(rowsAt(now+60, 99))
	g.called()
	second := g.data(page, map[string]any{"c": get(first, "emails", "pageInfo", "endCursor")})
	if fmt.Sprint(get(first, "emails", "totalCount"), get(second, "emails", "totalCount")) != "2424" ||
		len(list(second, "emails", "nodes")) != 10 {
		t.Errorf("%v, then %v", first["emails"], second["emails"])
	}
	last := g.data(page, map[string]any{"c": get(second, "emails", "pageInfo", "endCursor")})
	if n := len(list(last, "emails", "nodes")); n != 4 || get(last, "emails", "pageInfo", "hasNextPage") != false {
		t.Errorf("%v", last)
	}
	for _, call := range g.called() {
		if strings.HasPrefix(call, "/emails") && !strings.Contains(call, fmt.Sprintf("end_time=%d", now)) {
			t.Errorf("%s has another window", call)
		}
	}
	// The same holds for lists of users.
	users := `query($c: String) { users(window: {last: "PT12H"}, first: 4, after: $c) { totalCount nodes { userId } } }`
	rest := g.data(users, map[string]any{"c": get(first, "users", "pageInfo", "endCursor")})
	if n := len(list(rest, "users", "nodes")); n != 2 || fmt.Sprint(get(rest, "users", "totalCount")) != "6" {
		t.Errorf("%v", rest)
	}
	// Without a cursor, the window ends at the current time.
	fresh := g.data(page, nil)
	if got := fmt.Sprint(get(fresh, "emails", "totalCount")); got != "19" {
		t.Errorf("%s emails in the last twelve hours", got)
	}
}

// Operations share the end of their relative windows as long as cached answers are fresh, on every gateway, so that
// a question that was just answered is found again.
func TestRelativeWindowsShareNow(t *testing.T) {
	t.Parallel()
	const query = `{ stats(window: {last: "P1D"}) { sent } emails(window: {last: "PT12H"}) { nodes { id } } }`
	g, other := newGateway(t, rowsOfDay(48)), newGateway(t, rowsOfDay(48))
	calls := func(g *gateway, later int64) []string {
		g.later.Store(later)
		g.data(query, nil)
		return g.called()
	}
	if a, b := calls(g, 1), calls(g, 2); slices.Equal(a, b) {
		t.Errorf("without a cache, %v is asked at two moments", a)
	}
	g.remembering(nil)
	other.remembering(nil)
	g.called()
	for _, span := range []int64{11, 16} {
		want := calls(g, span)
		if got := calls(other, span+3); len(want) != 2 || !slices.Equal(want, got) {
			t.Errorf("one gateway asks %v, another %v", want, got)
		}
		if again := calls(g, span+4); len(again) != 0 {
			t.Errorf("asked again within the span: %v", again)
		}
	}
}

// Every second a bounce arrives that happened two seconds before. It is shown within five seconds, although
// operations share their now, answers are cached, and the client keeps them for as long as Cache-Control says.
func TestRelativeWindowsLagAtMostFiveSeconds(t *testing.T) {
	t.Parallel()
	g := newGateway(t, rowsOfDay(0))
	g.remembering(nil)
	const query = `{ bounces(window: {last: "PT1H"}, last: 500) { totalCount nodes { recipient } } ` +
		`stats(window: {last: "P1D"}) { bounced } }`
	var kept map[string]any
	expires := int64(3) // the client begins amid a span of five seconds
	for s := range int64(31) {
		g.later.Store(s)
		g.write(rowsAt(now+upstream.Time(s)-2, int(s)))
		if s >= expires {
			w := httptest.NewRecorder()
			r := httptest.NewRequest(http.MethodGet, "/graphql?query="+url.QueryEscape(query), nil)
			g.graph.ServeHTTP(w, r.WithContext(auth.With(r.Context(), auth.Anyone())))
			var resp response
			if err := json.Unmarshal(w.Body.Bytes(), &resp); err != nil || resp.Errors != nil {
				t.Fatal(err, resp.Errors)
			}
			kept, expires = resp.Data, s
			if age, found := strings.CutPrefix(w.Header().Get("Cache-Control"), "max-age="); found {
				n, _ := strconv.ParseInt(age, 10, 64)
				expires = s + n
			}
		}
		if kept == nil {
			continue
		}
		arrived := int(max(0, s-5+1)) // five seconds ago, the one of that second included
		for _, n := range []any{
			len(list(kept, "bounces", "nodes")), get(kept, "bounces", "totalCount"), get(kept, "stats", "bounced"),
		} {
			if n, _ := strconv.Atoi(fmt.Sprint(n)); n < arrived {
				t.Errorf("after %d s, %d bounces are shown, want at least %d", s, n, arrived)
			}
		}
	}
	if calls := len(g.called()); calls > 7*4 {
		t.Errorf("%d calls in 31 s, as if nothing were shared", calls)
	}
}

// An absolute window may be written in several forms, and cursors are valid for all of them.
func TestCursorsAreValidForAnyFormOfTheWindow(t *testing.T) {
	t.Parallel()
	g := newGateway(t, rowsOfDay(24))
	first := g.data(`{ emails(window: {between: {start: 1479772800, end: "2016-11-23T00:00:00Z"}}, `+
		`first: 20) { pageInfo { endCursor } } }`, nil)
	rest := g.data(`query($c: String) { emails(window: {between: {start: "2016-11-22T01:00:00+01:00", `+
		`end: 1479859200.0}}, filter: {deliveredOnly: false}, last: 20, after: $c) { nodes { id } } }`,
		map[string]any{"c": get(first, "emails", "pageInfo", "endCursor")})
	if n := len(list(rest, "emails", "nodes")); n != 4 {
		t.Errorf("%d rows", n)
	}
}

// The lists of a user or a sender contain only their rows, with the same filters, and their cursors are not
// valid elsewhere.
func TestListsOfUsersAndSendersHaveOnlyTheirRows(t *testing.T) {
	t.Parallel()
	rows := rowsOfDay(240)
	g := newGateway(t, rows)
	const lists = `
		bounces(` + today + `, filter: {type: HARD}, first: 3) {
			totalCount nodes { userId senderId type } pageInfo { endCursor hasNextPage }
		}
		emails(` + today + `, filter: {deliveredOnly: true}, last: 2) { totalCount nodes { userId senderId delivered } }
		blockedEmails(` + today + `, first: 0) {
			totalCount nodes { id } edges { cursor }
			pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
		} `
	data := g.data(`{ users(`+today+`) { nodes { userId `+lists+` senders(`+today+
		`, first: 3) { totalCount nodes { userId senderId `+lists+` } pageInfo { hasNextPage } } } } }`, nil)
	var cursors []any
	check := func(v any, user, sender string) {
		t.Helper()
		hard, delivered, all := 0, 0, 0
		for i, b := range rows.Bounces {
			if fmt.Sprint(b.UserID) != user || sender != "" && fmt.Sprint(b.SenderID) != sender {
				continue
			}
			all++
			if b.Type == upstream.Hard {
				hard++
			}
			if rows.Emails[i].Delivered {
				delivered++
			}
		}
		if got, want := fmt.Sprintf("%v %v %v", get(v, "bounces", "totalCount"), get(v, "emails", "totalCount"),
			get(v, "blockedEmails", "totalCount")), fmt.Sprintf("%d %d %d", hard, delivered, all); got != want ||
			all == 0 {
			t.Errorf("user %s, sender %s: totals %s, want %s", user, sender, got, want)
		}
		for _, r := range append(list(v, "bounces", "nodes"), list(v, "emails", "nodes")...) {
			if get(r, "userId") != user || sender != "" && get(r, "senderId") != sender || get(r, "type") == "SOFT" ||
				get(r, "delivered") == false {
				t.Errorf("user %s, sender %s: %v", user, sender, r)
			}
		}
		if got := fmt.Sprint(get(v, "blockedEmails")); got != fmt.Sprintf(
			"map[edges:[] nodes:[] pageInfo:map[endCursor:<nil> hasNextPage:true hasPreviousPage:false "+
				"startCursor:<nil>] totalCount:%d]", all) {
			t.Errorf("no rows: %s", got)
		}
		cursors = append(cursors, get(v, "bounces", "pageInfo", "endCursor"))
	}
	for _, u := range list(data, "users", "nodes") {
		user := get(u, "userId").(string)
		check(u, user, "")
		if n := list(u, "senders", "nodes"); len(n) != 3 || get(u, "senders", "pageInfo", "hasNextPage") != true ||
			fmt.Sprint(get(u, "senders", "totalCount")) != "4" {
			t.Errorf("user %s: %d senders", user, len(n))
		}
		for _, s := range list(u, "senders", "nodes") {
			if get(s, "userId") != user {
				t.Errorf("a sender of user %v in the list of %s", get(s, "userId"), user)
			}
			check(s, user, get(s, "senderId").(string))
		}
	}
	// A user's cursor is valid only for that user's list.
	resp := g.ask(`query($c: String) { users(`+today+`, first: 2) { nodes { userId bounces(`+today+
		`, filter: {type: HARD}, first: 3, after: $c) { nodes { id } } } } }`, map[string]any{"c": cursors[0]})
	if len(resp.Errors) != 1 || resp.Errors[0].Extensions["argument"] != "after" ||
		fmt.Sprint(resp.Errors[0].Path) != "[users nodes 1 bounces]" ||
		len(list(resp.Data, "users", "nodes", 0, "bounces", "nodes")) != 3 {
		t.Errorf("%+v", resp)
	}
}

// Without events, every field has an answer.
func TestEmptyStoreAnswersEveryField(t *testing.T) {
	t.Parallel()
	g := newGateway(t, upstreamtest.Rows{})
	const page = `{ totalCount nodes { id } edges { cursor } pageInfo { hasNextPage hasPreviousPage startCursor ` +
		`endCursor } }`
	const empty = "map[edges:[] nodes:[] pageInfo:map[endCursor:<nil> hasNextPage:false hasPreviousPage:false " +
		"startCursor:<nil>] totalCount:0]"
	for _, args := range []string{"", ", first: 0", ", last: 0", ", first: 500", ", last: 5"} {
		data := g.data(`{ users(`+today+args+`) `+page+` senders(`+today+args+`) `+page+` bounces(`+today+args+`) `+
			page+` emails(`+today+args+`) `+page+` blockedEmails(`+today+args+`) `+page+` }`, nil)
		for field, v := range data {
			if fmt.Sprint(v) != empty {
				t.Errorf("%s%s: %v", field, args, v)
			}
		}
		if len(data) != 5 {
			t.Errorf("%v", data)
		}
	}
	data := g.data(`{ stats(`+today+`) { sent bounced hardBounced softBounced blocked bounceRate hardBounceRate `+
		`softBounceRate blockedRate series(interval: DAY) { start sent bounced hardBounced softBounced blocked } } }`,
		nil)
	if got := fmt.Sprint(data["stats"]); got != "map[blocked:0 blockedRate:<nil> bounceRate:<nil> bounced:0 "+
		"hardBounceRate:<nil> hardBounced:0 sent:0 series:[map[blocked:0 bounced:0 hardBounced:0 sent:0 "+
		"softBounced:0 start:2016-11-22T00:00:00Z]] softBounceRate:<nil> softBounced:0]" {
		t.Error(got)
	}
}
