package resolvers_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"deliverygraph/internal/auth"

	gocmp "github.com/google/go-cmp/cmp"

	"deliverygraph/graph/model"
	"deliverygraph/upstream"
	"deliverygraph/upstream/upstreamtest"
)

const onNode = ` ... on Node { __typename id
	... on User { userId stats(` + today + `) { sent } }
	... on Sender { senderId owner: userId address }
	...row
	... on Bounce { type bouncedAt postbackAt detail { ruleName } }
	... on Email { delivered }
	... on BlockedEmail { reason }
} `

const rowFields = `userId senderId emailId recipient localPart domain processedAt xHeaders { name value } ` +
	`sender { address } user { userId }`

const rowFragment = ` fragment row on Node {
	... on Bounce { ` + rowFields + ` }
	... on Email { ` + rowFields + ` }
	... on BlockedEmail { ` + rowFields + ` postbackAt }
}`

// The id of an object is the same in every field.
func TestEveryObjectIsFoundByItsID(t *testing.T) {
	t.Parallel()
	g := newGateway(t, upstreamtest.Sample())
	const w = `window: {between: {start: "2016-11-20T00:00:00Z", end: "2016-11-25T00:00:00Z"}}`
	data := g.data(`{ users(`+w+`) { nodes {`+onNode+`} } senders(`+w+`) { nodes {`+onNode+`} } bounces(`+w+
		`) { nodes {`+onNode+`} } emails(`+w+`) { nodes {`+onNode+`} } blockedEmails(`+w+`) { nodes {`+onNode+`} } }`+
		rowFragment, nil)
	var objects []any
	for _, l := range []string{"users", "senders", "bounces", "emails", "blockedEmails"} {
		rows := list(data, l, "nodes")
		if len(rows) < 3 {
			t.Errorf("%d %s", len(rows), l)
		}
		objects = append(objects, rows...)
	}
	seen := map[string]bool{}
	var ids []any
	for _, o := range objects {
		id := get(o, "id").(string)
		if seen[id] {
			t.Errorf("two objects have the id %s", id)
		}
		seen[id] = true
		ids = append(ids, id)
	}
	found := g.data(`query($ids: [ID!]!) { nodes(ids: $ids) {`+onNode+`} }`+rowFragment, map[string]any{"ids": ids})
	if d := gocmp.Diff(plain(objects), plain(list(found, "nodes"))); d != "" {
		t.Error(d)
	}
	one := g.data(`query($id: ID!) { node(id: $id) {`+onNode+`} }`+rowFragment, map[string]any{"id": ids[len(ids)-1]})
	if d := gocmp.Diff(plain(objects[len(objects)-1]), plain(get(one, "node"))); d != "" {
		t.Error(d)
	}
}

// Valid, invalid, unknown and repeated ids are answered in their places, each failure with an error of its own.
func TestNodesReportsEachInvalidID(t *testing.T) {
	t.Parallel()
	rows := rowsOfDay(60)
	g := newGateway(t, rows)
	e := rows.Emails[7]
	good := (&model.Email{Row: &e}).ID()
	stranger, wrongUser, asBounce := good, good, good
	stranger.EmailID += "x"
	wrongUser.UserID = 25
	asBounce.Type, asBounce.EmailID = model.BounceNode, "20161122000000.none"
	user, nobody := model.NodeID{Type: model.UserNode, UserID: 21}, model.NodeID{Type: model.UserNode, UserID: 999}
	noSender := model.NodeID{Type: model.SenderNode, SenderID: 999}
	asked := []any{
		good.String(), "17", user.String(), stranger.String(), good.String(), nobody.String(), "17", wrongUser.String(),
		noSender.String(), asBounce.String(),
	}
	resp := g.ask(`query($ids: [ID!]!) { nodes(ids: $ids) { id } bounceCategories { code } }`,
		map[string]any{"ids": asked})
	var got []string
	for _, n := range list(resp.Data, "nodes") {
		got = append(got, fmt.Sprint(get(n, "id")))
	}
	want := []string{
		good.String(), "<nil>", user.String(), "<nil>", good.String(), "<nil>", "<nil>", "<nil>", "<nil>", "<nil>",
	}
	if d := gocmp.Diff(want, got); d != "" || len(list(resp.Data, "bounceCategories")) == 0 {
		t.Error(d)
	}
	errs := map[string]string{}
	for _, err := range resp.Errors {
		errs[fmt.Sprint(err.Path)] = fmt.Sprint(err.Extensions["code"], " ", err.Extensions["argument"])
	}
	if d := gocmp.Diff(map[string]string{
		"[nodes 1]": "BAD_USER_INPUT ids[1]", "[nodes 6]": "BAD_USER_INPUT ids[6]",
		"[nodes 3]": "NOT_FOUND <nil>", "[nodes 5]": "NOT_FOUND <nil>", "[nodes 7]": "NOT_FOUND <nil>",
		"[nodes 8]": "NOT_FOUND <nil>", "[nodes 9]": "NOT_FOUND <nil>",
	}, errs); d != "" {
		t.Error(d)
	}
	if calls := g.called(); len(calls) != 1+1+1+3+3+1+1 { // two emails of one second and recipient share a call
		t.Errorf("%d calls: %q", len(calls), calls)
	}
}

func TestNodesLimitsNumberOfIDs(t *testing.T) {
	t.Parallel()
	g := newGateway(t, rowsOfDay(24))
	if data := g.data(`{ nodes(ids: []) { id } }`, nil); fmt.Sprint(data) != "map[nodes:[]]" {
		t.Error(data)
	}
	id := model.NodeID{Type: model.UserNode, UserID: 21}.String()
	ids := strings.Repeat(`"`+id+`" `, 500)
	if n := list(g.data(`{ nodes(ids: [`+ids+`]) { id } }`, nil), "nodes"); len(n) != 500 {
		t.Errorf("%d nodes", len(n))
	}
	if calls := g.called(); len(calls) != 1 {
		t.Errorf("calls: %q", calls)
	}
	resp := g.ask(`{ nodes(ids: [`+ids+`"`+id+`"]) { id } }`, nil)
	if len(resp.Errors) != 1 || resp.Errors[0].Extensions["argument"] != "ids" ||
		!strings.Contains(resp.Errors[0].Message, "at most 500") {
		t.Errorf("%+v", resp.Errors)
	}
}

// An email may bounce for two recipients in the same second. The API's detail has a key without recipient, and
// returns only one of them, which must not be shown as the other's.
func TestDetailIsNeverThatOfAnotherRecipient(t *testing.T) {
	t.Parallel()
	rows := rowsAt(day, 0)
	twin := rows.Bounces[0]
	twin.EmailAddress, twin.Local, twin.Category, twin.DiagnosticCode = "zoe@example.com", "zoe", "other",
		"smtp;550 zoe"
	twin.Domain = "example.com"
	rows.Bounces = append(rows.Bounces, twin)
	g := newGateway(t, rows)
	resp := g.ask(`{ bounces(`+today+`) { nodes { id recipient category detail { diagnosticCode } } } }`, nil)
	nodes := list(resp.Data, "bounces", "nodes")
	if len(nodes) != 2 || get(nodes, 0, "detail") == nil || get(nodes, 1, "detail") != nil ||
		get(nodes, 1, "recipient") != "zoe@example.com" {
		t.Fatalf("%v", nodes)
	}
	if len(resp.Errors) != 1 || resp.Errors[0].Extensions["code"] != "NOT_FOUND" ||
		fmt.Sprint(resp.Errors[0].Path) != "[bounces nodes 1 detail]" {
		t.Errorf("%+v", resp.Errors)
	}
	for i := range nodes {
		data := g.ask(`query($id: ID!) { node(id: $id) { id ... on Bounce { recipient category `+
			`detail { diagnosticCode } } } }`, map[string]any{"id": get(nodes, i, "id")}).Data
		if d := gocmp.Diff(nodes[i], get(data, "node")); d != "" {
			t.Error(d)
		}
	}
	data := g.data(
		fmt.Sprintf(`{ bounce(userId: 20, senderId: 100, bouncedAt: %d, `+
			`emailId: "%s") { recipient detail { diagnosticCode } } }`, day, twin.EmailID), nil)
	if get(data, "bounce", "recipient") != rows.Bounces[0].EmailAddress || get(data, "bounce", "detail") == nil {
		t.Error(data)
	}
}

// The ids date from before domains were stored in lower case, and a remote upstream spells domains in capitals.
func TestNodeIsFoundWhateverTheCaseOfItsDomain(t *testing.T) {
	t.Parallel()
	stored := rowsAt(day, 0)
	capitals := rowsAt(day, 0)
	upstreamtest.Texts(capitals, func(t upstream.Texts) {
		local, _, _ := strings.Cut(*t.Address, "@")
		*t.Domain = strings.ToUpper(*t.Domain)
		*t.Address = local + "@" + *t.Domain
	})
	local, domain, _ := strings.Cut(stored.Emails[0].EmailAddress, "@")
	for name, rows := range map[string]upstreamtest.Rows{"stored in lower case": stored, "in capitals": capitals} {
		g := newGateway(t, rows)
		g.serve(upstreamtest.NewModel(rows))
		ids := g.data(`{ emails(`+today+`) { nodes { id } } bounces(`+today+`) { nodes { id } } blockedEmails(`+today+
			`) { nodes { id } } }`, nil)
		for _, k := range upstream.Kinds {
			id, err := model.ParseNodeID(get(ids, fieldOf(k), "nodes", 0, "id").(string))
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range []struct {
				recipient string
				found     bool
			}{
				{id.Recipient, true}, {local + "@" + strings.ToUpper(domain), true},
				{local + "@" + strings.ToLower(domain), true},
				{strings.ToUpper(local) + "@" + domain, false},
			} {
				id.Recipient = c.recipient
				resp := g.ask(`query($id: ID!) { node(id: $id) { id } }`, map[string]any{"id": id.String()})
				if found := get(resp.Data, "node") != nil; found != c.found {
					t.Errorf("%s, %s of %s: found is %v, %+v", name, k, c.recipient, found, resp.Errors)
				}
			}
		}
	}
}

// A row that may be among more rows of its second than are searched is not reported as missing.
func TestNodeInACrowdedSecond(t *testing.T) {
	t.Parallel()
	g := newGateway(t, upstreamtest.Rows{})
	rows := sameSecond(500)
	upstreamtest.Texts(rows, func(t upstream.Texts) { *t.Address = "someone@example.com" })
	for i := range rows.Emails {
		rows.Emails[i].UserID, rows.Emails[i].SenderID = 20, 100
	}
	page := upstream.AppendEmails(nil, rows.Emails)
	full := true
	g.intrude = func(w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("Content-Type", "application/json")
		if full || r.URL.Query().Get("offset") == "" {
			_, _ = w.Write(page)
		} else {
			_, _ = io.WriteString(w, "[]")
		}
		return true
	}
	id := model.NodeID{
		Type: model.EmailNode, UserID: 20, SenderID: 100, Time: day, EmailID: "other", Recipient: "someone@example.com",
	}
	for _, code := range []string{"QUERY_TOO_EXPENSIVE", "NOT_FOUND"} {
		r := g.ask(`query($id: ID!) { node(id: $id) { id } }`, map[string]any{"id": id.String()})
		if len(r.Errors) != 1 || r.Errors[0].Extensions["code"] != code ||
			full != strings.Contains(r.Errors[0].Message, "first 10000") {
			t.Errorf("%+v, want %s", r, code)
		}
		full = false
	}
}

// One call finds a bounce with its detail.
func TestBounceByItsNaturalKey(t *testing.T) {
	t.Parallel()
	rows := upstreamtest.Sample()
	g := newGateway(t, rows)
	for _, b := range rows.Bounces[1000:] {
		data := g.data(`query($u: ID!, $s: ID!, $t: DateTime!, $e: String!) { bounce(userId: $u, senderId: $s, `+
			`bouncedAt: $t, emailId: $e) { id recipient detail { ruleName fullContent } } }`,
			map[string]any{"u": fmt.Sprint(b.UserID), "s": b.SenderID, "t": b.BounceTime, "e": b.EmailID})
		want := map[string]any{
			"id": (&model.Bounce{Row: &b.Bounce}).ID().String(), "recipient": b.EmailAddress,
			"detail": map[string]any{"ruleName": b.RuleName, "fullContent": b.FullContent},
		}
		if d := gocmp.Diff(want, get(data, "bounce")); d != "" {
			t.Error(d)
		}
		if calls := g.called(); len(calls) != 1 {
			t.Errorf("calls: %q", calls)
		}
	}
	resp := g.ask(`{ bounce(userId: 1, senderId: 2, bouncedAt: 3, emailId: "x") { id } }`, nil)
	if len(resp.Errors) != 1 || resp.Errors[0].Extensions["code"] != "NOT_FOUND" || resp.Data["bounce"] != nil {
		t.Errorf("%+v", resp)
	}
}

// An object outside the caller's scope is reported like one that does not exist.
func TestNodesOutsideTheScopeAreNotFound(t *testing.T) {
	t.Parallel()
	rows := rowsOfDay(48)
	g := newGateway(t, rows)
	var ids []any
	for i := range rows.Emails {
		ids = append(ids, (&model.Email{Row: &rows.Emails[i]}).ID().String(),
			(&model.Bounce{Row: &rows.Bounces[i].Bounce}).ID().String(),
			(&model.BlockedEmail{Row: &rows.BlockedEmails[i]}).ID().String())
	}
	for s := range rows.Senders {
		ids = append(ids, model.NodeID{Type: model.SenderNode, SenderID: rows.Senders[s].SenderID}.String())
	}
	for u := range upstream.ID(users) {
		ids = append(ids, model.NodeID{Type: model.UserNode, UserID: 20 + u}.String())
	}
	for _, scope := range [][]upstream.ID{{20}, {21, 23}, {}} {
		resp := g.askAs(auth.Only(scope...),
			`query($ids: [ID!]!) { nodes(ids: $ids) { id ... on User { userId } ... on Sender { owner: userId } ... `+
				`on Bounce { userId } ... on Email { userId } ... on BlockedEmail { userId } } }`,
			map[string]any{"ids": ids})
		found := 0
		for _, n := range list(resp.Data, "nodes") {
			if n == nil {
				continue
			}
			found++
			var u upstream.ID
			if _, err := fmt.Sscan(fmt.Sprint(cmp.Or(get(n, "userId"), get(n, "owner"))), &u); err != nil ||
				!auth.Only(scope...).Has(u) {
				t.Errorf("scope %v finds %v", scope, n)
			}
		}
		if want := len(scope) * (3*48/users + sendersEach + 1); found != want {
			t.Errorf("scope %v finds %d objects, want %d", scope, found, want)
		}
		for _, err := range resp.Errors {
			if err.Extensions["code"] != "NOT_FOUND" {
				t.Errorf("%+v", err)
			}
		}
		for _, call := range g.called() {
			if !strings.Contains(call, "user_id=") && !strings.HasPrefix(call, "/bounce/2") {
				t.Errorf("scope %v: %s", scope, call)
			}
			for u := range upstream.ID(users) {
				if !auth.Only(scope...).Has(20+u) &&
					(strings.Contains(call, fmt.Sprintf("user_id=%d", 20+u)) ||
						strings.Contains(call, fmt.Sprintf("/bounce/%d/", 20+u))) {
					t.Errorf("scope %v: %s", scope, call)
				}
			}
		}
	}
}

// Another user's object and a missing object give the same message, and cost the same number of upstream calls,
// so the time taken reveals nothing either.
func TestForbiddenObjectsLookMissing(t *testing.T) {
	t.Parallel()
	rows := rowsOfDay(48)
	g := newGateway(t, rows)
	i := slices.IndexFunc(rows.Emails, func(e upstream.Email) bool { return e.UserID == 22 })
	there := model.NodeID{
		UserID: 22, SenderID: rows.Emails[i].SenderID, Time: rows.Emails[i].ProcessTime,
		EmailID: rows.Emails[i].EmailID, Recipient: rows.Emails[i].EmailAddress,
	}
	not := there
	not.EmailID, not.SenderID, not.UserID = "20161122000000.none", 987, 98
	for name, c := range map[string]struct {
		typ   model.NodeType
		calls int
	}{
		"a user": {model.UserNode, 0}, "a sender": {model.SenderNode, 3}, "a bounce": {model.BounceNode, 0},
		"an email": {model.EmailNode, 0}, "a blocked email": {model.BlockedEmailNode, 0},
	} {
		for _, caller := range []auth.Caller{
			{Users: auth.Only(20), Scopes: auth.AllScopes}, {Users: auth.Only(20), Scopes: auth.MetricsRead},
		} {
			var answers []string
			for _, id := range []model.NodeID{there, not} {
				id.Type = c.typ
				g.called()
				body, _ := json.Marshal(map[string]any{
					"query":     `query($id: ID!) { node(id: $id) { id } nodes(ids: [$id]) { id } }`,
					"variables": map[string]any{"id": id.String()},
				})
				r := httptest.NewRequestWithContext(auth.With(t.Context(), caller), http.MethodPost, "/graphql",
					bytes.NewReader(body))
				r.Header.Set("Content-Type", "application/json")
				w := httptest.NewRecorder()
				g.graph.ServeHTTP(w, r)
				answers = append(answers, string(normalised(t, w.Body.Bytes())))
				if n := len(g.called()); n != c.calls {
					t.Errorf("%s: %d calls, want %d", name, n, c.calls)
				}
			}
			if answers[0] != answers[1] || !strings.Contains(answers[0], `"node":null,"nodes":[null]`) {
				t.Errorf("%s: existing %s, missing %s", name, answers[0], answers[1])
			}
		}
	}
}
