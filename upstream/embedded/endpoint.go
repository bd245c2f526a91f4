package embedded

import (
	"context"
	"net/url"
	"strings"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/grouped"
)

// An endpoint parses a request. It does not call the backend; the question that it
// returns does.
type endpoint func(r request) (question, error)

// A request holds the parts of an HTTP request that endpoints use.
type request struct {
	path  string        // escaped
	query string        // raw
	only  []upstream.ID // users whose data the caller may see; nil is all users
}

// A question is a parsed request.
type question struct {
	// ask calls the backend and appends the answer's body to dst.
	ask func(ctx context.Context, dst []byte) ([]byte, error)
	// nothing is the body of an answer without data, in the same format.
	nothing string
}

// Bodies of answers without data.
const (
	noRows   = `{"data":[]}`
	noSeries = `{"data":{}}`
	noDetail = `{"data":null}`
	noGroups = `{"data":{"total":0,"groups":[],"other":{"groups":0,"count":0}}}`
)

// endpoints returns the endpoints with a fixed path, by path.
func endpoints(b store.Reader, p *grouped.Providers) map[string]endpoint {
	all := kindEndpoints(b, p)
	all[upstream.BounceCategoriesPath] = codes(b.BounceCategories)
	all[upstream.BlockedReasonsPath] = codes(b.BlockedReasons)
	return all
}

// list answers the list of a kind: at most [upstream.PageSize] rows from offset.
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

// groups answers the groups of a kind.
func groups(k upstream.Kind, b store.Reader, p *grouped.Providers) endpoint {
	return func(r request) (question, error) {
		q, err := upstream.ParseGroupsQuery(k, r.query)
		return question{nothing: noGroups, ask: func(ctx context.Context, dst []byte) ([]byte, error) {
			found, err := b.Groups(ctx, r.only, k, q, p)
			if err != nil {
				return dst, err
			}
			return upstream.AppendGroups(dst, q, found), nil
		}}, err
	}
}

// counts answers the counts of a kind, as rows or, with timeseries, as points.
func counts(k upstream.Kind, b store.Reader) endpoint {
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

// detail answers GET /bounce/[user_id]/[sender_id]/[bounce_time]/[email_id]. It calls
// envelope once it has the data.
func detail(b store.Reader, envelope func() upstream.Envelope) endpoint {
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

// noParameters returns an error if the request has a query string. Ignoring it would
// mislead callers, who would believe that their filter applies.
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

// excerpt shortens s, which comes from the caller, for a message.
func excerpt(s string) string {
	const limit = 60
	if len(s) > limit {
		s = s[:limit] + "…"
	}
	return strings.ToValidUTF8(s, "�")
}
