// Package auth says who a caller is, whose data it may read and what of it, and applies this to every call.
//
// The request's context carries a [Caller]. Its restrictions apply in one place: [Limit] wraps the API that an
// operation uses, so no resolver, filter, id or cursor can bypass them. Calls for users that the caller may not read
// are answered without an upstream call, as if these users had no data: the caller cannot distinguish them from users
// that do not exist. A call without a user becomes a call for each of the caller's users, whose answers are merged
// here, or one call by user for all. Data that the upstream sends of a user that was not requested is never passed on.
//
// Data outside the caller's scopes is masked or withheld here too, in copies of the rows: pages, cursors and ids
// contain only what the caller may see, and calls that would reveal the rest are refused.
//
// An [Authenticator] identifies a caller by its [Credential]: [Keys] by API keys, [Tokens] by JSON Web Tokens;
// [PassThrough] leaves it to the upstream, and [Open] requires none. [Identify] does so for each request.
//
// Start reading at [Caller] and [Limit].
package auth

import (
	"cmp"
	"context"
	"slices"

	"deliverygraph/upstream"
)

// Limit returns the API as a caller may see it.
//
// Callers who may not read metrics get a [upstream.PermissionDenied] error for every call. A call for one user is made
// as it is, or not at all if the user is not one of the caller's. A call for no user by a caller with n users becomes
// several: n concurrent calls for counts and time series, or a single one by user if n exceeds [FewUsers]; at least n
// for a list, and more for a long one, as the type merge explains.
//
// Callers who may not read recipients' addresses get pseudonyms of the mask, and cannot search for addresses. Callers
// who may not read content get marks in its place; see [Withheld].
func Limit(next upstream.Asker, c Caller, mask Mask) upstream.Asker {
	if !c.Scopes.Has(MetricsRead) {
		return upstream.Around(next, denied)
	}
	if c.UpstreamKey != "" {
		next = upstream.Around(next, c.ownKey)
	}
	if !c.Users.all {
		next = &limited{next, c.Users}
	}
	if !c.Scopes.Has(AllScopes) {
		next = &masked{next: next, mask: mask, scopes: c.Scopes}
	}
	return next
}

// limited is a layer that restricts answers to the data of some users.
type limited struct {
	next  upstream.Asker
	users Users
}

// Ask implements [upstream.Asker].
func (l *limited) Ask(ctx context.Context, q *upstream.Question) (any, error) {
	users := l.asked(q.UserID)
	switch {
	case q.Shape == upstream.ShapeCatalogue: // which is the same for all callers
		return l.next.Ask(ctx, q)
	case q.Shape == upstream.ShapeDetail && !l.users.Has(q.UserID):
		return nil, errNoBounce
	case len(users) == 1:
		return l.about(ctx, users[0], q)
	}
	switch q.Shape {
	case upstream.ShapeCounts:
		return counted(ctx, l, q, users, func(c upstream.Count) upstream.ID { return c.ID }, upstream.MergeCounts)
	case upstream.ShapeSeries:
		return counted(ctx, l, q, users, func(s upstream.Series) upstream.ID { return s.ID }, upstream.MergeSeries)
	case upstream.ShapeGroups:
		return l.groups(ctx, q, users)
	}
	return l.list(ctx, q, users)
}

// asked returns the users that a call with this user filter is for.
func (l *limited) asked(filter upstream.ID) []upstream.ID {
	switch {
	case filter == 0:
		return l.users.ids
	case l.users.Has(filter):
		return []upstream.ID{filter}
	}
	return nil
}

// about asks a question about one user.
func (l *limited) about(ctx context.Context, user upstream.ID, q *upstream.Question) (any, error) {
	ofUser := *q
	ofUser.UserID = user
	answer, err := l.next.Ask(ctx, &ofUser)
	if foreign(answer, &ofUser) {
		return nil, errForeign
	}
	return answer, err
}

// aboutEach asks a question about each of some users. An error of one is the error of all: the answer would lack that
// user's part.
func aboutEach[A any](ctx context.Context, l *limited, users []upstream.ID, q *upstream.Question) ([]A, error) {
	answers, errs := make([]A, len(users)), make([]error, len(users))
	upstream.Concurrently(len(users), func(i int) {
		var answer any
		answer, errs[i] = l.about(ctx, users[i], q)
		answers[i], _ = answer.(A)
	})
	return answers, cmp.Or(errs...)
}

// foreign reports whether an answer shows that it has data of another user than was asked for.
func foreign(answer any, q *upstream.Question) bool {
	byUser := q.Rollup == upstream.ByUser
	switch a := answer.(type) {
	case upstream.BounceDetail:
		return a.UserID != q.UserID
	case []upstream.Count:
		return byUser && slices.ContainsFunc(a, func(c upstream.Count) bool { return c.ID != q.UserID })
	case []upstream.Series:
		return byUser && slices.ContainsFunc(a, func(s upstream.Series) bool { return s.ID != q.UserID })
	}
	page := upstream.PageOf(answer)
	for i := 0; page != nil && i < page.Len(); i++ {
		if page.Identity(i).UserID != q.UserID {
			return true
		}
	}
	return false
}

// FewUsers is the number of users up to which one call for each is cheaper than one call for all users of the upstream,
// however many those are.
const FewUsers = 8

// errForeign is the error for an upstream that sends data of another user than was asked for.
var errForeign = &upstream.Error{
	Code: upstream.InvalidResponse, Message: "the upstream sent data of another user than was asked for",
}

// counted asks for counts or time series. Rows by user show whose they are: a caller with many users gets its own rows
// of a single call for all users.
func counted[R any](ctx context.Context, l *limited, q *upstream.Question, users []upstream.ID,
	id func(R) upstream.ID, merge func(...[]R) []R) ([]R, error) {
	if q.Rollup == upstream.ByUser && len(users) > FewUsers {
		rows, err := upstream.Ask[[]R](ctx, l.next, q)
		own := make([]R, 0, len(users))
		for _, r := range rows {
			if l.users.Has(id(r)) {
				own = append(own, r)
			}
		}
		return own, err
	}
	answers, err := aboutEach[[]R](ctx, l, users, q)
	if err != nil {
		return nil, err
	}
	return merge(answers...), nil
}

var errNoMetrics = refuse(upstream.PermissionDenied,
	"reading anything needs the scope metrics:read, which this caller has not been given")

// denied is a layer that refuses every call of a caller who may not read metrics.
func denied(context.Context, *upstream.Question, upstream.Asker) (any, error) {
	return nil, errNoMetrics
}

// ownKey is a layer for calls with the caller's own API key. If the upstream does not accept the key, that is the
// caller's mistake and not the gateway operator's.
func (c Caller) ownKey(ctx context.Context, q *upstream.Question, next upstream.Asker) (any, error) {
	answer, err := next.Ask(ctx, q)
	switch {
	case err == nil && c.passThrough != nil:
		c.passThrough.accept(c.Realm())
	case upstream.CodeOf(err) == upstream.Unauthenticated:
		err = &upstream.Error{Code: upstream.Unauthenticated, Err: err,
			Message: "the metrics API does not accept the API key that was sent: it is mistyped, or no longer valid"}
	}
	return answer, err
}
