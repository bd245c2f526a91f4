package embedded

import (
	"net/url"
	"slices"
	"strings"
)

// An identity identifies a request: requests with the same identity are duplicates.
type identity struct {
	key   *key // nil without keys
	path  string
	query string // parameters sorted
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
