package rest

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/upstreamtest"
	"deliverygraph/upstream/upstreamtest/fault"
)

// someRows returns, for each kind: 1003 rows of user 21 and sender 17 on the day, three a second; three rows of its
// sender 18, and one a day earlier and later; and one row of another user.
func someRows() (rows upstreamtest.Rows) {
	add := func(user, sender upstream.ID, at upstream.Time) {
		n := len(rows.Emails)
		id, local := fmt.Sprintf("%d.%04d@mail", at, n), fmt.Sprintf("recipient%d", n)
		rows.Append(upstreamtest.RowsOf(store.Event{
			Identity: upstream.Identity{
				Time: at, EmailID: id, Recipient: local + "@example.com", UserID: user, SenderID: sender,
			},
			Local: local, Domain: "example.com", XHeaders: []upstream.Header{{Name: "X-Campaign", Value: "spring"}},
			Own: store.Own{
				Delivered: n%3 == 0, ProcessTime: at, PostbackTime: at + 1, Reason: "manual",
				Type: upstream.Hard, Category: "bad-mailbox", Code: "5.1.1", DiagnosticCode: "smtp;550",
				RuleName: "badmailbox01", FullContent: "Return-Path: <>\n",
			},
		}))
	}
	for i := range 1003 {
		add(21, 17, day.Start+7200+upstream.Time(i/3))
	}
	for _, at := range []upstream.Time{day.Start - 60, day.Start + 60, day.Start + 61, day.Start + 7200, day.End + 60} {
		add(21, 18, at)
	}
	add(22, 19, day.Start+60)
	rows.Senders = []store.Sender{
		{UserID: 21, SenderID: 17, Address: "a@example.com"}, {UserID: 21, SenderID: 18, Address: "b@example.com"},
		{UserID: 22, SenderID: 19, Address: "c@example.com"},
	}
	return rows
}

// healthy returns a server of these rows without faults.
var healthy = sync.OnceValue(func() http.Handler {
	h := embedded.New(upstreamtest.Backend{Model: upstreamtest.NewModel(someRows())},
		embedded.Options{APIHost: "api.example.com"})
	var answers sync.Map // by path and query, because many tests ask for the same
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, ok := answers.Load(r.RequestURI)
		if !ok {
			fresh := httptest.NewRecorder()
			h.ServeHTTP(fresh, r)
			a, _ = answers.LoadOrStore(r.RequestURI, fresh)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(a.(*httptest.ResponseRecorder).Code)
		w.Write(a.(*httptest.ResponseRecorder).Body.Bytes())
	})
})

type call = func(context.Context, *Client) (any, error)

// callsOf returns calls of each endpoint, all of user 21. Sender 17 has several pages; sender 18 has few rows, which
// makes its calls quick.
var (
	paged = callsOf(17, 500)
	few   = callsOf(18, 1)
)

func callsOf(id upstream.ID, offset int) map[string]call {
	list := upstream.ListQuery{Window: day, UserID: 21, SenderID: id}
	next := list
	next.Offset = offset
	sender := upstream.CountQuery{Window: day, SenderID: id}
	user := upstream.CountQuery{Window: day, UserID: 21, Rollup: upstream.ByUser}
	key := someRows().Bounces[1005].Key()
	all := map[string]call{
		"bounces":       func(ctx context.Context, c *Client) (any, error) { return c.Bounces(ctx, list) },
		"bounces, next": func(ctx context.Context, c *Client) (any, error) { return c.Bounces(ctx, next) },
		"bounce":        func(ctx context.Context, c *Client) (any, error) { return c.Bounce(ctx, key) },
		"categories":    func(ctx context.Context, c *Client) (any, error) { return c.BounceCategories(ctx) },
	}
	for _, k := range upstream.Kinds {
		all[k.String()] = func(ctx context.Context, c *Client) (any, error) {
			return c.Ask(ctx, upstreamtest.Question(k, list))
		}
		all[k.String()+" by sender"] = func(ctx context.Context, c *Client) (any, error) {
			return c.Counts(ctx, k, sender)
		}
		all[k.String()+" by user"] = func(ctx context.Context, c *Client) (any, error) { return c.Counts(ctx, k, user) }
		all[k.String()+" of a sender, hourly"] = func(ctx context.Context, c *Client) (any, error) {
			return c.Series(ctx, k, sender.Per(upstream.Hour))
		}
		all[k.String()+" of a user, daily"] = func(ctx context.Context, c *Client) (any, error) {
			return c.Series(ctx, k, user.Per(upstream.Day))
		}
	}
	return all
}

// outcomes are what callers see of each fault.
var outcomes = map[string]struct {
	code    upstream.Code // empty if the call succeeds
	tries   int           // 0 means many, until the deadline
	message string
	short   bool   // use short time limits
	paged   bool   // the fault shows on full pages only
	calls   string // calls that fail, or with "!" change, while all others are right; empty: only bounces are asked for
	refused string // of the calls that change, the one that fails
	dropped int
}{
	"refused":                       {code: upstream.Unavailable, tries: 3, message: "cannot be reached"},
	"reset before the answer":       {code: upstream.Unavailable, tries: 3, message: "cannot be reached"},
	"reset before the answer, once": {tries: 1}, // net/http itself retries on a lost idle connection
	"closed in the header":          {code: upstream.Unavailable, tries: 3, message: "cannot be reached"},
	"reset in the body":             {code: upstream.Unavailable, tries: 3, message: "try again later"},
	"closed in the body":            {code: upstream.Unavailable, tries: 3, message: "broke off"},
	"closed between chunks":         {code: upstream.Unavailable, tries: 3, message: "broke off"},
	"not HTTP":                      {code: upstream.InvalidResponse, tries: 1, message: "proper HTTP"},
	"endless header":                {code: upstream.InvalidResponse, tries: 1, message: "proper HTTP"},

	"202 once":                  {tries: 2},
	"202 for ever":              {code: upstream.Unavailable, message: "identical request", short: true},
	"503 once":                  {tries: 2},
	"503 for ever":              {code: upstream.Unavailable, tries: 3, message: "overloaded or in maintenance"},
	"429 once with Retry-After": {tries: 2},
	// longer than the caller's deadline
	"429 with Retry-After": {code: upstream.Unavailable, tries: 1, message: "fewer calls"},
	"451": {
		code: upstream.Unauthenticated, tries: 1, message: "did not accept the gateway's API key",
	},
	"452": {
		code: upstream.InvalidArgument, tries: 1, message: "refused the request (status 452)",
	},
	"404":        {code: upstream.NotFound, tries: 1, message: "has no /bounces"},
	"500":        {code: upstream.InvalidResponse, tries: 1, message: "failed (status 500)"},
	"502":        {code: upstream.Unavailable, tries: 1, message: "proxy (status 502)"},
	"504":        {code: upstream.Timeout, tries: 1, message: "proxy (status 504)"},
	"redirect":   {code: upstream.InvalidResponse, tries: 1, message: "redirect (status 302)"},
	"no content": {code: upstream.InvalidResponse, tries: 1, message: "status 204"},
	"clock skew": {tries: 2},

	"30 s silence":             {code: upstream.Timeout, tries: 2, message: "in time", short: true},
	"silence after the header": {code: upstream.Timeout, tries: 2, message: "in time", short: true},
	"one byte a second":        {code: upstream.Timeout, tries: 2, message: "in time", short: true},

	"empty body":         {code: upstream.InvalidResponse, tries: 1, message: "is empty"},
	"HTML with 200":      {code: upstream.InvalidResponse, tries: 1, message: "is not JSON"},
	"HTML as JSON":       {code: upstream.InvalidResponse, tries: 1, message: "byte 0"},
	"error with 200":     {code: upstream.InvalidResponse, tries: 1, message: "is an error"},
	"wrong content type": {code: upstream.InvalidResponse, tries: 1, message: "is not JSON"},
	"truncated JSON":     {code: upstream.InvalidResponse, tries: 1, message: "row "},
	"JSON and more":      {code: upstream.InvalidResponse, tries: 1},
	"deep nesting":       {code: upstream.InvalidResponse, tries: 1},
	"broken gzip":        {code: upstream.InvalidResponse, tries: 1, message: "cannot be decoded"},
	"unasked encoding":   {code: upstream.InvalidResponse, tries: 1, message: "encoding that was not asked for"},
	"gzip bomb":          {code: upstream.InvalidResponse, tries: 1, message: "larger than"},
	"endless body":       {code: upstream.InvalidResponse, tries: 1, message: "larger than"},

	"page longer than 500": {tries: 1, dropped: 500, paged: true},
	"rows of another user": {
		code: upstream.InvalidResponse, tries: 1,
		calls: "bounces|bounces, next|emails|blocked emails|bounce| by user| of a user, daily", message: "another ",
	},
	"rows of another sender": {
		code: upstream.InvalidResponse, tries: 1,
		calls:   "bounces|bounces, next|emails|blocked emails|bounce| by sender| of a sender, hourly",
		message: "another ",
	},
	"detail of another bounce": {
		code: upstream.InvalidResponse, tries: 1, calls: "bounce", message: "another bounce than was asked for",
	},
	"times far in the future": {
		code: upstream.InvalidResponse, tries: 1,
		calls:   "bounces|bounces, next|emails|blocked emails|bounce| of a user, daily| of a sender, hourly",
		message: "the metrics API",
	},
	"negative counts": {
		code: upstream.InvalidResponse, tries: 1, calls: " by user| of a user, daily| by sender| of a sender, hourly",
		message: "_count",
	},
	"times in milliseconds": {
		code: upstream.InvalidResponse, tries: 1,
		calls:   "bounces|bounces, next|emails|blocked emails|bounce| of a user, daily| of a sender, hourly",
		message: "is not a time in Unix seconds",
	},

	// The client passes on the following answers: they are handled where pages are joined, or cannot be detected.
	"page shorter than 500 in the middle": {
		tries: 1, paged: true, calls: "!bounces|bounces, next|emails|blocked emails",
	},
	"rows repeated across pages": {tries: 1, paged: true, calls: "!bounces, next"},
	"rows repeated in a page":    {tries: 1, calls: "!bounces|bounces, next|emails|blocked emails"},
	"unsorted rows":              {tries: 1, calls: "!bounces|bounces, next|emails|blocked emails"},
	"rows outside the window":    {tries: 1, calls: "!bounces|bounces, next|emails|blocked emails"},
}

// Under every fault, the caller gets the right code after the right number of tries, with a message that reveals
// nothing, or the right answer. After the fault, calls succeed again.
func TestEveryFault(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, f := range fault.All {
		names[f.Name] = true
		want, ok := outcomes[f.Name]
		field, typed := strings.CutPrefix(f.Name, "wrong type of ")
		if !ok && !typed {
			t.Errorf("outcomes has no entry for the fault %q", f.Name)
			continue
		}
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			calls := few
			if want.paged {
				calls = paged
			}
			s := newFaulty(t, calls, func(o *Options) {
				if want.short {
					o.Timeout, o.CallTimeout, o.Retry.Tries = 500*time.Millisecond, 1200*time.Millisecond, 2
				}
			})
			switch {
			case typed:
				s.mistyped(f, field)
			case want.calls == "":
				truth := s.ask("bounces")
				s.server.Inject(f)
				got := s.ask("bounces")
				if got.call.Tries != want.tries && (want.tries > 0 || got.call.Tries < 4) ||
					got.call.Dropped != want.dropped || got.call.Code != want.code {
					t.Errorf("observed %+v, want %d tries", got.call, want.tries)
				}
				if want.code == "" {
					got.must(t, truth)
				} else {
					got.fails(t, s, want.code, want.message)
				}
				s.server.Heal()
				s.ask("bounces").must(t, truth)
			default:
				list, changes := strings.CutPrefix(want.calls, "!")
				for name := range calls {
					truth := s.ask(name)
					s.server.Inject(f)
					got := s.ask(name)
					hit := false
					for _, end := range strings.Split(list, "|") {
						hit = hit || name == end || strings.HasPrefix(end, " ") && strings.HasSuffix(name, end)
					}
					switch {
					case name == want.refused, hit && !changes:
						got.fails(t, s, want.code, want.message)
					case !hit:
						got.must(t, truth)
					case got.err != nil:
						t.Errorf("%s: %v", name, got.err)
					case reflect.DeepEqual(got.value, truth.value):
						t.Errorf("%s: the fault changes nothing", name)
					}
					s.server.Heal()
				}
				s.heals("bounces")
			}
		})
	}
	for name := range outcomes {
		if !names[name] {
			t.Errorf("outcomes has an entry for %q, which is no fault", name)
		}
	}
}
