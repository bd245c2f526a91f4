// Package rest is a client for the metrics API over HTTP: a [Client] is an [upstream.Asker] that asks a server.
//
//   - A call that may succeed later is retried with backoff and full jitter, within the caller's deadline and a retry
//     budget (retry.go).
//   - While the server keeps failing, calls fail at once (breaker.go).
//   - The number of concurrent requests adapts to what the server can handle (limit.go). Other calls wait, and the
//     callers named by [upstream.WithCaller] take turns (gate.go).
//   - Everything that is read is limited: header, decompressed body, rows of a page, nesting, time to the first byte,
//     time per try and per call.
//   - Every response is checked: status, content type, encoding, JSON, and whose rows it holds (check.go).
//   - Every error is an [upstream.Error]. Its message reveals neither host nor key, and repeats no body (failure.go).
//
// client.go turns a question into a request; request.go retries and reports to the observer; try.go
// makes one request; breaker and gate learn from its outcome (health.go).
//
// [Options].Transport decides whether the server is remote or in this process. A table in the tests, based on package
// upstreamtest/fault, lists what callers see of each fault of a server.
package rest

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"deliverygraph/upstream"
)

// Client asks a server of the metrics API. It is safe for concurrent use. Use one Client per server, with views for
// other keys (see [Client.WithKey]): its limits cover only itself and its views.
type Client struct {
	upstream.API // a typed method for each call

	o     Options
	base  *url.URL      // its path has no trailing slash
	host  string        // never shown to callers
	every *http.Request // the template of every request; never modified

	gate    *gate
	breaker *breaker
	budget  *budget
}

// Connect returns the base URL of a server, without a trailing slash, and the transport for requests to it. It makes no
// request. Its error joins an [*OptionError] for every option that is wrong.
func Connect(o Options) (base *url.URL, transport http.RoundTripper, err error) {
	o, base, err = o.withDefaults()
	return base, o.Transport, err
}

// New returns a client. It makes no request. Its error joins an [*OptionError] for every option that is wrong.
func New(o Options) (*Client, error) {
	o, base, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	c := &Client{
		o:      o,
		base:   base,
		host:   base.Hostname(),
		gate:   newGate(o.MinConcurrent, o.MaxConcurrent, o.MaxWaiting),
		budget: newBudget(o.Retry),
	}
	c.breaker = newBreaker(o.Breaker, o.Logger, c.gate.turnAway)
	c.every = every(c.base.Host, o.Key)
	c.API.Asker = c
	return c, nil
}

// every returns the template of all requests with a key, which may be empty.
func every(host, key string) *http.Request {
	header := http.Header{"Accept": {"application/json"}, "User-Agent": {"deliverygraph"}}
	if key != "" {
		header.Set("Authorization", "apikey="+key)
	}
	return &http.Request{
		Method: http.MethodGet, Host: host, Header: header, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
}

// WithKey returns a view of c with another API key. The view shares everything else with c, including the concurrency
// limit and the circuit breaker.
func (c *Client) WithKey(key string) (*Client, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	view := *c
	view.o.Key = key
	view.every = every(c.base.Host, key)
	view.API.Asker = &view
	return &view, nil
}

// Close closes idle connections. Calls under way continue, and the client remains usable.
func (c *Client) Close() {
	if t, ok := c.o.Transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// Ask implements [upstream.Asker]. A series question whose interval is neither Hour nor Day fails with
// [upstream.InvalidArgument]: its URL would be that of a count.
func (c *Client) Ask(ctx context.Context, q *upstream.Question) (any, error) {
	if q.Shape == upstream.ShapeSeries && q.Interval != upstream.Hour && q.Interval != upstream.Day {
		return nil, &upstream.Error{
			Code: upstream.InvalidArgument, Parameter: "timeseries", Message: "timeseries must be hour or day",
		}
	}
	answer, err := c.call(ctx, Call{Question: q})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", doing(q), err)
	}
	return answer, nil
}

// trimmed returns the base URL without trailing slashes, ready for a path to be appended.
func trimmed(base *url.URL) *url.URL {
	u := *base
	u.Path, u.RawPath = strings.TrimSuffix(u.Path, "/"), strings.TrimSuffix(u.RawPath, "/")
	u.Host = strings.TrimSuffix(u.Host, ":")
	return &u
}

// Load is a snapshot of a client's state, for metrics.
type Load struct {
	UnderWay int   // requests sent and not yet answered
	Limit    int   // how many there may be at present: see Options.MinConcurrent
	Waiting  int   // requests waiting for a slot
	Refused  int64 // requests refused so far because the queue was full

	Breaker string // "closed", "open" or "half-open"
	Opened  int64  // how often the breaker has opened so far
}

// Load returns the client's current state.
func (c *Client) Load() Load {
	l := Load{Breaker: c.breaker.state(), Opened: c.breaker.opened.Load()}
	c.gate.mu.Lock()
	defer c.gate.mu.Unlock()
	l.UnderWay, l.Limit, l.Waiting, l.Refused = c.gate.underWay, c.gate.limit.slots(), c.gate.waiting, c.gate.refused
	return l
}
