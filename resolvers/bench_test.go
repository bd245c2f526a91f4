package resolvers_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"deliverygraph/internal/auth"
	"deliverygraph/upstream"
	"deliverygraph/upstream/cached"
	"deliverygraph/upstream/rest"
)

// wholeRequests are the queries of the benchmarks.
var wholeRequests = []struct{ name, query string }{
	{
		"500 rows of 11 fields", `{ bounces(` + today +
			`, first: 500) { nodes { emailId recipient domain localPart type category code bouncedAt processedAt ` +
			`senderId xHeaders { name value } } } }`,
	},
	{
		"50 rows with sender and user", `{ bounces(` + today +
			`, first: 50) { nodes { emailId recipient bouncedAt sender { senderId address } user { userId } } } }`,
	},
	{
		"20 rows with detail", `{ bounces(` + today +
			`, first: 20) { nodes { emailId recipient bouncedAt detail { diagnosticCode ruleName } } } }`,
	},
	{
		"24 senders with counts", `{ senders(` + today + `) { nodes { senderId address stats(` + today +
			`) { sent bounced softBounced hardBounced blocked } } } }`,
	},
	{
		"24 senders with series", `{ senders(` + today + `) { nodes { senderId user { userId } stats(` + today +
			`) { sent bounced series(interval: DAY) { start sent bounced } } } } }`,
	},
}

// kept returns a function that queries the gateway, with the REST server's answers kept in memory so that only
// the gateway is measured.
func (g *gateway) kept() func(query string) *httptest.ResponseRecorder {
	type answer struct {
		header http.Header
		body   []byte
	}
	answers := map[string]answer{}
	client, err := rest.New(rest.Options{BaseURL: g.rest.URL,
		Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			a, ok := answers[r.URL.String()]
			if !ok {
				resp, err := http.DefaultTransport.RoundTrip(r)
				if err != nil {
					return nil, err
				}
				defer resp.Body.Close()
				a.header = resp.Header
				a.body, _ = io.ReadAll(resp.Body)
				answers[r.URL.String()] = a
			}
			return &http.Response{
				StatusCode: http.StatusOK, Header: a.header, Body: io.NopCloser(bytes.NewReader(a.body)),
				ContentLength: int64(len(a.body)), Request: r,
			}, nil
		}), MaxConcurrent: 1})
	if err != nil {
		g.t.Fatal(err)
	}
	g.serve(client)
	return func(query string) *httptest.ResponseRecorder {
		body, _ := json.Marshal(map[string]any{"query": query})
		r := httptest.NewRequestWithContext(auth.With(context.Background(), auth.Anyone()), http.MethodPost, "/graphql",
			bytes.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		g.graph.ServeHTTP(w, r)
		return w
	}
}

// cachedPages is like kept, with a cache in front of the client. The cache answers all but the first time.
func (g *gateway) cachedPages() func(query string) *httptest.ResponseRecorder {
	ask := g.kept()
	c, err := cached.New(g.client, cached.Options{Bytes: cached.DefaultBytes, Settle: cached.DefaultSettle})
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(c.Close)
	g.serve(c)
	return ask
}

func BenchmarkCachedRequests(b *testing.B) {
	ask := newGateway(b, rowsOfDay(600)).cachedPages()
	for _, q := range wholeRequests {
		b.Run(q.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				ask(q.query)
			}
		})
	}
}

func BenchmarkWholeRequests(b *testing.B) {
	ask := newGateway(b, rowsOfDay(600)).kept()
	for _, q := range wholeRequests {
		b.Run(q.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				ask(q.query)
			}
		})
	}
}

// BenchmarkGrowth measures how the cost of an answer grows with its size. It reports the cost of a row, a
// sender or a point.
func BenchmarkGrowth(b *testing.B) {
	ask := newGateway(b, rowsOfDay(600)).kept()
	grow := func(name, unit string, of []int, query func(n int) string) {
		for _, n := range of {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				q := query(n)
				if w := ask(q); w.Code != http.StatusOK || bytes.Contains(w.Body.Bytes(), []byte(`"errors"`)) {
					b.Fatalf("%.300s", w.Body)
				}
				b.ReportAllocs()
				for b.Loop() {
					ask(q)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/"+unit)
			})
		}
	}
	// An upstream page always has 500 rows, so the day has only as many rows as the query selects.
	for _, n := range []int{20, 100, 500} {
		ask = newGateway(b, rowsOfDay(n)).kept()
		grow("rows", "row", []int{n}, func(n int) string {
			return fmt.Sprintf(`{ bounces(%s, first: %d) { nodes { emailId recipient domain localPart type category `+
				`code bouncedAt processedAt senderId xHeaders { name value } } } }`, today, n)
		})
	}
	grow("senders", "sender", []int{1, 6, users * sendersEach}, func(n int) string {
		return fmt.Sprintf(`{ senders(%s, first: %d) { nodes { senderId address stats(%s) { sent bounced softBounced `+
			`hardBounced blocked } } } }`, today, n, today)
	})
	grow("days", "day", []int{1, 30, 365}, func(n int) string {
		return fmt.Sprintf(`{ stats(window: {between: {start: %d, end: %d}}) { series(interval: DAY) { start sent `+
			`bounced blocked } } }`, day, day+86400*upstream.Time(n))
	})
}
