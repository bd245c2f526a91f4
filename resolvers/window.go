package resolvers

import (
	"context"

	"deliverygraph/graph/model"
	"deliverygraph/resolvers/loaders"
	"deliverygraph/upstream"
	"deliverygraph/upstream/ledger"
)

// resolve gives the window in absolute time. A relative one ends at the
// operation's now, which is the same for all its fields.
func resolve(ctx context.Context, w model.Window) (upstream.Window, error) {
	switch {
	case w.Between != nil && w.Last == nil:
		if w.Between.Start >= w.Between.End {
			return upstream.Window{}, badArgument("window.between.end", "window.between.end must be later than window.between.start")
		}
		return upstream.Window{Start: w.Between.Start, End: w.Between.End}, nil
	case w.Last != nil && w.Between == nil:
		ledger.From(ctx).Move()
		return w.Last.UpTo(loaders.From(ctx).Now), nil
	}
	return upstream.Window{}, badArgument("window", "window takes exactly one of between and last, such as {last: \"P7D\"}")
}

// written is the window as the caller wrote it: what a cursor is bound to.
// Relative windows are one window however often they are resolved.
func written(w model.Window, resolved upstream.Window) string {
	if w.Last != nil {
		return w.Last.String()
	}
	return upstream.CountQuery{Window: resolved}.Encode()
}
