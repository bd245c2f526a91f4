package upstreamtest

import (
	"context"
	"net/http"

	"deliverygraph/upstream"
)

// API is the metrics API as typed calls, the form in which fakes are easiest to write. [upstream.API] has the same
// methods.
type API interface {
	Bounces(ctx context.Context, q upstream.ListQuery) ([]upstream.Bounce, error)
	Emails(ctx context.Context, q upstream.ListQuery) ([]upstream.Email, error)
	BlockedEmails(ctx context.Context, q upstream.ListQuery) ([]upstream.BlockedEmail, error)
	Bounce(ctx context.Context, k upstream.BounceKey) (upstream.BounceDetail, error)
	Counts(ctx context.Context, k upstream.Kind, q upstream.CountQuery) ([]upstream.Count, error)
	Series(ctx context.Context, k upstream.Kind, q upstream.SeriesQuery) ([]upstream.Series, error)
	BounceCategories(ctx context.Context) ([]string, error)
	BlockedReasons(ctx context.Context) ([]string, error)
}

// Grouping is an API with the extension that groups events.
type Grouping interface {
	Groups(ctx context.Context, k upstream.Kind, q upstream.GroupsQuery) (upstream.Groups, error)
}

// Question returns the question for a list of a kind. It panics if the query is invalid.
func Question(k upstream.Kind, q upstream.ListQuery) *upstream.Question {
	question, err := q.Question(k)
	if err != nil {
		panic(err)
	}
	return &question
}

// Asker returns a fake as an [upstream.Asker].
func Asker(fake API) upstream.Asker { return asker{fake} }

type asker struct{ api API }

func (a asker) Ask(ctx context.Context, q *upstream.Question) (any, error) {
	switch q.Shape {
	case upstream.ShapeDetail:
		return a.api.Bounce(ctx, q.Detail())
	case upstream.ShapeCounts:
		return a.api.Counts(ctx, q.Kind, q.Counts())
	case upstream.ShapeSeries:
		return a.api.Series(ctx, q.Kind, q.Series())
	case upstream.ShapeGroups:
		if grouping, ok := a.api.(Grouping); ok {
			return grouping.Groups(ctx, q.Kind, q.GroupsOf())
		}
		return nil, &upstream.Error{
			Code: upstream.NotFound, Status: http.StatusNotFound, Message: "there is no " + q.Endpoint(),
		}
	case upstream.ShapeCatalogue:
		if q.Kind == upstream.BlockedEmails {
			return a.api.BlockedReasons(ctx)
		}
		return a.api.BounceCategories(ctx)
	}
	switch q.Kind {
	case upstream.Emails:
		return a.api.Emails(ctx, q.List())
	case upstream.Bounces:
		return a.api.Bounces(ctx, q.List())
	default:
		return a.api.BlockedEmails(ctx, q.List())
	}
}
