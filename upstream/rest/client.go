package rest

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"deliverygraph/upstream"
	"deliverygraph/upstream/flight"
)

// Client asks a server of the metrics API. It is safe for concurrent use, and
// meant to be one per server, with views for other keys ([Client.WithKey]): what it
// limits, it does for itself and its views alone.
type Client struct {
	o     Options
	base  *url.URL      // its path without a slash at the end
	host  string        // never shown to callers
	every *http.Request // what every request is like; never changed

	flights *flight.Group[flightKey, answer]
	gate    *gate
	breaker *breaker
	budget  *budget
}

var _ upstream.API = (*Client)(nil)

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
	return &view, nil
}

// Close closes connections that no request uses. Calls under way go on, and the
// client can still be used.
func (c *Client) Close() {
	if t, ok := c.o.Transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// Bounces implements [upstream.API].
func (c *Client) Bounces(ctx context.Context, q upstream.ListQuery) ([]upstream.Bounce, error) {
	return page(ctx, c, upstream.Bounces, q, upstream.DecodeBounces, func(b *upstream.Bounce) owners { return owners{b.UserID, b.SenderID} }, func(b *upstream.Bounce) upstream.Time { return b.BounceTime })
}

// Emails implements [upstream.API].
func (c *Client) Emails(ctx context.Context, q upstream.ListQuery) ([]upstream.Email, error) {
	return page(ctx, c, upstream.Emails, q, upstream.DecodeEmails, func(e *upstream.Email) owners { return owners{e.UserID, e.SenderID} }, func(e *upstream.Email) upstream.Time { return e.ProcessTime })
}

// BlockedEmails implements [upstream.API].
func (c *Client) BlockedEmails(ctx context.Context, q upstream.ListQuery) ([]upstream.BlockedEmail, error) {
	return page(ctx, c, upstream.BlockedEmails, q, upstream.DecodeBlockedEmails, func(e *upstream.BlockedEmail) owners { return owners{e.UserID, e.SenderID} }, func(e *upstream.BlockedEmail) upstream.Time { return e.ProcessTime })
}

// Bounce implements [upstream.API].
func (c *Client) Bounce(ctx context.Context, k upstream.BounceKey) (upstream.BounceDetail, error) {
	r := request{
		doing:    doing{verb: "get a bounce", user: k.UserID, sender: k.SenderID},
		endpoint: detailEndpoint,
		path:     k.Path(),
	}
	return ask(ctx, c, r, func(body string, call *Call) (d upstream.BounceDetail, err error) {
		if d, err = upstream.DecodeBounceDetail(body); err == nil {
			call.Rows = 1
			err = checkDetail(&d, k)
		}
		return d, err
	})
}

// Counts implements [upstream.API].
func (c *Client) Counts(ctx context.Context, k upstream.Kind, q upstream.CountQuery) ([]upstream.Count, error) {
	r := request{
		doing:    doing{"count ", k.String(), by(q.Rollup), q.UserID, q.SenderID},
		endpoint: k.CountsPath(),
		path:     k.CountsPath(),
		query:    q.Encode(),
	}
	return ask(ctx, c, r, func(body string, call *Call) ([]upstream.Count, error) {
		rows, err := upstream.DecodeCounts(body, k, q.Rollup)
		call.Rows = len(rows)
		if err == nil {
			err = checkCounted(rows, q, func(c *upstream.Count) upstream.ID { return c.ID })
		}
		return rows, err
	})
}

// Series implements [upstream.API]. An interval that is neither Hour nor Day is
// an [upstream.InvalidArgument] error: its query would be that of Counts.
func (c *Client) Series(ctx context.Context, k upstream.Kind, q upstream.SeriesQuery) ([]upstream.Series, error) {
	r := request{
		doing:    doing{"count ", k.String(), per(q.Interval) + by(q.Rollup), q.UserID, q.SenderID},
		endpoint: k.CountsPath(),
		path:     k.CountsPath(),
		query:    q.Encode(),
	}
	if per(q.Interval) == "" {
		return nil, &upstream.Error{Code: upstream.InvalidArgument, Parameter: "timeseries", Message: "timeseries must be hour or day"}
	}
	return ask(ctx, c, r, func(body string, call *Call) ([]upstream.Series, error) {
		rows, err := upstream.DecodeSeries(body, k)
		call.Rows = len(rows)
		if err == nil {
			err = errors.Join(checkCounted(rows, q.CountQuery, func(s *upstream.Series) upstream.ID { return s.ID }), checkPoints(rows, q))
		}
		return rows, err
	})
}

// BounceCategories implements [upstream.API].
func (c *Client) BounceCategories(ctx context.Context) ([]string, error) {
	return catalogue(ctx, c, "get the bounce categories", upstream.BounceCategoriesPath)
}

// BlockedReasons implements [upstream.API].
func (c *Client) BlockedReasons(ctx context.Context) ([]string, error) {
	return catalogue(ctx, c, "get the reasons for blocking", upstream.BlockedReasonsPath)
}

const detailEndpoint = upstream.BouncePath + "{user_id}/{sender_id}/{bounce_time}/{email_id}"

// page gets a page of a list.
func page[R any](ctx context.Context, c *Client, k upstream.Kind, q upstream.ListQuery, decode func(string) ([]R, error), ownersOf func(*R) owners, at func(*R) upstream.Time) ([]R, error) {
	r := request{
		doing:    doing{"list ", k.String(), "", q.UserID, q.SenderID},
		endpoint: k.ListPath(),
		path:     k.ListPath(),
		query:    q.Encode(k),
	}
	return ask(ctx, c, r, func(body string, call *Call) ([]R, error) {
		rows, err := decode(body)
		if err == nil {
			rows, call.Dropped = cutToPage(rows)
			call.Rows = len(rows)
			err = errors.Join(checkOwners(rows, askedOf(q), ownersOf), checkPast(rows, q.Window, upstream.Time(time.Now().Unix()), at))
		}
		return rows, err
	})
}

// catalogue gets a list of codes.
func catalogue(ctx context.Context, c *Client, what, path string) ([]string, error) {
	r := request{doing: doing{verb: what}, endpoint: path, path: path}
	return ask(ctx, c, r, func(body string, call *Call) ([]string, error) {
		codes, err := upstream.DecodeCodes(body)
		call.Rows = len(codes)
		return codes, err
	})
}

// trimmed is a base URL as paths are put behind it.
func trimmed(base *url.URL) *url.URL {
	u := *base
	u.Path, u.RawPath = strings.TrimSuffix(u.Path, "/"), strings.TrimSuffix(u.RawPath, "/")
	u.Host = strings.TrimSuffix(u.Host, ":")
	return &u
}
