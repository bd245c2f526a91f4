package embedded

import (
	"net/url"
	"slices"
	"strings"
	"sync"
)

// An identity identifies a request: requests with the same identity are duplicates.
type identity struct {
	key   *key // nil without keys
	path  string
	query string // parameters sorted
}

// duplicates tracks the requests being processed, to answer duplicates of them with
// 202. The document's service does this: "only the first gets the results".
type duplicates struct {
	mu      sync.Mutex
	running map[identity]bool
}

// begin reports whether no request with this identity is being processed. If so, the
// caller must call end when it has processed the request.
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

// sortedParameters sorts the parameters of a raw query string and escapes each in the
// same way, so that equal parameters give equal strings.
func sortedParameters(raw string) string {
	pairs := strings.FieldsFunc(raw, func(c rune) bool { return c == '&' })
	for i, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		pairs[i] = reescape(name) + "=" + reescape(value)
	}
	slices.Sort(pairs)
	return strings.Join(pairs, "&")
}

func reescape(s string) string {
	if plain, err := url.QueryUnescape(s); err == nil {
		return url.QueryEscape(plain)
	}
	return s
}
