package resolvers_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const today = `window: {between: {start: "2016-11-22T00:00:00Z", end: "2016-11-23T00:00:00Z"}}`

// intruder makes f answer calls instead of the REST server. f returns false for calls that the server should
// answer.
func (g *gateway) intruder(f func(w http.ResponseWriter, r *http.Request) bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.intrude = f
}

// The field becomes null with one error, and the rest of the page is there.
func TestFailedCallNullsOnlyItsField(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		path  string // prefix of the calls that fail
		query string
		want  map[string]any
		at    []any
	}{
		"a detail": {
			path:  "/bounce/21/",
			query: `{ bounces(` + today + `, filter: {userId: 21}, first: 1) { nodes { code detail { ruleName } } } }`,
			want: map[string]any{
				"bounces": map[string]any{"nodes": []any{map[string]any{"code": "4.2.2", "detail": nil}}},
			},
			at: []any{"bounces", "nodes", "0", "detail"},
		},
		"an address": {
			path:  "/email/counts",
			query: `{ emails(` + today + `, first: 1) { nodes { recipient sender { senderId address } } } }`,
			want: map[string]any{
				"emails": map[string]any{
					"nodes": []any{
						map[string]any{
							"recipient": "recipient0@example0.com",
							"sender":    map[string]any{"senderId": "100", "address": nil},
						},
					},
				},
			},
			at: []any{"emails", "nodes", "0", "sender", "address"},
		},
		"a total": {
			path:  "/blocked-email/counts",
			query: `{ blockedEmails(` + today + `, first: 1) { totalCount nodes { reason } } }`,
			want: map[string]any{
				"blockedEmails": map[string]any{
					"totalCount": nil, "nodes": []any{map[string]any{"reason": "hardbounce"}},
				},
			},
			at: []any{"blockedEmails", "totalCount"},
		},
		"one of three counts": {
			path:  "/blocked-email/counts",
			query: `{ stats(` + today + `) { sent blocked hardBounced } }`,
			want:  map[string]any{"stats": map[string]any{"sent": "600", "blocked": nil, "hardBounced": "200"}},
			at:    []any{"stats", "blocked"},
		},
		"a whole field, beside another": {
			path:  "/emails",
			query: `{ emails(` + today + `) { nodes { id } } bounces(` + today + `, first: 1) { nodes { code } } }`,
			want: map[string]any{
				"emails": nil, "bounces": map[string]any{"nodes": []any{map[string]any{"code": "5.1.1"}}},
			},
			at: []any{"emails", "nodes"},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t, rowsOfDay(600))
			g.intruder(func(w http.ResponseWriter, r *http.Request) bool {
				if strings.HasPrefix(r.URL.Path, c.path) && (c.path != "/emails" || r.URL.Path == c.path) {
					http.Error(w, "secret.example: no route to host", http.StatusServiceUnavailable)
					return true
				}
				return false
			})
			resp := g.ask(c.query, nil)
			if d := cmp.Diff(c.want, plain(resp.Data)); d != "" {
				t.Error(d)
			}
			if len(resp.Errors) != 1 {
				t.Fatalf("errors: %v", resp.Errors)
			}
			e := resp.Errors[0]
			if d := cmp.Diff(c.at, plain(e.Path)); d != "" {
				t.Error(d)
			}
			if e.Extensions["code"] != "UPSTREAM_UNAVAILABLE" || e.Extensions["retryable"] != true ||
				strings.Contains(e.Message, "secret") {
				t.Errorf("%s %v", e.Message, e.Extensions)
			}
		})
	}
}

// plain converts JSON's numbers to strings, for comparison.
func plain(v any) any {
	switch v := v.(type) {
	case map[string]any:
		m := map[string]any{}
		for k, x := range v {
			m[k] = plain(x)
		}
		return m
	case []any:
		l := make([]any, len(v))
		for i, x := range v {
			l[i] = plain(x)
		}
		return l
	case interface{ String() string }:
		return v.String()
	}
	return v
}

// An invalid argument is reported by name, with advice, and without upstream calls.
func TestInvalidArgumentsAreNamed(t *testing.T) {
	t.Parallel()
	g := newGateway(t, rowsOfDay(10))
	cursor := get(g.data(`{ bounces(`+today+`, first: 1) { pageInfo { endCursor } } }`, nil), "bounces", "pageInfo",
		"endCursor").(string)
	g.called()
	cases := map[string]struct {
		query     string
		variables map[string]any
		argument  string
		says      string
		calls     int
	}{
		"a window that ends before it starts": {
			query:    `{ bounces(window: {between: {start: 2, end: 1}}) { totalCount } }`,
			argument: "window.between.end", says: "later than",
		},
		"an empty window": {
			query:    `{ bounces(window: {last: "P0D"}) { totalCount } }`,
			argument: "window.last", says: "must be positive",
		},
		"a window of words": {
			query:    `{ bounces(window: {last: "a week"}) { totalCount } }`,
			argument: "window.last", says: `such as "PT6H"`,
		},
		"a window of words, as a variable": {
			query:     `query($w: Window!) { bounces(window: $w) { totalCount } }`,
			variables: map[string]any{"w": map[string]any{"last": "7d"}}, argument: "$w.last", says: "ISO 8601",
		},
		"milliseconds": {
			query:    `{ stats(window: {between: {start: 1479772800000, end: 1479859200}}) { sent } }`,
			argument: "window.between.start", says: "not milliseconds",
		},
		"a time of words": {
			query:    `{ stats(window: {between: {start: "yesterday", end: 5}}) { sent } }`,
			argument: "window.between.start", says: "RFC 3339",
		},
		"a user in letters": {
			query:    `{ emails(` + today + `, filter: {userId: "me"}) { totalCount } }`,
			argument: "filter.userId", says: "positive whole number",
		},
		"a user number of 0": {
			query:    `{ senders(` + today + `, userId: "0") { totalCount } }`,
			argument: "userId", says: "positive whole number",
		},
		"an unknown category": {
			query:    `{ bounces(` + today + `, filter: {category: "bad-mailbx"}) { totalCount } }`,
			argument: "filter.category", says: "bad-mailbox", calls: 1,
		},
		"an unknown reason": {
			query:    `{ blockedEmails(` + today + `, filter: {reason: "hard"}) { totalCount } }`,
			argument: "filter.reason", says: "hardbounce", calls: 1,
		},
		"an empty recipient": {
			query:    `{ bounces(` + today + `, filter: {recipient: ""}) { totalCount } }`,
			argument: "filter.recipient", says: "must not be empty",
		},
		"a sender's number for its address": {
			query:    `{ bounces(` + today + `, filter: {sender: "17"}) { totalCount } }`,
			argument: "filter.sender", says: "filter.senderId",
		},
		"five headers": {
			query: `{ bounces(` + today + `, filter: {xHeaders: [{name: "X-A", value: ""}, {name: "X-B", ` +
				`value: ""}, {name: "X-C", value: ""}, {name: "X-D", value: ""}, {name: "X-E", ` +
				`value: ""}]}) { totalCount } }`,
			argument: "filter.xHeaders", says: "at most 4",
		},
		"a header that is not custom": {
			query:    `{ bounces(` + today + `, filter: {xHeaders: [{name: "Subject", value: "x"}]}) { totalCount } }`,
			argument: "filter.xHeaders[0].name", says: "X- followed by",
		},
		"a header named twice": {
			query: `{ bounces(` + today + `, filter: {xHeaders: [{name: "X-A", value: "1"}, {name: "x-a", ` +
				`value: "2"}]}) { totalCount } }`,
			argument: "filter.xHeaders[1].name", says: "earlier header",
		},
		"a header without a value": {
			query:    `{ bounces(` + today + `, filter: {xHeaders: [{name: "X-A", value: ""}]}) { totalCount } }`,
			argument: "filter.xHeaders[0].value", says: "must not be empty",
		},
		"an invalid header name": {
			query:    `{ bounces(` + today + `, filter: {xHeaders: [{name: "X-A: b", value: "c"}]}) { totalCount } }`,
			argument: "filter.xHeaders[0].name", says: "X- followed by",
		},
		"a text that is too long": {
			query: `{ bounces(` + today + `, filter: {domain: "` + strings.Repeat("a", 1001) +
				`"}) { totalCount } }`,
			argument: "filter.domain", says: "longer than 1000 bytes",
		},
		"a list of a user, filtered by another user": {
			query: `{ node(id: "AVUq") { ... on User { emails(` + today +
				`, filter: {userId: 22}) { totalCount } } } }`,
			argument: "filter.userId", says: "omit it", calls: 1,
		},
		"a list of a sender, filtered by another sender": {
			query: `{ senders(` + today + `, first: 1) { nodes { blockedEmails(` + today +
				`, filter: {senderId: 999}) { totalCount } } } }`,
			argument: "filter.senderId", says: "omit it", calls: 3,
		},
		"too long a page": {
			query:    `{ bounces(` + today + `, first: 501) { nodes { id } } }`,
			argument: "first", says: "500",
		},
		"a negative page": {
			query:    `{ bounces(` + today + `, last: -1) { nodes { id } } }`,
			argument: "last", says: "-1",
		},
		"first and last": {
			query:    `{ users(` + today + `, first: 1, last: 1) { nodes { id } } }`,
			argument: "last", says: "first",
		},
		"not a cursor": {
			query:    `{ bounces(` + today + `, after: "abc") { nodes { id } } }`,
			argument: "after", says: "after",
		},
		"a cursor of another window": {
			query:    `{ bounces(window: {last: "P1D"}, after: "` + cursor + `") { nodes { id } } }`,
			argument: "after", says: "after",
		},
		"a cursor of another filter": {
			query:    `{ bounces(` + today + `, filter: {type: HARD}, before: "` + cursor + `") { nodes { id } } }`,
			argument: "before", says: "before",
		},
		"a cursor of another list": {
			query:    `{ emails(` + today + `, after: "` + cursor + `") { nodes { id } } }`,
			argument: "after", says: "after",
		},
		"not an id": {
			query:    `{ node(id: "17") { id } }`,
			argument: "id", says: "not an id",
		},
		"a list of a listed user, filtered by another user": {
			query: `{ users(` + today + `, first: 1) { nodes { bounces(` + today +
				`, filter: {userId: 21}) { totalCount } } } }`,
			argument: "filter.userId", says: "omit it", calls: 3,
		},
		"more points than a series may have": {
			query:    `{ stats(window: {between: {start: 0, end: 1479772800}}) { series(interval: HOUR) { sent } } }`,
			argument: "interval", says: "10000",
		},
		"a bounce without an email id": {
			query:    `{ bounce(userId: 1, senderId: 2, bouncedAt: 3, emailId: "") { id } }`,
			argument: "emailId", says: "must not be empty",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			g.called()
			resp := g.ask(c.query, c.variables)
			if len(resp.Errors) != 1 {
				t.Fatalf("errors: %v, data: %v", resp.Errors, resp.Data)
			}
			e := resp.Errors[0]
			if e.Extensions["code"] != "BAD_USER_INPUT" || e.Extensions["argument"] != c.argument ||
				!strings.Contains(e.Message, c.says) {
				t.Errorf("%q %v at %v\nwant argument %q and a message with %q", e.Message, e.Extensions, e.Path,
					c.argument, c.says)
			}
			if calls := g.called(); len(calls) != c.calls {
				t.Errorf("calls: %q", calls)
			}
		})
	}
}
