package resolvers

import (
	"context"
	"errors"
	"fmt"

	"github.com/vektah/gqlparser/v2/gqlerror"

	"deliverygraph/graph"
	"deliverygraph/graph/model"
	"deliverygraph/resolvers/feed"
	"deliverygraph/resolvers/page"
	"deliverygraph/upstream"
)

// Bounces answers Subscription.bounces.
func (s subscription) Bounces(ctx context.Context, f *model.BounceFilter,
	after *string) (<-chan *model.BounceEvent, error) {
	q, err := listQuery(ctx, upstream.Bounces, bounceFilter(f), parent{})
	if err != nil {
		return nil, err
	}
	if s.feed == nil {
		return nil, badArgument("", "this endpoint does not support subscriptions")
	}
	sub, err := s.feed.Subscribe(ctx, q, after)
	if err != nil {
		return nil, streamError(err)
	}
	events := make(chan *model.BounceEvent)
	go func() {
		defer close(events)
		defer sub.Close()
		defer func() {
			if v := recover(); v != nil {
				graph.FailStream(ctx, upstream.Recovered(v))
			}
		}()
		for {
			e, err := sub.Next(ctx)
			if err != nil {
				graph.FailStream(ctx, streamError(err))
				return
			}
			select {
			case events <- bounceEvent(sub, e, q):
			case <-ctx.Done():
				return
			}
		}
	}()
	return events, nil
}

// bounceEvent converts an event of the feed. The counts that contain its sender's address have the window that
// all events of the same poll share, so that one call serves all of them and all subscribers.
func bounceEvent(sub *feed.Subscription, e *feed.Event, q upstream.ListQuery) *model.BounceEvent {
	q.Window = e.Window()
	node := bounceList.node(e.Bounce, originOf(upstream.Bounces, q))
	return &model.BounceEvent{Node: &node, At: func() string { return sub.Cursor(e) }}
}

// streamError converts an error of the feed for callers. It returns nil if the stream simply ends.
func streamError(err error) error {
	var slow *feed.SlowError
	var limit *feed.LimitError
	var argument *page.ArgumentError
	switch {
	case errors.Is(err, feed.ErrClosed), errors.Is(err, context.Canceled):
		return nil
	case errors.As(err, &slow):
		return &gqlerror.Error{
			Message: fmt.Sprintf("the subscriber is more than %d events behind: read faster or use a narrower filter, "+
				"and resume with resumeAfter as after", slow.Behind),
			Extensions: map[string]any{"code": "SUBSCRIBER_TOO_SLOW", "resumeAfter": slow.Cursor},
		}
	case errors.As(err, &limit):
		return &gqlerror.Error{Message: limit.Error(), Extensions: map[string]any{"code": "RATE_LIMITED"}}
	case errors.As(err, &argument):
		return pagingError(err)
	}
	return err
}
