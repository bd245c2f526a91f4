package embedded

import (
	"net/url"
	"strings"

	"deliverygraph/upstream"
)

// endpoints are the endpoints with a fixed path, by path, as questions without parameters.
var endpoints = func() map[string]upstream.Question {
	all := map[string]upstream.Question{}
	for _, k := range upstream.Kinds {
		for _, s := range []upstream.Shape{
			upstream.ShapeList, upstream.ShapeCounts, upstream.ShapeGroups, upstream.ShapeCatalogue,
		} {
			q := upstream.Question{Shape: s, Kind: k}
			all[q.Endpoint()] = q
		}
	}
	delete(all, "") // of kinds without a catalogue
	return all
}()

// nothing has the bodies of answers without data, by shape.
var nothing = [...]string{
	upstream.ShapeList:      `{"data":[]}`,
	upstream.ShapeDetail:    `{"data":null}`,
	upstream.ShapeCounts:    `{"data":[]}`,
	upstream.ShapeSeries:    `{"data":{}}`,
	upstream.ShapeCatalogue: `{"data":[]}`,
	upstream.ShapeGroups:    `{"data":{"total":0,"groups":[],"other":{"groups":0,"count":0}}}`,
}

// parse returns the question of a request to an endpoint. The path is escaped, and query is the raw query string.
func parse(endpoint upstream.Question, path, query string) (upstream.Question, error) {
	switch endpoint.Shape {
	case upstream.ShapeDetail:
		k, err := upstream.ParseBounceKey(path)
		if err == nil {
			err = noParameters(query)
		}
		return k.Question(), err
	case upstream.ShapeCatalogue:
		return endpoint, noParameters(query)
	}
	return upstream.ParseQuestion(endpoint.Shape, endpoint.Kind, query)
}

// noParameters returns an error if there is a query string. Ignoring it would mislead callers, who would believe that
// their filter applies.
func noParameters(query string) error {
	for pair := range strings.SplitSeq(query, "&") {
		if pair == "" {
			continue
		}
		raw, _, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(raw)
		if err != nil {
			name = raw
		}
		return &upstream.Error{
			Code: upstream.InvalidArgument, Parameter: excerpt(name),
			Message: "this endpoint takes no parameters in the query string: leave out " + excerpt(name),
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
