package resolvers

import (
	"cmp"
	"context"
	"slices"

	"deliverygraph/graph/model"
	"deliverygraph/resolvers/cost"
	"deliverygraph/resolvers/loaders"
	"deliverygraph/resolvers/page"
	"deliverygraph/upstream"
)

// suppressionWindow is where evidence of a suppression is looked for by default.
var suppressionWindow = model.Window{Last: &model.Duration{Days: 400}}

// Suppression answers Recipient.suppression.
func (recipient) Suppression(ctx context.Context, r *model.Recipient, userID *string,
	window *model.Window) (*model.Suppression, error) {
	u, err := key("userId", userID)
	if err != nil {
		return nil, err
	}
	if window == nil {
		window = &suppressionWindow
	}
	w, err := resolve(ctx, *window)
	if err != nil {
		return nil, err
	}
	w.End = min(w.End, max(loaders.From(ctx).Now, w.Start+1)) // not so that a window in the future is empty
	q := upstream.ListQuery{Window: w, UserID: u, Recipient: r.Address}
	hard := q
	hard.BounceType = upstream.Hard
	bounced, blocked, err := both(
		func() ([]event, error) { return eventList(ctx, bounceList, hard).Newest(ctx, page.MaxSize) },
		func() ([]event, error) { return eventList(ctx, blockedEmailList, q).Newest(ctx, page.MaxSize) },
	)
	if err != nil {
		return nil, err
	}
	s := &model.Suppression{Verdict: model.SuppressionVerdictNoEvidence, AsOf: w.End}
	evidence := evidenceOf(bounced, blocked)
	if err := deliveries(ctx, q, evidence); err != nil {
		return nil, err
	}
	if len(evidence) > 0 {
		s.Verdict, s.Because = evidence[0].verdict(), evidence[0].because() // evidenceOf returns at least one of each
		for _, e := range evidence[1:] {
			if v := e.verdict(); rank(v) < rank(s.Verdict) {
				s.Verdict, s.Because = v, e.because()
			}
		}
	}
	if s.Because == nil {
		s.Because = []model.DeliveryEvent{}
	}
	return s, nil
}

// rank orders verdicts as the enum does.
func rank(v model.SuppressionVerdict) int { return slices.Index(model.AllSuppressionVerdict, v) }

// evidence is what one user's mail says about a suppression.
type evidence struct {
	user            upstream.ID
	bounce, blocked *event // the newest ones; at least one is not nil
	delivery        *event // after both
}

// newest returns the newest event. A blocked email of the same second is as if it came later.
func (e *evidence) newest() *event {
	if e.blocked == nil || e.bounce != nil && e.bounce.id.Time > e.blocked.id.Time {
		return e.bounce
	}
	return e.blocked
}

func (e *evidence) verdict() model.SuppressionVerdict {
	switch {
	case e.delivery != nil:
		return model.SuppressionVerdictNoEvidence
	case e.newest() == e.blocked:
		return model.SuppressionVerdictBlocked
	}
	return model.SuppressionVerdictLikelyBlocked
}

func (e *evidence) because() []model.DeliveryEvent {
	switch {
	case e.delivery != nil:
		return []model.DeliveryEvent{e.delivery.node, e.newest().node}
	case e.newest() == e.blocked && e.bounce != nil:
		return []model.DeliveryEvent{e.blocked.node, e.bounce.node}
	}
	return []model.DeliveryEvent{e.newest().node}
}

// evidenceOf returns the evidence of each user, the newest first. Events are given newest first.
func evidenceOf(bounced, blocked []event) []*evidence {
	var all []*evidence
	of := func(u upstream.ID) *evidence {
		i := slices.IndexFunc(all, func(e *evidence) bool { return e.user == u })
		if i < 0 {
			i = len(all)
			all = append(all, &evidence{user: u})
		}
		return all[i]
	}
	for i := range bounced {
		if e := of(bounced[i].id.UserID); e.bounce == nil {
			e.bounce = &bounced[i]
		}
	}
	for i := range blocked {
		if e := of(blocked[i].id.UserID); e.blocked == nil {
			e.blocked = &blocked[i]
		}
	}
	slices.SortStableFunc(all, func(a, b *evidence) int { return cmp.Compare(b.newest().id.Time, a.newest().id.Time) })
	return all
}

// deliveries finds the first delivery after each user's evidence: with one call from the oldest evidence on. Only if
// there are 500 deliveries or more, it makes another one for each user that these do not decide.
func deliveries(ctx context.Context, q upstream.ListQuery, all []*evidence) error {
	if len(all) == 0 {
		return nil
	}
	q.Delivered = true
	whole := q.Window
	o := originOf(upstream.Emails, q)
	from := func(e *evidence) upstream.Time { return e.newest().id.Time + 1 }
	look := func(start upstream.Time, user upstream.ID, of ...*evidence) (complete bool, err error) {
		q := q
		q.Window.Start, q.UserID = start, cmp.Or(user, q.UserID)
		if q.Window.Start >= q.Window.End {
			return true, nil
		}
		rows, err := loaders.From(ctx).API.Emails(ctx, q)
		events := eventsOf(emailList, rows, o)
		for i := range events {
			id := &events[i].id
			for _, e := range of {
				if e.user == id.UserID && e.delivery == nil && from(e) <= id.Time && whole.Contains(id.Time) {
					e.delivery = &events[i]
				}
			}
		}
		return len(rows) < upstream.PageSize, err
	}
	complete, err := look(from(all[len(all)-1]), 0, all...)
	if complete || err != nil {
		return err
	}
	undecided := slices.DeleteFunc(slices.Clone(all), func(e *evidence) bool { return e.delivery != nil })
	if len(undecided) > cost.MaxUndecided {
		return badArgument("userId", "mail of %d users to this address bounced or was blocked, "+
			"and there is too much of it to be read: name one user", len(all))
	}
	errs := make([]error, len(undecided))
	upstream.Concurrently(len(undecided), func(i int) {
		_, errs[i] = look(from(undecided[i]), undecided[i].user, undecided[i])
	})
	return cmp.Or(errs...)
}
