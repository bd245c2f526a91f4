package auth

import (
	"context"
	"slices"

	"deliverygraph/upstream"
)

// groups groups the events of the caller's users. For several, it adds up the groups of each. A group may then lack the
// events of a user who has more than [upstream.MaxGroups] others, or of some users if they have very many together.
func (l *limited) groups(ctx context.Context, q *upstream.Question, users []upstream.ID) (any, error) {
	if len(users) == 0 {
		return upstream.Groups{}, nil
	}
	whole := *q
	whole.Top, whole.Sent = whole.MaxTop(whole.Window), false
	kept := keptShare * whole.Top
	var groups upstream.Groups
	err := l.eachGroups(ctx, whole, users, func(answers []upstream.Groups) {
		groups = upstream.MergeGroups(kept, append(answers, groups)...)
		groups.Inexact = groups.Inexact || len(groups.Groups) == kept
	})
	if err != nil {
		return nil, err
	}
	groups = upstream.MergeGroups(q.Top, groups)
	if q.Sent {
		// A user may have sent emails in a group without having events there, so they are counted by themselves.
		whole = whole.SentQuery()
		whole.Top = upstream.MaxGroups
		of := groups.GroupIndex()
		err := l.eachGroups(ctx, whole, users, func(sent []upstream.Groups) {
			for _, a := range sent {
				groups.Inexact = groups.Inexact || a.Other.Count > 0
				for i := range a.Groups {
					if g := of[a.Groups[i].Keys]; g != nil {
						g.Sent += a.Groups[i].Count
					}
				}
			}
		})
		if err != nil {
			return nil, err
		}
	}
	return groups, nil
}

// What is held in memory for callers with many users: the answers for some users at a time, and so many times the
// groups of one answer.
const (
	usersAtOnce = 32
	keptShare   = 10
)

// eachGroups asks for the groups of each user, of some users at a time, and passes the answers to add.
func (l *limited) eachGroups(
	ctx context.Context, q upstream.Question, users []upstream.ID, add func([]upstream.Groups),
) error {
	for some := range slices.Chunk(users, usersAtOnce) {
		answers, err := aboutEach[upstream.Groups](ctx, l, some, &q)
		if err != nil {
			return err
		}
		add(answers)
	}
	return nil
}
