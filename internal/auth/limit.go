package auth

import (
	"cmp"
	"context"
	"slices"

	"deliverygraph/resolvers/fanout"
	"deliverygraph/upstream"
)

// Limit gives the API as the caller sees it.
//
// One who may not read metrics gets a [upstream.PermissionDenied] error for every
// call. A call for one user is that call, or none if the user is not one of the
// caller's. A call for no user costs, where the caller has n users: for counts and
// time series n calls side by side, but by user one where there are more than
// [FewUsers]; for a list at least n, and as the type merge says where it is long.
//
// One who may not read recipients' addresses sees pseudonyms of the mask's, and cannot
// look for addresses; one who may not read content gets marks in its place ([Withheld]).
func Limit(api upstream.API, c Caller, mask Mask) upstream.API {
	if !c.Scopes.Has(MetricsRead) {
		return upstream.Around(api, denied)
	}
	if c.UpstreamKey != "" {
		api = upstream.Around(api, ownKey)
	}
	if !c.Users.all {
		api = limited{api, c.Users}
	}
	if !c.Scopes.Has(AllScopes) {
		api = newMasked(api, mask, c.Scopes)
	}
	return api
}

type limited struct {
	api   upstream.API
	users Users
}

var _ upstream.API = limited{}

// asked are the users that a call with this user filter is for.
func (l limited) asked(filter upstream.ID) []upstream.ID {
	switch {
	case filter == 0:
		return l.users.ids
	case l.users.Has(filter):
		return []upstream.ID{filter}
	}
	return nil
}

// FewUsers are so few that a call for each is better than one for all users of the
// upstream, however many those are.
const FewUsers = 8

// counted asks for counts or time series. Those by user tell whose each row is: for many
// users one call for everybody's is asked, of whose rows the caller gets its own.
func counted[R any](l limited, q upstream.CountQuery, ask func(upstream.CountQuery) ([]R, error), id func(R) upstream.ID, add func(a, b R) R) ([]R, error) {
	users := l.asked(q.UserID)
	if q.Rollup == upstream.ByUser && len(users) > FewUsers {
		rows, err := ask(q)
		own := make([]R, 0, len(users))
		for _, r := range rows {
			if l.users.Has(id(r)) {
				own = append(own, r)
			}
		}
		return own, err
	}
	return perUser(users, func(u upstream.ID) ([]R, error) {
		q := q
		q.UserID = u
		rows, err := ask(q)
		for _, r := range rows {
			if q.Rollup == upstream.ByUser && id(r) != u {
				return nil, errForeign
			}
		}
		return rows, err
	}, id, add)
}

// errForeign is what an upstream gets for data of a user that was not asked for.
var errForeign = &upstream.Error{Code: upstream.InvalidResponse, Message: "the upstream sent data of another user than was asked for"}

// Bounces lists bounces of the caller's users.
func (l limited) Bounces(ctx context.Context, q upstream.ListQuery) ([]upstream.Bounce, error) {
	return list(ctx, l, upstream.Bounces, q, l.api.Bounces, func(b *upstream.Bounce) place {
		return place{b.BounceTime, b.EmailID, b.EmailAddress, b.UserID, b.SenderID}
	})
}

// Emails lists emails of the caller's users.
func (l limited) Emails(ctx context.Context, q upstream.ListQuery) ([]upstream.Email, error) {
	return list(ctx, l, upstream.Emails, q, l.api.Emails, func(e *upstream.Email) place {
		return place{e.ProcessTime, e.EmailID, e.EmailAddress, e.UserID, e.SenderID}
	})
}

// BlockedEmails lists blocked emails of the caller's users.
func (l limited) BlockedEmails(ctx context.Context, q upstream.ListQuery) ([]upstream.BlockedEmail, error) {
	return list(ctx, l, upstream.BlockedEmails, q, l.api.BlockedEmails, func(e *upstream.BlockedEmail) place {
		return place{e.ProcessTime, e.EmailID, e.EmailAddress, e.UserID, e.SenderID}
	})
}

// Bounce gives a bounce of one of the caller's users; others are not found.
func (l limited) Bounce(ctx context.Context, k upstream.BounceKey) (upstream.BounceDetail, error) {
	if !l.users.Has(k.UserID) {
		return upstream.BounceDetail{}, &upstream.Error{Code: upstream.NotFound, Message: "there is no such bounce"}
	}
	d, err := l.api.Bounce(ctx, k)
	if err == nil && d.UserID != k.UserID {
		return upstream.BounceDetail{}, errForeign
	}
	return d, err
}

// Counts counts the caller's users' events.
func (l limited) Counts(ctx context.Context, k upstream.Kind, q upstream.CountQuery) ([]upstream.Count, error) {
	return counted(l, q, func(q upstream.CountQuery) ([]upstream.Count, error) { return l.api.Counts(ctx, k, q) },
		func(c upstream.Count) upstream.ID { return c.ID },
		func(a, b upstream.Count) upstream.Count {
			a.Tally = a.Tally.Add(b.Tally)
			return a
		})
}

// Series counts the caller's users' events by hour or day.
func (l limited) Series(ctx context.Context, k upstream.Kind, q upstream.SeriesQuery) ([]upstream.Series, error) {
	return counted(l, q.CountQuery, func(c upstream.CountQuery) ([]upstream.Series, error) {
		return l.api.Series(ctx, k, upstream.SeriesQuery{CountQuery: c, Interval: q.Interval})
	}, func(s upstream.Series) upstream.ID { return s.ID }, func(a, b upstream.Series) upstream.Series {
		return upstream.Series{ID: a.ID, Points: together(slices.Concat(a.Points, b.Points),
			func(p upstream.Point) upstream.Time { return p.Start },
			func(a, b upstream.Point) upstream.Point {
				return upstream.Point{Start: a.Start, Tally: a.Tally.Add(b.Tally)}
			})}
	})
}

// BounceCategories passes: the catalogues are the same for all.
func (l limited) BounceCategories(ctx context.Context) ([]string, error) {
	return l.api.BounceCategories(ctx)
}

// BlockedReasons passes: the catalogues are the same for all.
func (l limited) BlockedReasons(ctx context.Context) ([]string, error) {
	return l.api.BlockedReasons(ctx)
}

// perUser asks for each user side by side and puts the answers together by id. One
// failure is the failure of all: an answer without a user's part would be wrong.
func perUser[R any](users []upstream.ID, ask func(upstream.ID) ([]R, error), id func(R) upstream.ID, add func(a, b R) R) ([]R, error) {
	answers := make([][]R, len(users))
	errs := make([]error, len(users))
	fanout.Each(len(users), func(i int) { answers[i], errs[i] = ask(users[i]) })
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	if len(users) == 1 {
		return answers[0], nil
	}
	return together(slices.Concat(answers...), id, add), nil
}

// together orders rows by key and adds up those of one key, such as a sender of two
// users.
func together[R any, K cmp.Ordered](rows []R, key func(R) K, add func(a, b R) R) []R {
	slices.SortStableFunc(rows, func(a, b R) int { return cmp.Compare(key(a), key(b)) })
	var out []R
	for _, r := range rows {
		if n := len(out); n > 0 && key(out[n-1]) == key(r) {
			out[n-1] = add(out[n-1], r)
		} else {
			out = append(out, r)
		}
	}
	return out
}
