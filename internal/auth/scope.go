package auth

import (
	"fmt"
	"strings"
)

// Scopes say what a caller may read of its users' data: a set of the constants
// below. The zero Scopes is nothing at all.
type Scopes uint8

// The scopes, each with the name that key files and tokens have for it.
const (
	// MetricsRead ("metrics:read") is the data itself: without it nothing can be asked.
	MetricsRead Scopes = 1 << iota
	// RecipientsRead ("recipients:read") is recipients' addresses, which are personal
	// data: without it they come masked, and nothing can be looked for by them.
	RecipientsRead
	// ContentRead ("content:read") is what receiving servers and bounce messages said.
	ContentRead

	// AllScopes is everything.
	AllScopes = MetricsRead | RecipientsRead | ContentRead
)

// scopeNames are in the order of the constants.
var scopeNames = [...]string{"metrics:read", "recipients:read", "content:read"}

// Has says whether all of the given scopes are in the set.
func (s Scopes) Has(all Scopes) bool { return s&all == all }

// String is the names with spaces between, as tokens have them.
func (s Scopes) String() string {
	var names []string
	for i, name := range scopeNames {
		if s.Has(1 << i) {
			names = append(names, name)
		}
	}
	return strings.Join(names, " ")
}

// ScopeNamed gives the scope of a name. The error says which names there are.
func ScopeNamed(name string) (Scopes, error) {
	for i, n := range scopeNames {
		if n == name {
			return 1 << i, nil
		}
	}
	return 0, fmt.Errorf("there is no scope %.40q: the scopes are %s", name, strings.Join(scopeNames[:], ", "))
}

// ParseScopes reads names with commas or spaces between, such as "metrics:read,content:read".
func ParseScopes(list string) (Scopes, error) {
	var all Scopes
	for _, name := range strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' }) {
		s, err := ScopeNamed(name)
		if err != nil {
			return 0, err
		}
		all |= s
	}
	return all, nil
}
