package resolvers

import (
	"fmt"

	"deliverygraph/graph/model"
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
