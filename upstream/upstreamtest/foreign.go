package upstreamtest

import (
	"context"
	"net/url"

	"deliverygraph/upstream"
)

// foreign is a client for servers that may use any format in the document. It reads
// answers with the codecs of package upstream.
type foreign struct{ plain }

var _ API = foreign{}

// Bounces lists bounces.
func (f foreign) Bounces(ctx context.Context, q upstream.ListQuery) ([]upstream.Bounce, error) {
	return read(ctx, f, "/bounces", listParameters(q), upstream.DecodeBounces)
}

// Emails lists emails.
func (f foreign) Emails(ctx context.Context, q upstream.ListQuery) ([]upstream.Email, error) {
	return read(ctx, f, "/emails", listParameters(q), upstream.DecodeEmails)
}

// BlockedEmails lists blocked emails.
func (f foreign) BlockedEmails(ctx context.Context, q upstream.ListQuery) ([]upstream.BlockedEmail, error) {
	return read(ctx, f, "/blocked-emails", listParameters(q), upstream.DecodeBlockedEmails)
}

// Bounce returns the details of a bounce.
func (f foreign) Bounce(ctx context.Context, k upstream.BounceKey) (upstream.BounceDetail, error) {
	return read(ctx, f, detailPath(k), nil, upstream.DecodeBounceDetail)
}

// Counts counts by sender or by user.
func (f foreign) Counts(ctx context.Context, k upstream.Kind, q upstream.CountQuery) ([]upstream.Count, error) {
	parameters := countParameters(upstream.SeriesQuery{CountQuery: q})
	return read(ctx, f, countsPath(k), parameters, func(body string) ([]upstream.Count, error) {
		return upstream.DecodeCounts(body, k, q.Rollup)
	})
}

// Series counts by sender or by user, per hour or day.
func (f foreign) Series(ctx context.Context, k upstream.Kind, q upstream.SeriesQuery) ([]upstream.Series, error) {
	return read(ctx, f, countsPath(k), countParameters(q), func(body string) ([]upstream.Series, error) {
		return upstream.DecodeSeries(body, k)
	})
}

// BounceCategories returns the bounce categories.
func (f foreign) BounceCategories(ctx context.Context) ([]string, error) {
	return read(ctx, f, "/bounce/categories", nil, upstream.DecodeCodes)
}

// BlockedReasons returns the blocked reasons.
func (f foreign) BlockedReasons(ctx context.Context) ([]string, error) {
	return read(ctx, f, "/blocked-email/reasons", nil, upstream.DecodeCodes)
}

func read[V any](ctx context.Context, f foreign, path string, parameters url.Values,
	decode func(string) (V, error),
) (V, error) {
	var none V
	a, err := f.get(ctx, path, parameters.Encode())
	if err != nil {
		return none, err
	}
	if a.status != 200 {
		return none, &upstream.Error{Code: upstream.CodeOfStatus(a.status), Status: a.status}
	}
	return decode(string(a.body))
}
