package auth

import (
	"context"

	"deliverygraph/upstream"
)

// denied is the API as one sees it who may not read metrics.
type denied struct{}

var _ upstream.API = denied{}

var errNoMetrics = refuse(upstream.PermissionDenied, "reading anything needs the scope metrics:read, which this caller has not been given")

func (denied) Bounces(context.Context, upstream.ListQuery) ([]upstream.Bounce, error) {
	return nil, errNoMetrics
}

func (denied) Emails(context.Context, upstream.ListQuery) ([]upstream.Email, error) {
	return nil, errNoMetrics
}

func (denied) BlockedEmails(context.Context, upstream.ListQuery) ([]upstream.BlockedEmail, error) {
	return nil, errNoMetrics
}

func (denied) Bounce(context.Context, upstream.BounceKey) (upstream.BounceDetail, error) {
	return upstream.BounceDetail{}, errNoMetrics
}

func (denied) Counts(context.Context, upstream.Kind, upstream.CountQuery) ([]upstream.Count, error) {
	return nil, errNoMetrics
}

func (denied) Series(context.Context, upstream.Kind, upstream.SeriesQuery) ([]upstream.Series, error) {
	return nil, errNoMetrics
}

func (denied) BounceCategories(context.Context) ([]string, error) { return nil, errNoMetrics }

func (denied) BlockedReasons(context.Context) ([]string, error) { return nil, errNoMetrics }
