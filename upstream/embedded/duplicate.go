package embedded

import (
	"net/url"
	"slices"
	"strings"
	"sync"
)

// An identity is what makes two requests identical: who asks, and for what.
type identity struct {
	key   *key // nil without keys
	path  string
	query string // parameters in one order
}

// duplicates are the requests being processed, where identical ones that arrive
// meanwhile are to be answered 202. The document's service does so: "only the
// first gets the results".
type duplicates struct {
	mu      sync.Mutex
	running map[identity]bool
}

// begin says whether the request is the first of its identity. If so, end must be
// called once it is processed.
func (d *duplicates) begin(id identity) (end func(), first bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.running[id] {
		return nil, false
	}
	d.running[id] = true
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.running, id)
	}, true
}

// sortedParameters puts the parameters of a raw query string in order, each
// escaped in one way, so that the same parameters are the same string.
func sortedParameters(raw string) string {
	pairs := strings.FieldsFunc(raw, func(c rune) bool { return c == '&' })
	for i, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		pairs[i] = escapedAlike(name) + "=" + escapedAlike(value)
	}
	slices.Sort(pairs)
	return strings.Join(pairs, "&")
}

func escapedAlike(s string) string {
	if plain, err := url.QueryUnescape(s); err == nil {
		return url.QueryEscape(plain)
	}
	return s
}
