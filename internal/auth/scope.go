package auth

import (
	"fmt"
	"strings"
)

// Scopes is a set of the constants below. It says what a caller may read of its users' data. The zero Scopes allows
// nothing.
type Scopes uint8

// The scopes, with their names in key files and tokens.
const (
	// MetricsRead ("metrics:read") allows queries. Without it every call is refused.
	MetricsRead Scopes = 1 << iota
	// RecipientsRead ("recipients:read") allows recipients' addresses, which are personal data. Without it they
	// are masked, and cannot be searched for.
	RecipientsRead
	// ContentRead ("content:read") allows the responses of receiving servers and the texts of bounce messages.
	ContentRead

	// AllScopes has all scopes.
	AllScopes = MetricsRead | RecipientsRead | ContentRead
)

// scopeNames has the names in the order of the constants.
var scopeNames = [...]string{"metrics:read", "recipients:read", "content:read"}

// Has reports whether the set contains all of the given scopes.
func (s Scopes) Has(all Scopes) bool { return s&all == all }

// String returns the names separated by spaces, as in tokens.
func (s Scopes) String() string {
	var names []string
	for i, name := range scopeNames {
		if s.Has(1 << i) {
			names = append(names, name)
		}
	}
	return strings.Join(names, " ")
}

// ScopeNamed returns the scope with a name. The error lists the valid names.
func ScopeNamed(name string) (Scopes, error) {
	for i, n := range scopeNames {
		if n == name {
			return 1 << i, nil
		}
	}
	return 0, fmt.Errorf("there is no scope %.40q: the scopes are %s", name, strings.Join(scopeNames[:], ", "))
}

// ParseScopes parses names separated by commas or spaces, such as "metrics:read,content:read".
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
