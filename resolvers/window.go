package resolvers

import (
	"context"

	"deliverygraph/graph/model"
	"deliverygraph/resolvers/loaders"
	"deliverygraph/resolvers/operation"
	"deliverygraph/upstream"
)

// resolve returns the window in absolute time. A relative window ends at the operation's current time, which is
// the same for all its fields, and for other operations that begin soon: see [loaders.Now].
func resolve(ctx context.Context, w model.Window) (upstream.Window, error) {
	switch {
	case w.Between != nil && w.Last == nil:
		if w.Between.Start >= w.Between.End {
			return upstream.Window{}, badArgument("window.between.end",
				"window.between.end must be later than window.between.start")
		}
		return upstream.Window{Start: w.Between.Start, End: w.Between.End}, nil
	case w.Last != nil && w.Between == nil:
		l := loaders.From(ctx)
		operation.From(ctx).Move(l.Until)
		return w.Last.UpTo(l.Now), nil
	}
	return upstream.Window{}, badArgument("window",
		"window needs exactly one of between and last, such as {last: \"P7D\"}")
}

// written returns the window as the caller wrote it, which is part of a cursor's binding. A relative window is
// the same text whenever it is resolved.
func written(w model.Window, resolved upstream.Window) string {
	if w.Last != nil {
		return w.Last.String()
	}
	return upstream.CountQuery{Window: resolved}.Encode()
}
