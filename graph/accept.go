package graph

import (
	"mime"
	"strconv"
	"strings"
	"sync"
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

// accepted is what a request takes for an answer.
type accepted struct {
	media  string // of a single answer; "" is none of ours
	events eagerness
	parts  bool // deferred parts
}

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

func acceptedBy(accept []string) (a accepted) {
	a.media, a.events = negotiate(accept)
	a.parts = takesParts(accept)
	return a
}

// negotiate gives the media type of a single answer by the weights of Accept, or ""
// if none of ours is acceptable, and when the answer is a stream of events. Of equal
// weights the more telling one wins if the caller names it; who names neither gets
// plain JSON.
func negotiate(accept []string) (media string, events eagerness) {
	if len(accept) == 0 || len(accept) == 1 && accept[0] == "*/*" { // as most programs have it
		return mediaJSON, never
	}
	ranges := acceptRanges(strings.Join(accept, ","))
	media = negotiateOne(ranges)
	weight, named := weightOf(mediaEvents, ranges)
	switch {
	case !named || weight == 0:
	case media == "":
		events = always
	default:
		events = ifStreams
		if single, _ := weightOf(media, ranges); weight > single {
			events = always
		}
	}
	return media, events
}

func negotiateOne(ranges []acceptRange) string {
	if len(ranges) == 0 {
		return mediaJSON
	}
	graphQL, named := weightOf(mediaGraphQL, ranges)
	json, _ := weightOf(mediaJSON, ranges)
	switch {
	case graphQL == 0 && json == 0:
		return ""
	case graphQL > json, graphQL == json && named:
		return mediaGraphQL
	}
	return mediaJSON
}

// acceptRange is a part of an Accept header, such as "application/*;q=0.5".
type acceptRange struct {
	media     string
	weight    float64
	deferSpec string // the format of parts; "" is any
}

// acceptRanges takes a header apart. Parts that are none are given with a weight of
// nothing, so that a header of nonsense is not an empty one.
func acceptRanges(header string) []acceptRange {
	var ranges []acceptRange
	for part := range strings.SplitSeq(header, ",") {
		if strings.TrimSpace(part) == "" {
			continue
		}
		media, attrs, err := mime.ParseMediaType(part)
		r := acceptRange{media, 1, attrs["deferspec"] + attrs["incrementalspec"]}
		if q, ok := attrs["q"]; ok {
			r.weight, err = strconv.ParseFloat(q, 64)
		}
		if err != nil || !(r.weight >= 0 && r.weight <= 1) || attrs["charset"] != "" && !strings.EqualFold(attrs["charset"], "utf-8") {
			r.weight = 0
		}
		ranges = append(ranges, r)
	}
	return ranges
}

// weightOf is the weight of the most specific range that the type is in, and whether
// that names it.
func weightOf(media string, ranges []acceptRange) (weight float64, named bool) {
	best := 0
	kind, _, _ := strings.Cut(media, "/")
	for _, r := range ranges {
		specific := map[string]int{media: 3, kind + "/*": 2, "*/*": 1}[r.media]
		if specific > best || specific == best && specific > 0 && r.weight > weight {
			best, weight = specific, r.weight
		}
	}
	return weight, best == 3
}
