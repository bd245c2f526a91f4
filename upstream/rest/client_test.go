package rest

import (
	"context"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"deliverygraph/upstream"
)

// Every endpoint is requested by its path and canonical query, and its answer is decoded.
func TestEndpoints(t *testing.T) {
	list := upstream.ListQuery{
		Window: day, Offset: 500, UserID: 21, SenderID: 17, Sender: "news@example.com",
		Domain: "example.com", Local: "a+b", Recipient: "a+b@example.com",
		XHeaders: upstream.HeaderFilters{{Name: "X-Subscription", Value: "None & nothing"}},
	}
	bounces, emails, blocked := list, list, list
	bounces.BounceType, bounces.BounceCategory = upstream.Hard, "bad-mailbox"
	emails.Delivered = true
	blocked.BlockedReason = "manual"
	count := upstream.CountQuery{Window: day, UserID: 21, Rollup: upstream.ByUser}
	// The slash must be escaped.
	key := upstream.BounceKey{UserID: 21, SenderID: 17, BounceTime: 1479772800, EmailID: "20161122000000.1@mail/6"}

	const (
		row     = `"user_id":21,"sender_id":17,"email_id":"20161122000000.1@mail/6","process_time":1479772800`
		window  = "start_time=1479772800&end_time=1479859200&user_id=21"
		filters = window +
			"&sender_id=17&sender=news%40example.com&domain=example.com&local=a%2Bb&recipient=a%2Bb%40example.com"
		headers  = "&X-Subscription=None%20%26%20nothing&offset=500"
		asBounce = row +
			`,"bounce_type":"hard","bounce_code":"5.1.1","bounce_category":"bad-mailbox","bounce_time":1479772800`
	)
	anEmail := upstream.Email{
		UserID: 21, SenderID: 17, EmailID: "20161122000000.1@mail/6", ProcessTime: 1479772800, Delivered: true,
	}
	aBounce := upstream.Bounce{
		UserID: 21, SenderID: 17, EmailID: "20161122000000.1@mail/6", ProcessTime: 1479772800, BounceTime: 1479772800,
		Type: upstream.Hard, Code: "5.1.1", Category: "bad-mailbox",
	}
	for name, test := range map[string]struct {
		call  func(context.Context, upstream.API) (any, error)
		path  string
		query string
		body  string
		want  any
	}{
		"bounces": {
			call: func(ctx context.Context, a upstream.API) (any, error) { return a.Bounces(ctx, bounces) },
			path: "/v4/bounces", query: filters + "&bounce_type=hard&bounce_category=bad-mailbox" + headers,
			body: `[{` + asBounce + `}]`,
			want: []upstream.Bounce{aBounce},
		},
		"emails": {
			call: func(ctx context.Context, a upstream.API) (any, error) { return a.Emails(ctx, emails) },
			path: "/v4/emails", query: filters + "&delivered=1" + headers,
			body: `{"data":[{` + row + `,"delivered":true}]}`,
			want: []upstream.Email{anEmail},
		},
		"blocked emails": {
			call: func(ctx context.Context, a upstream.API) (any, error) { return a.BlockedEmails(ctx, blocked) },
			path: "/v4/blocked-emails", query: filters + "&blocked_reason=manual" + headers,
			body: `{"data":[{` + row + `,"blocked_reason":"manual"}]}`,
			want: []upstream.BlockedEmail{
				{
					UserID: 21, SenderID: 17, EmailID: "20161122000000.1@mail/6", ProcessTime: 1479772800,
					Reason: "manual",
				},
			},
		},
		"bounce": {
			call: func(ctx context.Context, a upstream.API) (any, error) { return a.Bounce(ctx, key) },
			path: "/v4/bounce/21/17/1479772800/20161122000000.1@mail%2F6",
			body: `{"data":{` + asBounce +
				`,"diagnostic_code":"smtp;550","regex_name":"r1","full_content":"Return-Path: <>"}}`,
			want: upstream.BounceDetail{
				Bounce: aBounce, DiagnosticCode: "smtp;550", RuleName: "r1", FullContent: "Return-Path: <>",
			},
		},
		"counts": {
			call: func(ctx context.Context, a upstream.API) (any, error) {
				return a.Counts(ctx, upstream.Emails, count)
			},
			path: "/v4/email/counts", query: window + "&rollup_to=user",
			body: `{"data":[{"user_id":21,"sent_count":9000}]}`,
			want: []upstream.Count{{ID: 21, Tally: upstream.Tally{Total: 9000}}},
		},
		"series": {
			call: func(ctx context.Context, a upstream.API) (any, error) {
				return a.Series(ctx, upstream.Bounces, count.Per(upstream.Day))
			},
			path: "/v4/bounce/counts", query: window + "&rollup_to=user&timeseries=day",
			body: `{"21":[{"timestamp":1479772800,"bounce_count":0,"soft_bounce_count":1,"hard_bounce_count":2}]}`,
			want: []upstream.Series{
				{
					ID: 21, Points: []upstream.Point{
						{Start: 1479772800, Tally: upstream.Tally{Total: 3, Soft: 1, Hard: 2}},
					},
				},
			},
		},
		"categories": {
			call: func(ctx context.Context, a upstream.API) (any, error) { return a.BounceCategories(ctx) },
			path: "/v4/bounce/categories", body: codes, want: []string{"one", "two"},
		},
		"reasons": {
			call: func(ctx context.Context, a upstream.API) (any, error) { return a.BlockedReasons(ctx) },
			path: "/v4/blocked-email/reasons", body: codes, want: []string{"one", "two"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var got *http.Request
			c := over(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				got = r.Clone(context.Background())
				reply(200, test.body)(w, r)
			}), func(o *Options) { o.BaseURL += "/v4/" })
			rows, err := test.call(t.Context(), c.API)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, rows); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
			if got.Method != "GET" || got.URL.EscapedPath() != test.path || got.URL.RawQuery != test.query {
				t.Errorf("asked %s %s?%s\nwant GET %s?%s", got.Method, got.URL.EscapedPath(), got.URL.RawQuery,
					test.path, test.query)
			}
			if a := got.Header.Get("Authorization"); a != "apikey="+testKey {
				t.Errorf("Authorization: %s", a)
			}
			if a := got.Header.Get("Accept"); a != "application/json" {
				t.Errorf("Accept: %s", a)
			}
		})
	}
}

func TestNoAuthorizationHeaderWithoutKey(t *testing.T) {
	c := over(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if v, ok := r.Header["Authorization"]; ok {
			t.Errorf("Authorization: %q", v)
		}
		reply(200, codes)(w, r)
	}), func(o *Options) { o.Key = "" })
	if _, err := c.BounceCategories(t.Context()); err != nil {
		t.Error(err)
	}
}

// Without an interval, the URL of a series would be that of counts.
func TestSeriesNeedsAnInterval(t *testing.T) {
	s := &script{steps: []http.HandlerFunc{reply(200, `{"data":[]}`)}}
	c := over(t, s)
	_, err := c.Series(t.Context(), upstream.Emails, upstream.CountQuery{Window: day})
	if e := public(t, err); e.Code != upstream.InvalidArgument || e.Parameter != "timeseries" || len(s.calls()) != 0 {
		t.Errorf("got %+v after %d calls", e, len(s.calls()))
	}
}

// Successive calls share one connection.
func TestConnectionsAreReused(t *testing.T) {
	remotes := map[string]bool{}
	c := over(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		remotes[r.RemoteAddr] = true
		reply(503, "{}")(w, r)
	}), func(o *Options) { o.Retry.Tries = 1 })
	for range 20 {
		c.BounceCategories(t.Context())
	}
	if len(remotes) != 1 {
		t.Errorf("20 calls took %d connections", len(remotes))
	}
}
