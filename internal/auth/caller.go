package auth

import (
	"context"
	"strings"

	"deliverygraph/upstream"
)

// Caller is who asks, and what they may see and do. The zero Caller is of a request
// that nobody has let in: it sees nothing.
type Caller struct {
	// Name tells callers apart, in logs and where each has limits of its own. It is
	// no secret, and empty where nobody is asked who they are.
	Name string
	// Users are those whose data the caller may read, and Scopes what of it.
	Users  Users
	Scopes Scopes
	// Limits are the caller's own.
	Limits Limits
	// UpstreamKey is the API key that the caller's calls go upstream with, and whose
	// answers are for nobody else; empty where they go with the gateway's.
	UpstreamKey Secret
}

// Secret is a text that is not printed by accident.
type Secret string

// String gives no secret away.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "(secret)"
}

// GoString gives no secret away.
func (s Secret) GoString() string { return s.String() }

// MarshalText gives no secret away.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Limits bound what one caller may do. Zero fields stand for whatever holds for all.
type Limits struct {
	// CostPerMinute is how much its operations may cost, in the units of
	// extensions.cost.
	CostPerMinute int
	// Streams is how many subscriptions it may have open at once.
	Streams int
}

// Anyone is the caller where nobody is asked who they are: all may read all.
func Anyone() Caller { return Caller{Users: Everyone(), Scopes: AllScopes} }

// Sees says whether the caller sees all rows of the answer to a call of the metrics API, by
// its path and query. Of other calls it must not be told how they went: not how many rows
// they had, how long they took, or whether they failed. These are calls whose answers are
// about other users too, and those that may look for something that is masked.
func (c Caller) Sees(path, query string) bool {
	if !c.Users.cover(path, query) {
		return false
	}
	if c.Scopes.Has(RecipientsRead) {
		return true
	}
	for parameter := range strings.SplitSeq(query, "&") {
		if len(parameter) > 2 && strings.EqualFold(parameter[:2], "x-") {
			return false
		}
	}
	return !isDetail(path)
}

// SeesSizes says whether the sizes of answers tell the caller nothing that it does not see: the
// length of a text that is masked or withheld is some of it.
func (c Caller) SeesSizes() bool { return c.Scopes.Has(AllScopes) }

// isDetail says whether a call is for one bounce.
func isDetail(path string) bool {
	key, ok := strings.CutPrefix(path, upstream.BouncePath)
	return ok && strings.Contains(key, "/")
}

type contextKey struct{}

// identity is a caller, and what it was told by.
type identity struct {
	Caller
	by         Authenticator // nil where nobody was asked
	credential Credential
}

// With gives a context that carries the caller.
func With(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, contextKey{}, &identity{Caller: c})
}

// FromContext gives the caller that ctx carries, or the zero Caller.
func FromContext(ctx context.Context) Caller {
	if i, ok := ctx.Value(contextKey{}).(*identity); ok {
		return i.Caller
	}
	return Caller{}
}
