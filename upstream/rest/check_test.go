package rest

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"deliverygraph/upstream"
)

// A response with a row of another user or sender is rejected as a whole.
func TestForeignRowsAreRejected(t *testing.T) {
	const row = `{"user_id":%d,"sender_id":%d,"email_id":"a",` +
		`"process_time":1479772800,"bounce_time":1479772800,"delivered":true}`
	list := func(q upstream.ListQuery) func(context.Context, *Client) (any, error) {
		q.Window = day
		return func(ctx context.Context, c *Client) (any, error) { return c.Emails(ctx, q) }
	}
	count := func(q upstream.CountQuery) func(context.Context, *Client) (any, error) {
		q.Window = day
		return func(ctx context.Context, c *Client) (any, error) { return c.Counts(ctx, upstream.Emails, q) }
	}
	series := func(q upstream.CountQuery) func(context.Context, *Client) (any, error) {
		q.Window = day
		return func(ctx context.Context, c *Client) (any, error) {
			return c.Series(ctx, upstream.Emails, q.Per(upstream.Day))
		}
	}
	detail := func(ctx context.Context, c *Client) (any, error) {
		return c.Bounce(ctx, upstream.BounceKey{UserID: 21, SenderID: 17, BounceTime: 1479772800, EmailID: "a"})
	}
	both := fmt.Sprintf("["+row+","+row+"]", 21, 17, 22, 18)
	counts := `[{"sender_id":17,"user_id":21,"sent_count":1},{"sender_id":18,"user_id":22,"sent_count":1}]`
	points := `{"17":[],"18":[]}`
	for name, test := range map[string]struct {
		call func(context.Context, *Client) (any, error)
		body string
		want string // in the message; empty if the call succeeds
	}{
		"no user or sender is asked for": {list(upstream.ListQuery{}), both, ""},
		"another user":                   {list(upstream.ListQuery{UserID: 21}), both, "row of another user"},
		"another sender":                 {list(upstream.ListQuery{SenderID: 17}), both, "row of another sender"},
		"the user's, of another sender": {
			list(upstream.ListQuery{UserID: 21, SenderID: 18}), fmt.Sprintf("["+row+"]", 21, 17),
			"row of another sender",
		},
		"another sender, asked as address": {list(upstream.ListQuery{Sender: "17"}), both, "row of another sender"},
		"a sender's address":               {list(upstream.ListQuery{Sender: "17@example.com"}), both, ""},
		"both forms of a sender": {
			list(upstream.ListQuery{SenderID: 17, Sender: "18"}), fmt.Sprintf("["+row+"]", 21, 17), "",
		},
		"digits beyond any id": {list(upstream.ListQuery{Sender: "99999999999999999999"}), both, ""},
		"whom was asked for": {
			list(upstream.ListQuery{UserID: 21, SenderID: 17}), fmt.Sprintf("["+row+"]", 21, 17), "",
		},

		"a bounce of another user":   {detail, fmt.Sprintf(row, 22, 17), "another bounce than was asked for"},
		"a bounce of another sender": {detail, fmt.Sprintf(row, 21, 18), "another bounce than was asked for"},
		"a bounce of another time": {
			detail, strings.Replace(fmt.Sprintf(row, 21, 17), `"bounce_time":1479772800`, `"bounce_time":1479772801`,
				1), "another bounce",
		},
		"a bounce of another email": {
			detail, strings.Replace(fmt.Sprintf(row, 21, 17), `"a"`, `"b"`, 1), "another bounce",
		},
		"the bounce asked for": {detail, fmt.Sprintf(row, 21, 17), ""},

		"counts of another sender": {
			count(upstream.CountQuery{SenderID: 17}), counts, "row of another sender",
		},
		"counts of another user": {
			count(upstream.CountQuery{UserID: 21, Rollup: upstream.ByUser}), counts, "row of another user",
		},
		"counts of a user's senders": {count(upstream.CountQuery{UserID: 21}), counts, ""},
		"counts of a sender's user": {
			count(upstream.CountQuery{SenderID: 17, Rollup: upstream.ByUser}), counts, "",
		},
		"a series of another sender": {
			series(upstream.CountQuery{SenderID: 17}), points, "row of another sender",
		},
		"a series of another user": {
			series(upstream.CountQuery{UserID: 17, Rollup: upstream.ByUser}), points, "row of another user",
		},
		"series of any user": {series(upstream.CountQuery{}), points, ""},
		"a total that is less than nothing": {
			count(upstream.CountQuery{}), `[{"sender_id":17,"sent_count":-1}]`, "sent_count",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := client(t, "http://api.example.com", func(o *Options) { o.Transport = inMemory([]byte(test.body)) })
			v, err := test.call(t.Context(), c)
			if test.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			e := public(t, err)
			if e.Code != upstream.InvalidResponse || e.Status != 200 || !strings.Contains(e.Message, test.want) {
				t.Errorf("got %+v, and %v", e, v)
			}
			if strings.ContainsAny(e.Message, "0123456789") && !strings.Contains(test.want, "_count") {
				t.Errorf("%q names the row's owner", e.Message)
			}
		})
	}
}

// Rows dropped from a page that is too long come with the next call.
func TestPagesAreCutToFiveHundredRows(t *testing.T) {
	for rows, want := range map[int]int{499: 499, 500: 500, 501: 500, 1200: 500} {
		var call Call
		c := client(t, "http://api.example.com", func(o *Options) {
			o.Transport = inMemory(pageOf(rows))
			o.Observe = func(_ context.Context, c Call) { call = c }
		})
		got, err := c.Bounces(t.Context(), upstream.ListQuery{Window: day})
		if err != nil || len(got) != want || call.Rows != want || call.Dropped != rows-want {
			t.Errorf("of %d rows: %d, %v, observed %+v", rows, len(got), err, call)
		}
		if last := fmt.Sprintf("20161122000000.%d@mail6-40", want-1); len(got) == want && got[want-1].EmailID != last {
			t.Errorf("of %d rows the last is %s, want %s", rows, got[want-1].EmailID, last)
		}
	}
}
