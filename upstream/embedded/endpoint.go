package embedded

import (
	"context"
	"net/url"
	"strings"

	"deliverygraph/upstream"
)

// An endpoint reads what a request asks. It does not ask the backend yet: first it
// must be known that the request is in order.
type endpoint func(r request) (question, error)

// A request is what of an HTTP request an endpoint answers to.
type request struct {
	path  string        // still escaped
	query string        // raw
	only  []upstream.ID // whose data the caller may see; nil is all users
}

// A question is what a request asks of the backend.
type question struct {
	// ask appends the answer's body to dst.
	ask func(ctx context.Context, dst []byte) ([]byte, error)
	// nothing is the body of an answer that holds nothing, in the same form.
	nothing string
}

// The forms of an answer that holds nothing.
const (
	noRows   = `{"data":[]}`
	noSeries = `{"data":{}}`
	noDetail = `{"data":null}`
)

// endpoints are those of one path each, by path.
func endpoints(b Backend) map[string]endpoint {
	return map[string]endpoint{
		"/bounces":        list(upstream.Bounces, b.Bounces, upstream.AppendBounces),
		"/emails":         list(upstream.Emails, b.Emails, upstream.AppendEmails),
		"/blocked-emails": list(upstream.BlockedEmails, b.BlockedEmails, upstream.AppendBlockedEmails),

		"/bounce/counts":        counts(upstream.Bounces, b),
		"/email/counts":         counts(upstream.Emails, b),
		"/blocked-email/counts": counts(upstream.BlockedEmails, b),

		"/bounce/categories":     codes(b.BounceCategories),
		"/blocked-email/reasons": codes(b.BlockedReasons),
	}
}

// list answers GET /bounces, /emails and /blocked-emails: at most
// [upstream.PageSize] rows from offset.
func list[R any](k upstream.Kind,
	rows func(context.Context, []upstream.ID, upstream.ListQuery) ([]R, error),
	appendRows func([]byte, []R) []byte,
) endpoint {
	return func(r request) (question, error) {
		q, err := upstream.ParseListQuery(k, r.query)
		return question{nothing: noRows, ask: func(ctx context.Context, dst []byte) ([]byte, error) {
			found, err := rows(ctx, r.only, q)
			if err != nil {
				return dst, err
			}
			return appendRows(dst, found), nil
		}}, err
	}
}

// counts answers GET /bounce/counts, /email/counts and /blocked-email/counts, as
// rows or, with timeseries, as points.
func counts(k upstream.Kind, b Backend) endpoint {
	return func(r request) (question, error) {
		q, err := upstream.ParseCountQuery(k, r.query)
		if err != nil {
			return question{}, err
		}
		if q.Interval == 0 {
			return question{nothing: noRows, ask: func(ctx context.Context, dst []byte) ([]byte, error) {
				found, err := b.Counts(ctx, r.only, k, q.CountQuery)
				if err != nil {
					return dst, err
				}
				return upstream.AppendCounts(dst, k, q.Rollup, found), nil
			}}, nil
		}
		return question{nothing: noSeries, ask: func(ctx context.Context, dst []byte) ([]byte, error) {
			found, err := b.Series(ctx, r.only, k, q)
			if err != nil {
				return dst, err
			}
			return upstream.AppendSeries(dst, k, found), nil
		}}, nil
	}
}

// codes answers GET /bounce/categories and /blocked-email/reasons.
func codes(list func(context.Context) ([]string, error)) endpoint {
	return func(r request) (question, error) {
		return question{nothing: noRows, ask: func(ctx context.Context, dst []byte) ([]byte, error) {
			found, err := list(ctx)
			if err != nil {
				return dst, err
			}
			return upstream.AppendCodes(dst, found), nil
		}}, noParameters(r)
	}
}

// detail answers GET /bounce/[user_id]/[sender_id]/[bounce_time]/[email_id]; envelope
// is called once the data is there.
func detail(b Backend, envelope func() upstream.Envelope) endpoint {
	return func(r request) (question, error) {
		k, err := upstream.ParseBounceKey(r.path)
		if err == nil {
			err = noParameters(r)
		}
		return question{nothing: noDetail, ask: func(ctx context.Context, dst []byte) ([]byte, error) {
			found, err := b.Bounce(ctx, r.only, k)
			if err != nil {
				return dst, err
			}
			return upstream.AppendBounceDetail(dst, found, envelope()), nil
		}}, err
	}
}

// noParameters refuses a query string where the document has none. What is ignored
// is misunderstood: whoever sends a filter believes that it filters.
func noParameters(r request) error {
	for pair := range strings.SplitSeq(r.query, "&") {
		if pair == "" {
			continue
		}
		raw, _, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(raw)
		if err != nil {
			name = raw
		}
		return &upstream.Error{
			Code:      upstream.InvalidArgument,
			Parameter: excerpt(name),
			Message:   "this endpoint takes no parameters in the query string: leave out " + excerpt(name),
		}
	}
	return nil
}

// excerpt bounds what a message repeats of the caller's own words.
func excerpt(s string) string {
	const limit = 60
	if len(s) > limit {
		s = s[:limit] + "…"
	}
	return strings.ToValidUTF8(s, "�")
}
