package auth

import (
	"context"
	"net/http"
	"slices"

	"deliverygraph/upstream"
)

// Scope is the set of users whose data a caller may read. The zero Scope is that of
// nobody's data.
type Scope struct {
	all   bool
	users []upstream.ID // ascending, each once
}

// Everyone is the scope of all users, known and unknown.
func Everyone() Scope { return Scope{all: true} }

// Only is the scope of these users.
func Only(users ...upstream.ID) Scope {
	users = slices.Clone(users)
	slices.Sort(users)
	return Scope{users: slices.Compact(users)}
}

// Has says whether the user is in the scope.
func (s Scope) Has(user upstream.ID) bool {
	if s.all {
		return true
	}
	_, found := slices.BinarySearch(s.users, user)
	return found
}

type contextKey struct{}

// With gives a context that carries the scope.
func With(ctx context.Context, s Scope) context.Context {
	return context.WithValue(ctx, contextKey{}, s)
}

// FromContext gives the scope that ctx carries. A context without one is of a request
// that nobody has let in: its scope is empty.
func FromContext(ctx context.Context) Scope {
	s, _ := ctx.Value(contextKey{}).(Scope)
	return s
}

// Open lets every request read everything.
func Open(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(w, r.WithContext(With(r.Context(), Everyone())))
	})
}
