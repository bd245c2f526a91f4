package embedded

import (
	"context"
	"net/url"
	"strings"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/grouped"
	"deliverygraph/upstream/kind"
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
	all := map[string]endpoint{}
	for _, k := range upstream.Kinds {
		all[k.ListPath()] = list(k, b)
		all[k.GroupsPath()] = groups(k, b, p)
		all[k.CountsPath()] = counts(k, b)
		if path := kind.All[k].Catalogue; path != "" {
			all[path] = codes(k, b)
		}
	}
	return all
}

// answer returns a question that find answers. Format appends the answer's body.
func answer[A any](nothing string, find func(context.Context) (A, error), format func([]byte, A) []byte) question {
	return question{nothing: nothing, ask: func(ctx context.Context, dst []byte) ([]byte, error) {
		found, err := find(ctx)
		if err != nil {
			return dst, err
		}
		return format(dst, found), nil
	}}
}

// list answers the list of a kind: at most [upstream.PageSize] rows from offset.
func list(k upstream.Kind, b store.Reader) endpoint {
	return func(r request) (question, error) {
		q, err := upstream.ParseQuestion(upstream.ShapeList, k, r.query)
		find := func(ctx context.Context) (upstream.Page, error) { return b.List(ctx, r.only, k, q.ListQuery) }
		return answer(noRows, find, upstream.AppendPage), err
	}
}

// groups answers the groups of a kind.
func groups(k upstream.Kind, b store.Reader, p *grouped.Providers) endpoint {
	return func(r request) (question, error) {
		q, err := upstream.ParseQuestion(upstream.ShapeGroups, k, r.query)
		return answer(noGroups,
			func(ctx context.Context) (upstream.Groups, error) { return b.Groups(ctx, r.only, q, p) },
			func(dst []byte, g upstream.Groups) []byte { return upstream.AppendGroups(dst, &q, g) }), err
	}
}

// counts answers the counts of a kind, as rows or, with timeseries, as points.
func counts(k upstream.Kind, b store.Reader) endpoint {
	return func(r request) (question, error) {
		q, err := upstream.ParseQuestion(upstream.ShapeCounts, k, r.query)
		if q.Interval == 0 {
			return answer(noRows,
				func(ctx context.Context) ([]upstream.Count, error) { return b.Counts(ctx, r.only, k, q.Counts()) },
				func(dst []byte, c []upstream.Count) []byte { return upstream.AppendCounts(dst, k, q.Rollup, c) }), err
		}
		return answer(noSeries,
			func(ctx context.Context) ([]upstream.Series, error) { return b.Series(ctx, r.only, k, q.Counts()) },
			func(dst []byte, s []upstream.Series) []byte { return upstream.AppendSeries(dst, k, s) }), err
	}
}

// codes answers the catalogue of a kind, such as GET /bounce/categories.
func codes(k upstream.Kind, b store.Reader) endpoint {
	return func(r request) (question, error) {
		find := func(ctx context.Context) ([]string, error) { return b.Codes(ctx, k) }
		return answer(noRows, find, upstream.AppendCodes), noParameters(r)
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
		return answer(noDetail,
			func(ctx context.Context) (upstream.BounceDetail, error) { return b.Bounce(ctx, r.only, k) },
			func(dst []byte, d upstream.BounceDetail) []byte {
				return upstream.AppendBounceDetail(dst, d, envelope())
			}), err
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
