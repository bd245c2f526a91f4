package resolvers

import (
	"fmt"

	"deliverygraph/graph/model"
	"deliverygraph/upstream"
)

// badArgument is an input error that names the argument, such as "filter.userId".
func badArgument(argument, format string, args ...any) error {
	return &upstream.Error{Code: upstream.InvalidArgument, Parameter: argument, Message: fmt.Sprintf(format, args...)}
}

// key reads a user's or sender's number. None is 0.
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

// text reads a text to look for. None is ""; an empty one would match nothing or
// everything.
func text(argument string, s *string) (string, error) {
	if s == nil {
		return "", nil
	}
	if *s == "" {
		return "", badArgument(argument, "%s must not be empty", argument)
	}
	if len(*s) > upstream.MaxFilter {
		return "", badArgument(argument, "%s is longer than %d bytes, as no address, name or code is", argument, upstream.MaxFilter)
	}
	return *s, nil
}
