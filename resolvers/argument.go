package resolvers

import (
	"context"
	"fmt"

	"deliverygraph/graph/model"
	"deliverygraph/resolvers/loaders"
	"deliverygraph/resolvers/operation"
	"deliverygraph/upstream"
)

// badArgument returns an input error for an argument, such as "filter.userId".
func badArgument(argument, format string, args ...any) error {
	return &upstream.Error{Code: upstream.InvalidArgument, Parameter: argument, Message: fmt.Sprintf(format, args...)}
}

// key parses a user or sender number. It returns 0 if s is nil.
func key(argument string, s *string) (upstream.ID, error) {
	if s == nil {
		return 0, nil
	}
	id, err := model.ParseKey(*s)
	if err != nil {
		return 0, badArgument(argument, "%s: %v", argument, err)
	}
	return id, nil
}

// newest reports whether a list is to begin with its newest rows.
func newest(order *model.ListOrder) bool { return order != nil && *order == model.ListOrderNewestFirst }

// text checks a text to search for. It returns "" if s is nil. An empty text is an error, since it would match
// nothing or everything.
func text(argument string, s *string) (string, error) {
	if s == nil {
		return "", nil
	}
	if *s == "" {
		return "", badArgument(argument, "%s must not be empty", argument)
	}
	if len(*s) > upstream.MaxFilter {
		return "", badArgument(argument,
			"%s is longer than %d bytes, the limit for addresses, names and codes", argument, upstream.MaxFilter)
	}
	return *s, nil
}

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
