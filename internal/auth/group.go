package auth

import (
	"context"

	"deliverygraph/upstream"
)

// groups groups the events of the caller's users. For several, it adds up the groups of each. A group may then lack the
// events of a user who has more than [upstream.MaxGroups] others.
func (l *limited) groups(ctx context.Context, q *upstream.Question) (any, error) {
	users := l.asked(q.UserID)
	switch len(users) {
	case 0:
		return upstream.Groups{}, nil
	case 1:
		ofUser := *q
		ofUser.UserID = users[0]
		return l.next.Ask(ctx, &ofUser)
	}
	whole := q.GroupsOf()
	whole.Top, whole.Sent = whole.MaxTop(whole.Window), false
	answers, err := l.eachGroups(ctx, q.Kind, whole, users)
	if err != nil {
		return nil, err
	}
	groups := upstream.MergeGroups(q.Top, answers...)
	if q.Sent {
		// A user may have sent emails in a group without having events there, so they are counted by themselves.
		whole = whole.SentQuery()
		whole.Top = upstream.MaxGroups
		sent, err := l.eachGroups(ctx, upstream.Emails, whole, users)
		if err != nil {
			return nil, err
		}
		of := groups.GroupIndex()
		for _, a := range sent {
			groups.Inexact = groups.Inexact || a.Other.Count > 0
			for i := range a.Groups {
				if g := of[a.Groups[i].Keys]; g != nil {
					g.Sent += a.Groups[i].Count
				}
			}
		}
	}
	return groups, nil
}

// eachGroups asks for the groups of each user.
func (l *limited) eachGroups(
	ctx context.Context, k upstream.Kind, q upstream.GroupsQuery, users []upstream.ID,
) ([]upstream.Groups, error) {
	answers, errs := make([]upstream.Groups, len(users)), make([]error, len(users))
	upstream.Concurrently(len(users), func(i int) {
		ofUser := q
		ofUser.UserID = users[i]
		answers[i], errs[i] = upstream.API{Asker: l.next}.Groups(ctx, k, ofUser)
	})
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return answers, nil
}
