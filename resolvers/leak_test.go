package resolvers_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"deliverygraph/graph"
	"deliverygraph/graph/generated"
	"deliverygraph/internal/auth"
	"deliverygraph/resolvers"
	"deliverygraph/resolvers/loaders"
	"deliverygraph/upstream"
	"deliverygraph/upstream/cached"
	"deliverygraph/upstream/embedded"
	"deliverygraph/upstream/embedded/store/sqlite"
	"deliverygraph/upstream/rest"
	"deliverygraph/upstream/upstreamtest"
)

// leakRun returns the number of answers to check and the seed of their operations. They are always the
// same, unless DELIVERYGRAPH_TEST_ANSWERS sets another number.
func leakRun() (answers int, seed uint64) {
	if n, err := strconv.Atoi(os.Getenv("DELIVERYGRAPH_TEST_ANSWERS")); err == nil {
		return n, rand.Uint64()
	}
	return 100, 1
}

// A caller who may see some users' data cannot tell that other data exists. Random operations of such a caller,
// with ids, cursors, numbers and texts of all users as arguments, go to a gateway whose caches other callers
// have just filled, and which is answering other callers. Each answer must be byte for byte the same as that of
// a gateway over the caller's own data, so its rows, counts, cursors and errors contain no trace of other data.
//
// Answers to callers without recipients:read contain only the domains of recipients' addresses. Except for
// pseudonyms and values derived from them, the answers must be the same as those of a gateway whose data has
// other local parts, so such a caller cannot learn local parts by guessing either.
func TestAnswersRevealNoOtherUsersData(t *testing.T) {
	t.Parallel()
	callers := []auth.Caller{
		{Name: "a user", Users: auth.Only(leakUser(1)), Scopes: auth.AllScopes},
		{Name: "a user, masked", Users: auth.Only(leakUser(1)), Scopes: auth.MetricsRead},
		{
			Name: "a user, masked, with content", Users: auth.Only(leakUser(1)),
			Scopes: auth.MetricsRead | auth.ContentRead,
		},
		{Name: "many users", Users: auth.Only(leakUser(1), leakUser(3), 1, 2, 3, 4, 5, 6, 7), Scopes: auth.AllScopes},
		{
			Name: "two users, masked", Users: auth.Only(leakUser(1), leakUser(3)),
			Scopes: auth.MetricsRead | auth.ContentRead,
		},
	}
	all := leakRows("rcpt")
	whole := newLeakGateway(t, all, cached.DefaultSettle)
	own, renamed := make([]*leakGateway, len(callers)), make([]*leakGateway, len(callers))
	for i, c := range callers {
		own[i] = newLeakGateway(t, ofUsers(all, c.Users), cached.DefaultSettle)
		if !c.Scopes.Has(auth.RecipientsRead) {
			renamed[i] = newLeakGateway(t, ofUsers(leakRows("anon"), c.Users), cached.DefaultSettle)
		}
	}
	answers, seed := leakRun()
	t.Logf("seed %d", seed)
	f := &attacker{
		schema: generated.NewExecutableSchema(resolvers.Schema()).Schema(), random: rand.New(rand.NewPCG(seed, 0)),
		words: leakWords(all), found: map[string][]string{},
	}
	var seen sighted
	for n := range answers {
		query := f.operation()
		lists := f.lists
		var others sync.WaitGroup
		harvested := make(chan []byte, 1)
		others.Go(func() { harvested <- whole.ask(auth.Anyone(), query) })
		if n%2 == 0 { // before it, to warm the cache; else concurrently, to join calls
			others.Wait()
		}
		c := n % len(callers)
		got, want := whole.ask(callers[c], query), own[c].ask(callers[c], query)
		others.Wait()
		g, w := normalised(t, got), normalised(t, want)
		if !bytes.Equal(g, w) {
			t.Fatalf("operation %d of %s: %s\ngot  %s\nwant %s", n, callers[c].Name, query, g, w)
		}
		if trace := traceOf(g, query, callers[c]); trace != "" {
			t.Fatalf("operation %d of %s: %s\n%q must not appear in %s", n, callers[c].Name, query, trace, g)
		}
		if renamed[c] != nil {
			if b, w := blurred(g), blurred(normalised(t, renamed[c].ask(callers[c], query))); !bytes.Equal(b, w) {
				t.Fatalf("operation %d of %s: %s\nlocal parts are visible in\n%s\nwith other local parts it is\n%s", n,
					callers[c].Name, query, b, w)
			}
		}
		seen.add(g)
		var answer response
		f.lists = lists
		if err := json.Unmarshal(<-harvested, &answer); err != nil {
			t.Fatal(err)
		}
		if len(f.ids) < 3000 {
			f.keep(map[string]any(answer.Data))
		}
	}
	t.Logf("%+v, %d ids, %d lists with cursors", seen, len(f.ids), len(f.found))
	if seen.answers < 60 || seen.rows < 3*seen.answers || seen.notFound < seen.answers/50 ||
		seen.forbidden < seen.answers/50 || seen.cursors < seen.answers/50 {
		t.Errorf("too few answers checked: %+v", seen)
	}
}

// The upstream fails, and older answers from the cache replace its answers.
func TestStaleAnswersRevealNoOtherUsersData(t *testing.T) {
	t.Parallel()
	all := leakRows("rcpt")
	g := newLeakGateway(t, all, 0)
	f := &attacker{
		schema: generated.NewExecutableSchema(resolvers.Schema()).Schema(), random: rand.New(rand.NewPCG(2, 0)),
		words: leakWords(all), found: map[string][]string{},
	}
	callers := []auth.Caller{
		{Users: auth.Only(leakUser(1)), Scopes: auth.AllScopes},
		{Users: auth.Only(leakUser(1), leakUser(3)), Scopes: auth.MetricsRead | auth.ContentRead},
	}
	rows, failed := 0, 0
	for n := range 40 {
		query := f.operation()
		g.down.Store(false)
		g.ask(auth.Anyone(), query)
		if n%2 == 0 {
			g.ask(callers[n/2%2], query)
		}
		g.later.Add(60) // nothing is fresh any more
		g.down.Store(true)
		answer := g.ask(callers[n/2%2], query)
		if trace := traceOf(answer, query, callers[n/2%2]); trace != "" {
			t.Fatalf("operation %d: %s\n%q must not appear in %s", n, query, trace, answer)
		}
		rows += bytes.Count(answer, []byte(`"recipient_`))
		failed += bytes.Count(answer, []byte("UPSTREAM_UNAVAILABLE"))
	}
	if rows < 20 || failed < 10 {
		t.Errorf("only %d rows and %d failures", rows, failed)
	}
}

// sighted counts what the answers contained.
type sighted struct{ answers, rows, cursors, notFound, forbidden int }

func (s *sighted) add(answer []byte) {
	s.answers++
	s.rows += bytes.Count(answer, []byte(`"__typename":"B`)) + bytes.Count(answer, []byte(`"__typename":"E`))
	s.cursors += min(1, bytes.Count(answer, []byte(`"cursor_`)))
	s.notFound += min(1, bytes.Count(answer, []byte(`NOT_FOUND`)))
	s.forbidden += min(1, bytes.Count(answer, []byte(`FORBIDDEN`)))
}

// leakGateway is a gateway with a cache, called without a network.
type leakGateway struct {
	http.Handler
	down  atomic.Bool  // the upstream fails
	later atomic.Int64 // seconds that the clock is ahead of now
}

func newLeakGateway(t *testing.T, rows upstreamtest.Rows, settle time.Duration) *leakGateway {
	t.Helper()
	s, err := sqlite.Open(t.Context(), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	(&gateway{t: t, store: s}).write(rows)
	g := &leakGateway{}
	clock := func() time.Time { return now.UTC().Add(time.Duration(g.later.Load()) * time.Second) }
	client, err := rest.New(rest.Options{
		BaseURL: "http://embedded.invalid", Timeout: patience, CallTimeout: patience,
		Transport: embedded.Transport(embedded.New(s, embedded.Options{})),
	})
	if err != nil {
		t.Fatal(err)
	}
	api := &upstreamtest.Counting{API: client, Before: func(context.Context, string) error {
		if g.down.Load() {
			return &upstream.Error{
				Code: upstream.Unavailable, Status: http.StatusServiceUnavailable,
				Message: "the upstream is overloaded",
			}
		}
		return nil
	}}
	cache, err := cached.New(api, cached.Options{
		Bytes: cached.DefaultBytes, Settle: settle, Fresh: cached.DefaultFresh, Catalogue: cached.DefaultCatalogue,
		MaxStale: cached.DefaultMaxStale, Now: clock,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cache.Close)
	g.Handler = graph.NewHandler(generated.NewExecutableSchema(resolvers.Schema()),
		graph.Options{MaxErrors: 10_000, MaxAliases: 10_000, Extensions: []graph.Extension{
			loaders.Extension{
				API: func(ctx context.Context) upstream.Asker { return auth.Limit(cache, auth.FromContext(ctx), mask) },
				Now: now.UTC,
			}, resolvers.Columns()}})
	return g
}

func (g *leakGateway) ask(c auth.Caller, query string) []byte {
	body, _ := json.Marshal(map[string]string{"query": query})
	r := httptest.NewRequestWithContext(auth.With(context.Background(), c), http.MethodPost, "/graphql",
		bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	g.ServeHTTP(w, r)
	return w.Body.Bytes()
}

// normalised returns an answer with sorted errors, since errors of sibling fields come in any order.
func normalised(t *testing.T, answer []byte) []byte {
	var parts struct {
		Errors []json.RawMessage `json:"errors,omitempty"`
		Data   json.RawMessage   `json:"data"`
	}
	if err := json.Unmarshal(answer, &parts); err != nil {
		t.Fatalf("%v in %s", err, answer)
	}
	slices.SortFunc(parts.Errors, func(a, b json.RawMessage) int { return bytes.Compare(a, b) })
	out, err := json.Marshal(parts)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// blurred returns an answer without pseudonyms, ids and cursors.
func blurred(answer []byte) []byte {
	return made.ReplaceAll(answer, []byte("***"))
}

var (
	made = regexp.MustCompile(
		`\*\*\*[a-z2-7]{12}|"(id|cursor|startCursor|endCursor)_[0-9a-f]+":"[^"]*"|"id":"[^"]*"`)
	marks      = regexp.MustCompile(`mark\d+|86753\d\d(\d\d)?`)
	recipients = regexp.MustCompile(`(?i)rcpt\d+`)
	encodings  = regexp.MustCompile(`[A-Za-z0-9_-]{12,}`)
)

// traceOf returns a value in the answer that the caller must not see, also if it is inside an id or cursor.
// Values that the caller has sent itself are ignored.
func traceOf(answer []byte, query string, c auth.Caller) string {
	texts := []string{string(answer)}
	for _, word := range encodings.FindAllString(string(answer), -1) {
		if b, err := base64.RawURLEncoding.DecodeString(word); err == nil && !strings.Contains(query, word) {
			texts = append(texts, string(b))
		}
	}
	for _, text := range texts {
		for _, m := range marks.FindAllString(text, -1) {
			n, _ := strconv.Atoi(strings.TrimPrefix(m, "mark")[:7])
			if !c.Users.Has(upstream.ID(n)) && !strings.Contains(query, m) {
				return m
			}
		}
		for _, r := range recipients.FindAllString(text, -1) {
			if !c.Scopes.Has(auth.RecipientsRead) && !strings.Contains(query, strings.ToLower(r)) {
				return r
			}
		}
	}
	return ""
}
