package graph

import (
	"strings"
	"sync"

	"deliverygraph/internal/web"
)

// Media types of answers. The first is for callers that know it: its status tells
// whether the request was sound. With the second the status is 200 for whatever is
// a GraphQL request at all.
const (
	mediaGraphQL = "application/graphql-response+json"
	mediaJSON    = "application/json"
	mediaEvents  = "text/event-stream"
)

// eagerness is when an answer is a stream of events. Gateways and playgrounds list
// what they can read on every request; only who prefers events gets them for what
// is one response.
type eagerness uint8

const (
	never     eagerness = iota
	ifStreams           // for a subscription
	always
)

// accepted is what a request accepts as its answer.
type accepted struct {
	media  string    // of a single answer, and of errors, which are sent whatever is accepted
	single bool      // a single answer is acceptable
	events eagerness // likewise a stream of events
	parts  bool      // likewise deferred parts
}

// nothing reports whether no form that an answer has here is acceptable.
func (a accepted) nothing() bool { return !a.single && a.events == never && !a.parts }

// accepts knows what Accept headers ask for: programs send one of few, and to take one
// apart costs as much as all else about a small request. It is safe for concurrent use.
type accepts struct {
	mu    sync.RWMutex
	known map[string]accepted
}

// What is kept is bounded: headers that come later, or are longer, are taken apart each
// time.
const (
	maxAccepts   = 100
	maxAcceptLen = 300
)

// of gives what the values of a request's Accept ask for.
func (a *accepts) of(accept []string) accepted {
	if len(accept) != 1 || len(accept[0]) > maxAcceptLen {
		return acceptedBy(accept)
	}
	a.mu.RLock()
	known, ok := a.known[accept[0]]
	full := len(a.known) >= maxAccepts
	a.mu.RUnlock()
	if ok {
		return known
	}
	by := acceptedBy(accept)
	if !full {
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.known == nil {
			a.known = map[string]accepted{}
		}
		a.known[strings.Clone(accept[0])] = by // by itself, without the request's other headers
	}
	return by
}

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
