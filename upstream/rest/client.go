package rest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"deliverygraph/upstream"
	"deliverygraph/upstream/flight"
)

// Client asks a server of the metrics API. It is safe for concurrent use, and
// meant to be one per server, with views for other keys ([Client.WithKey]): what it
// limits, it does for itself and its views alone.
type Client struct {
	upstream.Calls // the client's own: a typed method for each call

	o     Options
	base  *url.URL      // its path without a slash at the end
	host  string        // never shown to callers
	every *http.Request // what every request is like; never changed

	flights *flight.Group[flightKey, answer]
	gate    *gate
	breaker *breaker
	budget  *budget
}

var _ interface {
	upstream.API
	upstream.Asker
} = (*Client)(nil)

// New makes a client. It makes no request. An error names every option that is
// wrong, with an example: [*OptionError] each, joined.
func New(o Options) (*Client, error) {
	base, baseErr := parseBaseURL(o.BaseURL)
	o, err := o.withDefaults(base)
	if err := errors.Join(baseErr, err); err != nil {
		return nil, err
	}
	c := &Client{
		o:       o,
		base:    trimmed(base),
		host:    base.Hostname(),
		flights: &flight.Group[flightKey, answer]{},
		gate:    newGate(o.MinConcurrent, o.MaxConcurrent, o.MaxWaiting),
		budget:  newBudget(o.Retry),
	}
	c.breaker = newBreaker(o.Breaker, o.Logger, c.gate.turnAway)
	c.every = every(c.base.Host, o.Key)
	c.Calls.Asker = c
	return c, nil
}

// every is what all requests with a key, which may be empty, have.
func every(host, key string) *http.Request {
	header := http.Header{"Accept": {"application/json"}, "User-Agent": {"deliverygraph"}}
	if key != "" {
		header.Set("Authorization", "apikey="+key)
	}
	return &http.Request{Method: http.MethodGet, Host: host, Header: header, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
}

// WithKey is the client with another API key. It shares everything with the one it is
// made of, the limit and the circuit breaker too, but joins no call to another key's:
// whose key it is, that is for whom its answers are.
func (c *Client) WithKey(key string) (*Client, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	view := *c
	view.o.Key = key
	view.every = every(c.base.Host, key)
	view.Calls.Asker = &view
	return &view, nil
}

// Close closes connections that no request uses. Calls under way go on, and the
// client can still be used.
func (c *Client) Close() {
	if t, ok := c.o.Transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// Ask implements [upstream.Asker]. An interval that is neither Hour nor Day is an
// [upstream.InvalidArgument] error: its query would be that of counts.
func (c *Client) Ask(ctx context.Context, q upstream.Question) (any, error) {
	if q.Shape == upstream.ShapeSeries && per(q.Interval) == "" {
		return nil, &upstream.Error{Code: upstream.InvalidArgument, Parameter: "timeseries", Message: "timeseries must be hour or day"}
	}
	r := request{question: q, path: q.Path(), query: q.Query()}
	a, err := c.join(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", doing(q), err)
	}
	return a.value, nil
}

// trimmed is a base URL as paths are put behind it.
func trimmed(base *url.URL) *url.URL {
	u := *base
	u.Path, u.RawPath = strings.TrimSuffix(u.Path, "/"), strings.TrimSuffix(u.RawPath, "/")
	u.Host = strings.TrimSuffix(u.Host, ":")
	return &u
}
