package graph_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"deliverygraph/graph"
	"deliverygraph/upstream"
)

// An error's code says who is at fault. Its text is shown only if it is meant for callers, and its cause never. The
// rest of the query is answered.
func TestFailedCallsHaveCodesAndHideTheirCause(t *testing.T) {
	t.Parallel()
	const query = `{ blockedReasons { code } bounces(` + window + `, first: 1) { nodes { id } } }`
	cause := errors.New("dial tcp secret.example:443: apikey=secret")
	cases := map[string]struct {
		err        error
		message    string
		extensions map[string]any
		logged     string
	}{
		"the upstream refuses what the gateway asked": {
			&upstream.Error{
				Code: upstream.InvalidArgument, Parameter: "start_time", Status: 452,
				Message: "the metrics API refused the request: no jane@example.com", Err: cause,
			}, "the metrics API refused the request: no jane@example.com",
			map[string]any{"code": "UPSTREAM_REJECTED", "retryable": false}, "WARN",
		},
		"the upstream does not know the gateway's key": {
			&upstream.Error{
				Code: upstream.Unauthenticated, Status: 451, Message: "the metrics API did not accept the key",
				Err: cause,
			}, "the metrics API did not accept the key",
			map[string]any{"code": "UPSTREAM_UNAUTHENTICATED", "retryable": false}, "WARN",
		},
		"the upstream is down": {
			&upstream.Error{
				Code: upstream.Unavailable, Status: 503, RetryAfter: 1500 * time.Millisecond,
				Message: "try again later", Err: cause,
			}, "try again later",
			map[string]any{"code": "UPSTREAM_UNAVAILABLE", "retryable": true, "retryAfterMs": 1500.0}, "WARN",
		},
		"the upstream is slow": {
			&upstream.Error{Code: upstream.Timeout, Message: "no answer in time", Err: cause}, "no answer in time",
			map[string]any{"code": "UPSTREAM_TIMEOUT", "retryable": true}, "WARN",
		},
		"the upstream talks nonsense": {
			&upstream.Error{Code: upstream.InvalidResponse, Status: 200, Message: "not in its contract", Err: cause},
			"not in its contract",
			map[string]any{"code": "UPSTREAM_INVALID_RESPONSE", "retryable": false}, "WARN",
		},
		"a list that is not there is no missing object": {
			&upstream.Error{
				Code: upstream.NotFound, Status: 404, Message: "a base URL with a wrong path answers so", Err: cause,
			}, "a base URL with a wrong path answers so",
			map[string]any{"code": "UPSTREAM_INVALID_RESPONSE", "retryable": false}, "WARN",
		},
		"the caller may not": {
			&upstream.Error{Code: upstream.PermissionDenied, Message: "this is not yours"}, "this is not yours",
			map[string]any{"code": "FORBIDDEN", "retryable": false}, "",
		},
		"an error without words": {
			&upstream.Error{Code: upstream.Unavailable, Status: 202, Err: cause}, "upstream unavailable",
			map[string]any{"code": "UPSTREAM_UNAVAILABLE", "retryable": true}, "WARN",
		},
		"a wrapped error": {
			fmt.Errorf("list bounces of user 21 at secret.example: %w",
				&upstream.Error{Code: upstream.Unavailable, Message: "try again later"}), "try again later",
			map[string]any{"code": "UPSTREAM_UNAVAILABLE", "retryable": true}, "WARN",
		},
		"a fault of ours": {
			&upstream.Error{Code: upstream.Internal, Message: "secret", Err: cause}, "internal error",
			map[string]any{"code": "INTERNAL", "retryable": false}, "ERROR",
		},
		"an unforeseen error": {
			cause, "internal error",
			map[string]any{"code": "INTERNAL", "retryable": false}, "ERROR",
		},
		"a deadline": {
			context.DeadlineExceeded, "the operation took longer than its time limit",
			map[string]any{"code": "UPSTREAM_TIMEOUT", "retryable": true}, "WARN",
		},
		"a caller that left": {
			fmt.Errorf("list bounces: %w", context.Canceled), "the operation was canceled",
			map[string]any{"code": "UPSTREAM_UNAVAILABLE", "retryable": true}, "",
		},
		"an overlong text": {
			&upstream.Error{Code: upstream.Unavailable, Message: strings.Repeat("ä", 5000)},
			strings.Repeat("ä", 298) + "…",
			map[string]any{"code": "UPSTREAM_UNAVAILABLE", "retryable": true}, "WARN",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEndpoint(graph.Options{}).failing("/bounces", c.err)
			a := e.ask(t, query, "")
			if a.status != 200 || len(a.errors) != 1 ||
				!strings.Contains(string(a.fields["data"]), `"blockedReasons":[{"code":"complaint"}`) ||
				!strings.Contains(string(a.fields["data"]), `"bounces":null`) {
				t.Fatalf("%d %s", a.status, a.body)
			}
			got := a.errors[0]
			if d := cmp.Diff(c.extensions, got.Extensions); d != "" {
				t.Error(d)
			}
			if d := cmp.Diff([]any{"bounces", "nodes"}, got.Path); d != "" {
				t.Error(d)
			}
			if got.Message != c.message {
				t.Errorf("message %q, want %q", got.Message, c.message)
			}
			if strings.Contains(a.body, "secret") {
				t.Error("the cause is shown")
			}
			log := e.log.String()
			if failed := strings.Contains(log, "msg=failed"); failed != (c.logged != "") ||
				failed && !strings.Contains(log, "level="+c.logged+" msg=failed") {
				t.Errorf("log: %s", log)
			}
			if strings.Contains(log, "jane") {
				t.Errorf("the log has an address: %s", log)
			}
			if c.logged == "ERROR" && !strings.Contains(log, "dial tcp secret.example:443") &&
				!strings.Contains(log, "error=secret") {
				t.Errorf("the cause is not logged: %s", log)
			}
			if c.logged != "" && !strings.Contains(log, "path=bounces.nodes") {
				t.Errorf("log: %s", log)
			}
		})
	}
}

// A panic in a resolver is an internal error at that field; the rest is answered, and the log has the stack.
func TestPanicsInResolversFailOneField(t *testing.T) {
	t.Parallel()
	id := func(e endpoint) string {
		a := e.ask(t, `{ bounces(`+window+`, first: 1) { nodes { id } } }`, "")
		return a.data.(map[string]any)["bounces"].(map[string]any)["nodes"].([]any)[0].(map[string]any)["id"].(string)
	}
	for name, c := range map[string]struct{ path, query, at string }{
		"of a root field": {
			"/bounce/categories", `{ bounceCategories { code } %s }`, "bounceCategories",
		},
		"of a page": {
			"/bounces", `{ bounces(` + window + `) { nodes { id } } %s }`, "bounces.nodes",
		},
		"of a detail, one of many": {
			"/bounce/", `{ bounces(` + window + `, first: 1) { nodes { detail { ruleName } } } %s }`,
			"bounces.nodes[0].detail",
		},
		"of one of three calls side by side": {
			"/email/counts", `{ users(` + window + `) { nodes { id } } %s }`, "users.nodes",
		},
		"of one of two calls of a rate": {
			"/email/counts", `{ stats(` + window + `) { bounceRate } %s }`, "stats.bounceRate",
		},
		"of one of two calls of a series": {
			"/email/counts", `{ stats(` + window + `) { series(interval: DAY) { sent bounced } } %s }`, "stats.series",
		},
		"of an object, beside others": {
			"/bounce/", `{ nodes(ids: ["%[2]s", "%[2]s"]) { id } %[1]s }`, "nodes[",
		},
		"of a call in a batch of many owners": {
			"/email/counts?start_time=1479772800&end_time=1479859200&user_id",
			`{ senders(` + window + `) { nodes { user { id } } } %s }`, "senders.nodes",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEndpoint(graph.Options{})
			query := strings.ReplaceAll(strings.ReplaceAll(c.query, "%[2]s", id(e)), "%[1]s", "%s")
			query = strings.ReplaceAll(query, "%s", "blockedReasons { code }")
			e.log.Reset()
			e.api.Before = func(_ context.Context, call string) error {
				if strings.HasPrefix(call, c.path) {
					panic("secret")
				}
				return nil
			}
			a := e.ask(t, query, "")
			if a.status != 200 || !strings.Contains(a.body, `"blockedReasons":[{"code":"complaint"}`) ||
				strings.Contains(a.body, "secret") {
				t.Errorf("%d %s", a.status, a.body)
			}
			if len(a.errors) == 0 {
				t.Fatal("no error")
			}
			for _, err := range a.errors {
				if err.code() != "INTERNAL" || err.Message != "internal error" {
					t.Errorf("%+v", err)
				}
			}
			if log := strings.ReplaceAll(e.log.String(), `path="`, "path="); !strings.Contains(log, "level=ERROR") ||
				!strings.Contains(log, "secret") || !strings.Contains(log, "errors_test.go") ||
				!strings.Contains(log, "path="+c.at) {
				t.Errorf("log: %s", log)
			}
		})
	}
}

// Five hundred failures of one kind are a hundred errors and one log line.
func TestErrorsAreLimited(t *testing.T) {
	t.Parallel()
	e := newEndpoint(graph.Options{}).failing("/bounce/", &upstream.Error{Code: upstream.Unavailable, Message: "down"})
	a := e.ask(t,
		`{ bounces(window: {between: {start: "2016-11-26T00:00:00Z", end: "2016-11-27T00:00:00Z"}}, `+
			`first: 500) { nodes { detail { ruleName } } } }`, "")
	if len(a.errors) != 100 {
		t.Errorf("%d errors", len(a.errors))
	}
	if log := e.log.String(); strings.Count(log, "msg=failed") != 1 || !strings.Contains(log, "times=500") ||
		!strings.Contains(log, "errors=500") {
		t.Errorf("log: %s", log)
	}
	var many strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&many, " no%d", i)
	}
	if a := e.ask(t, "{ bounces("+window+") {"+many.String()+"} }", ""); len(a.errors) != 100 || a.status != 400 {
		t.Errorf("%d errors, status %d", len(a.errors), a.status)
	}
}

// Messages repeat only a short excerpt of their input.
func TestMessagesAreShort(t *testing.T) {
	t.Parallel()
	e := newEndpoint(graph.Options{})
	long := strings.Repeat("a", 100_000)
	for name, c := range map[string]struct{ query, variables string }{
		"a field":             {`{ ` + long + ` }`, ""},
		"a token":             {`{ "` + long + `" }`, ""},
		"a field of an input": {`{ bounces(window: {` + long + `: 1}) { totalCount } }`, ""},
		"a variable":          {`query($` + long + `: ID!) { node(id: $` + long + `) { id } }`, ""},
		"a variable's field": {
			`query($f: BounceFilter) { bounces(` + window + `, filter: $f) { totalCount } }`,
			`{"f": {"` + long + `": 1}}`,
		},
		"a text":   {`{ bounces(window: {last: "` + long + `"}) { totalCount } }`, ""},
		"an id":    {`{ node(id: "` + long + `") { id } }`, ""},
		"a number": {`{ stats(` + window + `, userId: "` + long + `") { sent } }`, ""},
		"a category": {
			`{ bounces(` + window + `, filter: {category: "` + long[:900] + `"}) { totalCount } }`, "",
		},
		"a long filter": {`{ bounces(` + window + `, filter: {recipient: "` + long + `"}) { totalCount } }`, ""},
		"a cursor":      {`{ bounces(` + window + `, after: "` + long + `") { nodes { id } } }`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if a := e.ask(t, c.query, c.variables); len(a.errors) == 0 || len(a.body) > 2000 {
				t.Errorf("%d errors in %d bytes: %.1000s", len(a.errors), len(a.body), a.body)
			}
		})
	}
	e.log.Reset()
	e.ask(t, `query `+long+` { __typename }`, "")
	if e.log.Len() > 1000 {
		t.Errorf("%d bytes of log", e.log.Len())
	}
}

// A document that is too large to validate is refused, with a message that says so.
func TestDocumentsAreLimited(t *testing.T) {
	t.Parallel()
	e := newEndpoint(graph.Options{MaxTokens: 100})
	for name, query := range map[string]string{
		"many tokens": "{" + strings.Repeat(" __typename", 100) + " }",
		"deep nesting": "{ a(b: " + strings.Repeat("[", 40) + strings.Repeat("]", 40) + ") " +
			strings.Repeat("{ a ", 20),
	} {
		a := e.ask(t, query, "")
		if a.status != 400 || len(a.errors) != 1 || a.errors[0].code() != "QUERY_TOO_EXPENSIVE" ||
			!strings.Contains(a.errors[0].Message, "100 tokens") {
			t.Errorf("%s: %s", name, a.body)
		}
	}
	deep := newEndpoint(graph.Options{})
	a := deep.ask(t, strings.Repeat("{ a ", 1100), "")
	if a.status != 400 || len(a.errors) != 1 || a.errors[0].code() != "QUERY_TOO_EXPENSIVE" ||
		!strings.Contains(a.errors[0].Message, "1000 levels") {
		t.Error(a.body)
	}
}

// When the deadline passes, fields that are ready are answered.
func TestDeadlineAnswersWhatIsReady(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEndpoint(graph.Options{Timeout: 3 * time.Second})
		e.api.Before = func(ctx context.Context, call string) error {
			if strings.HasPrefix(call, "/bounces") {
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		}
		start := time.Now()
		a := e.ask(t, `{ blockedReasons { code } bounces(`+window+`) { nodes { id } } }`, "")
		if took := time.Since(start); took != 3*time.Second {
			t.Errorf("took %v", took)
		}
		if a.status != 200 || len(a.errors) != 1 || a.errors[0].code() != "UPSTREAM_TIMEOUT" ||
			a.errors[0].Extensions["retryable"] != true ||
			!strings.Contains(a.body, `"blockedReasons":[{"code":"complaint"}`) {
			t.Error(a.body)
		}
	})
}

// When the client leaves, work stops, and the log does not call it a failure.
func TestClientLeavingIsNotAFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEndpoint(graph.Options{})
		e.api.Before = func(ctx context.Context, call string) error {
			<-ctx.Done()
			return ctx.Err()
		}
		ctx, leave := context.WithCancel(t.Context())
		var a answer
		done := make(chan struct{})
		go func() {
			defer close(done)
			a = e.doIn(ctx, t, post(`{"query": "{ blockedReasons { code } bounceCategories { code } }"}`))
		}()
		synctest.Wait()
		leave()
		<-done
		if string(a.fields["data"]) != `{"blockedReasons":null,"bounceCategories":null}` || len(a.errors) != 2 ||
			strings.Contains(e.log.String(), "failed") {
			t.Errorf("%s\n%s", a.body, e.log)
		}
	})
}
