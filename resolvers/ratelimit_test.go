package resolvers_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"deliverygraph/graph"
	"deliverygraph/graph/generated"
	"deliverygraph/internal/auth"
	"deliverygraph/internal/ratelimit"
	"deliverygraph/resolvers"
	"deliverygraph/resolvers/cost"
	"deliverygraph/resolvers/feed"
	"deliverygraph/resolvers/loaders"
	"deliverygraph/upstream"
	"deliverygraph/upstream/upstreamtest"
)

// limited is the part of an answer that concerns its cost.
type limited struct {
	status int
	header http.Header
	Data   map[string]any
	Errors []struct {
		Message    string
		Extensions map[string]any
	}
	Extensions struct {
		Cost *struct {
			Requested, Actual int
			Throttle          *struct{ Limit, Remaining, ResetAfterMs int }
		}
	}
}

func (g *gateway) askLimited(c auth.Caller, query string, header ...string) limited {
	g.t.Helper()
	body, err := json.Marshal(map[string]any{"query": query})
	if err != nil {
		g.t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(auth.With(g.t.Context(), c), http.MethodPost, "/graphql",
		strings.NewReader(string(body)))
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	g.graph.ServeHTTP(w, r)
	a := limited{status: w.Code, header: w.Header()}
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil {
		g.t.Fatalf("%v: %s", err, w.Body)
	}
	return a
}

func caller(name string, cost int) auth.Caller {
	return auth.Caller{
		Name: name, Users: auth.Everyone(), Scopes: auth.AllScopes, Limits: auth.Limits{CostPerMinute: cost},
	}
}

// An operation is charged its plan and refunded what it did not use. HTTP headers and GraphQL extensions report
// it.
func TestRateLimitsChargePlanAndRefundUnused(t *testing.T) {
	t.Parallel()
	g := newGateway(t, rowsOfDay(24))
	g.limit = 30
	g.serve(g.client)
	alice := caller("alice", 0)
	left := 30
	ask := func(requested, actual int, query string) limited {
		t.Helper()
		a := g.askLimited(alice, query)
		left -= actual
		cost := a.Extensions.Cost
		if a.status != 200 || len(a.Errors) > 0 || cost == nil || cost.Requested != requested ||
			cost.Actual != actual || cost.Throttle == nil || cost.Throttle.Limit != 30 ||
			cost.Throttle.Remaining != left || cost.Throttle.ResetAfterMs != (30-left)*2000 {
			t.Fatalf("status %d: %+v %+v, want %d and %d, with %d left", a.status, a.Errors, cost, requested, actual,
				left)
		}
		if p, r := a.header.Get("RateLimit-Policy"), a.header.Get("RateLimit"); p != `"cost";q=30;w=60` ||
			!strings.HasPrefix(r, `"cost";r=`) {
			t.Errorf("RateLimit-Policy: %s; RateLimit: %s", p, r)
		}
		return a
	}
	ask(1, 1, `{ __typename }`)
	ask(4, 4, `{ users(`+today+`) { nodes { userId } } }`)
	ask(12, 3,
		`{ bounces(`+today+`, first: 10, filter: {sender: "sender100@example.com"}) { nodes { detail { `+
			`ruleName } } } }`)
}

// Operations that exceed the limit are refused before they run.
func TestRateLimitsRefuseBeforeRunning(t *testing.T) {
	t.Parallel()
	g := newGateway(t, rowsOfDay(24))
	g.limit = 10
	g.serve(g.client)
	const users = `{ users(` + today + `) { nodes { userId } } }`
	alice := caller("alice", 0)
	for range 2 {
		if a := g.askLimited(alice, users); a.status != 200 || len(a.Errors) > 0 {
			t.Fatalf("%+v", a)
		}
	}
	g.called()
	// 2 units are left. Each try uses 1, even if it is refused.
	for _, c := range []struct {
		accept    string
		wait      int // seconds
		rateLimit string
		requested int // price of the operation's plan; 0 if it was not planned
		says      string
	}{
		{
			"application/json", 18, `"cost";r=1;t=54`, 4,
			"may cost 4 units (1, plus 1 for each planned upstream call), " +
				"and you have 1 of 10 units per minute left: try again in 18s",
		},
		{"application/graphql-response+json", 24, `"cost";r=0;t=60`, 4, "try again in 24s"},
		{
			"application/json", 6, `"cost";r=0;t=60`, 0,
			"you have used your limit of 10 units per minute: try again in 6s",
		},
		{"application/graphql-response+json", 6, `"cost";r=0;t=60`, 0, "you have used your limit"},
	} {
		a := g.askLimited(alice, users, "Accept", c.accept)
		if a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") != strconv.Itoa(c.wait) ||
			a.header.Get("RateLimit") != c.rateLimit || a.Data != nil || len(a.Errors) != 1 ||
			a.Errors[0].Extensions["code"] != "RATE_LIMITED" || a.Errors[0].Extensions["retryable"] != true ||
			a.Errors[0].Extensions["retryAfterMs"] != float64(1000*c.wait) ||
			!strings.Contains(a.Errors[0].Message, c.says) ||
			(a.Extensions.Cost != nil) != (c.requested > 0) ||
			c.requested > 0 && (a.Extensions.Cost.Requested != c.requested || a.Extensions.Cost.Actual != 1) {
			t.Errorf("%+v %+v, want %+v", a, a.Extensions.Cost, c)
		}
	}
	if calls := g.called(); len(calls) > 0 {
		t.Errorf("refused operations made calls: %q", calls)
	}
	if a := g.askLimited(caller("bob", 0), users); a.status != 200 || len(a.Errors) > 0 {
		t.Errorf("another caller: %+v", a)
	}
	if a := g.askLimited(caller("carol", 3), users); a.status != 200 || len(a.Errors) != 1 ||
		a.Errors[0].Extensions["code"] != "QUERY_TOO_EXPENSIVE" ||
		!strings.Contains(a.Errors[0].Message, "may cost 4 units") {
		t.Errorf("an operation above the limit: %+v", a)
	}
	g.later.Add(24)
	if a := g.askLimited(alice, users); a.status != 200 || len(a.Errors) > 0 {
		t.Errorf("after the announced wait: %+v", a)
	}
	g.later.Add(60)
	if a := g.askLimited(alice, "{ nothing }"); a.Extensions.Cost != nil ||
		a.header.Get("RateLimit") != `"cost";r=9;t=6` {
		t.Errorf("an invalid document: %+v", a)
	}
}

// A caller who waits as long as the message of a refusal says is not refused again.
func TestRateLimitsNeverAnnounceTooShortWaits(t *testing.T) {
	t.Parallel()
	const limit = 18 // a unit is restored in 3.33 s
	g := newGateway(t, rowsOfDay(1))
	g.limit = limit
	g.serve(g.client)
	alice := caller("alice", 0)
	for range limit {
		g.askLimited(alice, `{ __typename }`)
	}
	a := g.askLimited(alice, `{ __typename }`)
	if len(a.Errors) != 1 {
		t.Fatalf("%+v, want a refusal", a)
	}
	_, said, _ := strings.Cut(a.Errors[0].Message, "try again in ")
	if d, err := time.ParseDuration(said); err != nil ||
		float64(d.Milliseconds()) < a.Errors[0].Extensions["retryAfterMs"].(float64) {
		t.Errorf("the message says %q, and retryAfterMs %v", said, a.Errors[0].Extensions["retryAfterMs"])
	}
}

// Without a limit, the cost is reported only with an explanation. A plan costs one unit, whatever it prices.
func TestCostIsReportedOnlyIfExplained(t *testing.T) {
	t.Parallel()
	g := newGateway(t, rowsOfDay(24))
	g.serveWith(g.client, cost.Options{Allowed: true})
	const users = `{ users(` + today + `) { nodes { userId } } }`
	if a := g.askLimited(caller("alice", 0), users); a.Extensions.Cost != nil || a.header.Get("RateLimit") != "" {
		t.Errorf("%+v, %v", a.Extensions.Cost, a.header)
	}
	if a := g.askLimited(caller("alice", 0), users, "X-Explain", "1"); a.Extensions.Cost == nil ||
		a.Extensions.Cost.Requested != 4 || a.Extensions.Cost.Actual != 4 || a.Extensions.Cost.Throttle != nil {
		t.Errorf("%+v", a.Extensions.Cost)
	}
	bob := caller("bob", 100)
	g.askLimited(bob, users, "X-Explain", "plan")
	if a := g.askLimited(bob, "{ __typename }"); a.Extensions.Cost.Throttle.Remaining != 98 {
		t.Errorf("%+v", a.Extensions.Cost.Throttle)
	}
}

// The viewer shows the caller's name, permissions and remaining units.
func TestViewerShowsPermissionsAndLimit(t *testing.T) {
	t.Parallel()
	g := newGateway(t, upstreamtest.Rows{})
	const query = `{ viewer { name users permissions rateLimit { limit remaining resetAfterMs } } }`
	for name, c := range map[string]struct {
		who  auth.Caller
		want string
	}{
		"without a key": {
			auth.Anyone(),
			`{"name":null,"permissions":["metrics:read","recipients:read","content:read"],` +
				`"rateLimit":null,"users":null}`,
		},
		"with a key": {
			auth.Caller{
				Name: "partner", Users: auth.Only(21, 20), Scopes: auth.MetricsRead,
				Limits: auth.Limits{CostPerMinute: 60},
			},
			`{"name":"partner","permissions":["metrics:read"],` +
				`"rateLimit":{"limit":60,"remaining":59,"resetAfterMs":1000},"users":["20","21"]}`,
		},
	} {
		a := g.askLimited(c.who, query)
		got, err := json.Marshal(a.Data["viewer"])
		if err != nil || string(got) != c.want {
			t.Errorf("%s: %s, want %s (%+v)", name, got, c.want, a.Errors)
		}
	}
	if calls := g.called(); len(calls) > 0 {
		t.Errorf("calls: %q", calls)
	}
}

// An answer in parts refunds unused units once, with the last part.
func TestRateLimitsRefundDeferredAnswersOnce(t *testing.T) {
	t.Parallel()
	g := newGateway(t, rowsOfDay(24))
	g.limit = 30
	g.serve(g.client)
	alice := caller("alice", 0)
	body, _ := json.Marshal(map[string]any{
		"query": `{ bounces(` + today + `, first: 10, filter: {sender: "sender100@example.com"}) { nodes { emailId ` +
			`... @defer { detail { ruleName } } } } }`,
	})
	r := httptest.NewRequestWithContext(auth.With(t.Context(), alice), http.MethodPost, "/graphql",
		strings.NewReader(string(body)))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "multipart/mixed, application/json")
	w := httptest.NewRecorder()
	g.graph.ServeHTTP(w, r)
	m := regexp.MustCompile(`"requested":(\d+),"actual":(\d+),.*"remaining":(\d+)`).FindStringSubmatch(w.Body.String())
	if m == nil || m[1] == m[2] || strings.Count(w.Body.String(), `"requested"`) != 1 {
		t.Fatalf("%s: %s", m, w.Body)
	}
	left, _ := strconv.Atoi(m[3])
	if actual, _ := strconv.Atoi(m[2]); left != 30-actual {
		t.Errorf("%d units left after %d of 30", left, actual)
	}
	if now := g.askLimited(alice, `{ __typename }`).Extensions.Cost.Throttle.Remaining; now != left-1 {
		t.Errorf("%d units left after one more, want %d", now, left-1)
	}
}

// What a subscription missed is read by calls, which its reader pays for like those of its events.
func TestResumedSubscriptionsPayForWhatTheyMissed(t *testing.T) {
	t.Parallel()
	g := newGateway(t, rowsOfDay(3))
	var later atomic.Int64 // seconds
	clock := func() time.Time { return g.now().Add(time.Duration(later.Load()) * time.Second) }
	open := func() *httptest.Server {
		f := feed.New(func(ctx context.Context) feed.View {
			c := auth.FromContext(ctx)
			limited := auth.Limit(g.client, c, mask)
			return feed.View{API: limited, Context: auth.With(context.Background(), c), Key: c.View()}
		}, feed.Options{Interval: 20 * time.Millisecond, Overlap: time.Second, Now: clock})
		t.Cleanup(f.Close)
		limiter := ratelimit.NewLimiter(clock, nil)
		prices := cost.New(cost.Options{Now: clock, Limiter: limiter, Refused: func(string) {}})
		endpoint := graph.NewHandler(generated.NewExecutableSchema(resolvers.Root{Feed: f}.Schema()), graph.Options{
			Admit: prices.Admit, Extensions: []graph.Extension{prices, loaders.Extension{
				API: func(ctx context.Context) upstream.Asker {
					return auth.Limit(g.client, auth.FromContext(ctx), mask)
				},
				Now: clock,
			}},
		})
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			endpoint.ServeHTTP(w, r.WithContext(auth.With(r.Context(), caller("a", 100))))
		}))
		t.Cleanup(s.Close)
		return s
	}
	const query = `subscription($after: String) { bounces(after: $after) { cursor } }`
	first := subscribe(t, open(), auth.Everyone(), query, nil)
	g.write(rowsAt(now, 700))
	_, data := first.next()
	cursor, _ := get(data.Data, "bounces", "cursor").(string)
	if actual := get(data.Extensions, "cost", "actual"); cursor == "" || actual != 1.0 {
		t.Fatalf("%v", data)
	}
	g.write(rowsAt(now+600, 701))
	later.Store(3600)
	g.called()
	// A gateway that has not polled since then reads what came in the meantime.
	_, data = subscribe(t, open(), auth.Everyone(), query, map[string]any{"after": cursor}).next()
	if actual := get(data.Extensions, "cost", "actual"); actual != 2.0 {
		t.Errorf("%v, for calls %v", data, g.called())
	}
}
