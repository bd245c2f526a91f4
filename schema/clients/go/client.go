// Package client is what a partner writes in Go to read a month of bounces, and to find out why mail was refused.
// genqlient generates the rest from the published schema. It is a module of its own, so that the gateway does not
// depend on genqlient; its tests run it.
package client

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/Khan/genqlient/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

//go:generate go tool genqlient

// New returns a client that sends an API key or token with each request, if key is not empty.
func New(url, key string) graphql.Client {
	return graphql.NewClient(url, &http.Client{Transport: transport{key}})
}

type transport struct{ key string }

// RoundTrip implements [http.RoundTripper].
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if t.key != "" {
		r = r.Clone(r.Context())
		r.Header.Set("Authorization", "Bearer "+t.key)
	}
	return http.DefaultTransport.RoundTrip(r)
}

// Bounce is a row as the operation selects it.
type Bounce = BouncesOfMonthBouncesBounceConnectionNodesBounce

// Month returns the bounces from start to end, oldest first, and the gateway's count of them. An error is a
// gqlerror.List, or a *graphql.HTTPError if the status is not 200: [Retryable] says whether to try again.
func Month(ctx context.Context, c graphql.Client, start, end time.Time) (bounces []Bounce, total int64, err error) {
	window := Window{Between: &WindowBetween{Start: start, End: end}}
	for after := (*string)(nil); ; {
		answer, err := BouncesOfMonth(ctx, c, window, after)
		if err != nil {
			return nil, 0, err
		}
		page := answer.Bounces
		bounces = append(bounces, page.Nodes...)
		if !page.PageInfo.HasNextPage {
			return bounces, *page.TotalCount, nil
		}
		after = page.PageInfo.EndCursor
	}
}

// Retryable reports whether all errors of a response are retryable, and how long to wait first; 0 leaves that to the
// caller.
func Retryable(err error) (wait time.Duration, retryable bool) {
	var list gqlerror.List
	var status *graphql.HTTPError
	switch {
	case errors.As(err, &status): // 429 over budget, 503 overloaded
		list = status.Response.Errors
	case !errors.As(err, &list):
		return 0, false
	}
	for _, e := range list {
		if e.Extensions["retryable"] != true {
			return 0, false
		}
		ms, _ := e.Extensions["retryAfterMs"].(float64)
		wait = max(wait, time.Duration(ms)*time.Millisecond)
	}
	return wait, len(list) > 0
}
