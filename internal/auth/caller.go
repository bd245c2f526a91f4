package auth

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"

	"deliverygraph/upstream"
)

// Caller is the caller of a request, and what it may see and do. The zero Caller belongs to a request that has not been
// admitted, and sees nothing.
type Caller struct {
	// Name distinguishes callers in logs and for limits. It is not secret, and is empty without authentication.
	Name string
	// Users are the users whose data the caller may read, and Scopes what it may read of them.
	Users  Users
	Scopes Scopes
	// Limits are the caller's own limits.
	Limits Limits
	// UpstreamKey is the API key for the caller's upstream calls, whose answers no other caller may get; empty if the
	// calls use the gateway's key.
	UpstreamKey Secret

	passThrough *PassThrough // that passes UpstreamKey on
}

// MayBeMadeUp reports whether the caller's name says nothing: the upstream has not accepted the caller's key yet, so
// that anyone could have made it up, and another for each request.
func (c Caller) MayBeMadeUp() bool { return c.passThrough != nil && !c.passThrough.accepts(c.Realm()) }

// Secret is a text that is not printed by accident.
type Secret string

// String does not reveal the secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "(secret)"
}

// GoString does not reveal the secret.
func (s Secret) GoString() string { return s.String() }

// MarshalText does not reveal the secret.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Limits limit what one caller may do. Zero fields stand for the gateway's limits for all callers.
type Limits struct {
	// CostPerMinute is how much its operations may cost, in the units of extensions.cost.
	CostPerMinute int
	// Streams is how many subscriptions it may have open at once.
	Streams int
}

// Anyone is the caller without authentication, who may read everything.
func Anyone() Caller { return Caller{Users: Everyone(), Scopes: AllScopes} }

// Sees reports whether the caller may see all rows of the upstream's answer to a question. The results of other
// questions must stay hidden: how many rows they had, how long they took, and whether they failed. These are questions
// whose answers include other users, and those that may search for something that is masked.
func (c Caller) Sees(q *upstream.Question) bool {
	if q.Shape != upstream.ShapeCatalogue && !c.Users.Has(q.UserID) {
		return false
	}
	return c.Scopes.Has(RecipientsRead) || len(q.Headers()) == 0 && q.Shape != upstream.ShapeDetail
}

// SeesSizes reports whether the sizes of answers reveal nothing to the caller that it may not see: the length of a
// masked or withheld text is part of it.
func (c Caller) SeesSizes() bool { return c.Scopes.Has(AllScopes) }

type contextKey struct{}

// identity is a caller, and what it was identified by.
type identity struct {
	Caller
	by         Authenticator // nil without authentication
	credential Credential
}

// With returns a context with the caller.
func With(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, contextKey{}, &identity{Caller: c})
}

// FromContext returns the caller in ctx, or the zero Caller.
func FromContext(ctx context.Context) Caller {
	if i, ok := ctx.Value(contextKey{}).(*identity); ok {
		return i.Caller
	}
	return Caller{}
}

// LogAttr returns the name of the context's caller as the attribute "caller", or the zero Attr if there is none.
func LogAttr(ctx context.Context) slog.Attr {
	if name := FromContext(ctx).Name; name != "" {
		return slog.String("caller", name)
	}
	return slog.Attr{}
}

// View returns a text that is equal for exactly those callers who may see the same data, and so may share cached
// answers. It does not contain a key.
func (c Caller) View() string {
	view := "users " + c.Users.String() + " scopes " + c.Scopes.String()
	if realm := c.Realm(); realm != "" {
		view += " key " + hex.EncodeToString([]byte(realm))
	}
	return view
}

// Realm returns a text that is equal for callers whose upstream calls use the same key, and who may therefore share the
// upstream's answers; it is empty for the gateway's key. It does not contain the key.
func (c Caller) Realm() string {
	if c.UpstreamKey == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(c.UpstreamKey))
	return string(sum[:])
}
