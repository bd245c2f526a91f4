package rest

import (
	"context"
	"errors"
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

// New returns a client. It makes no request. Its error joins an [*OptionError] for every option that is wrong.
func New(o Options) (*Client, error) {
	base, baseErr := parseBaseURL(o.BaseURL)
	o, err := o.withDefaults(base)
	if err := errors.Join(baseErr, err); err != nil {
		return nil, err
	}
	c := &Client{
		o:      o,
		base:   trimmed(base),
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
	if q.Shape == upstream.ShapeSeries && per(q.Interval) == "" {
		return nil, &upstream.Error{
			Code: upstream.InvalidArgument, Parameter: "timeseries", Message: "timeseries must be hour or day",
		}
	}
	answer, err := c.call(ctx, request{question: q, path: q.Path(), query: q.Query()})
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
