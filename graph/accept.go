package graph

import (
	"strings"

	"deliverygraph/internal/web"
)

// Media types of responses. With mediaGraphQL, the HTTP status says whether the request was valid. With mediaJSON, the
// status is 200 for every well-formed GraphQL request, even one that is refused.
const (
	mediaGraphQL = "application/graphql-response+json"
	mediaJSON    = "application/json"
	mediaEvents  = "text/event-stream"
)

// eagerness says when a response is sent as a stream of events. Gateways and playgrounds list every type they can read
// on each request, so a single response becomes a stream only for callers that prefer events.
type eagerness uint8

const (
	never     eagerness = iota
	ifStreams           // for subscriptions only
	always
)

// accepted holds the response formats that a request accepts.
type accepted struct {
	media  string    // of a single response, and of errors, which are sent whatever the request accepts
	single bool      // a single response is acceptable
	events eagerness // when a stream of events is acceptable
	parts  bool      // deferred parts are acceptable
}

// nothing reports whether the request accepts none of the formats that this endpoint offers.
func (a accepted) nothing() bool { return !a.single && a.events == never && !a.parts }

// acceptedBy parses the values of a request's Accept header.
func acceptedBy(values []string) (a accepted) {
	accept := web.ParseAccept(values)
	for i, r := range accept {
		if charset := r.Params["charset"]; charset != "" && !strings.EqualFold(charset, "utf-8") {
			accept[i].Weight = 0
		}
	}
	weight := 0.0
	a.media, weight = negotiate(accept)
	a.single = weight > 0
	a.parts = acceptsParts(accept)
	if events, named := accept.Weight(mediaEvents); named && events > 0 {
		a.events = ifStreams
		if events > weight {
			a.events = always
		}
	}
	return a
}

// negotiate returns the media type of a single answer and its weight, which is 0 if neither is acceptable. Of equal
// weights the more precise type wins if the caller names it; a caller that names neither gets plain JSON.
func negotiate(accept web.Accept) (media string, weight float64) {
	if len(accept) == 0 {
		return mediaJSON, 1
	}
	graphQL, named := accept.Weight(mediaGraphQL)
	json, _ := accept.Weight(mediaJSON)
	if graphQL > json || graphQL == json && graphQL > 0 && named {
		return mediaGraphQL, graphQL
	}
	return mediaJSON, json
}
