package resolvers

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"deliverygraph/graph/model"
	"deliverygraph/internal/auth"
	"deliverygraph/resolvers/loaders"
	"deliverygraph/upstream"
)

// Message answers Query.message. It reads the emails of the second that the id begins with, or of the whole window if
// it begins otherwise.
func (query) Message(ctx context.Context, emailID string, window model.Window) (*model.Message, error) {
	emailID, err := text("emailId", &emailID)
	if err != nil {
		return nil, err
	}
	if err := auth.FromContext(ctx).MayName("emailId", emailID, ""); err != nil {
		return nil, err
	}
	w, err := resolve(ctx, window)
	if err != nil {
		return nil, err
	}
	q := upstream.ListQuery{Window: w}
	processed, known := model.ProcessedAt(emailID)
	switch {
	case known && !w.Contains(processed):
		return nil, badArgument("window", "window does not contain the time when the email was processed, %s",
			processed.UTC().Format(time.RFC3339))
	case known:
		q.Window = second(processed)
	}
	var rows []upstream.Email // one for each recipient
	_, more, err := upstream.Search(ctx, loaders.From(ctx).API.Emails, q, model.MaxMessagePages,
		func(page []upstream.Email) bool {
			for i := range page {
				if page[i].EmailID == emailID && q.Window.Contains(page[i].ProcessTime) {
					rows = append(rows, page[i])
				}
			}
			return false
		})
	switch {
	case err != nil:
		return nil, err
	case more && known:
		return nil, &upstream.Error{Code: upstream.Exhausted, Message: fmt.Sprintf("the recipients of this email "+
			"are not known: only the first %d emails of a second are searched, and its second has more", maxSearched)}
	case more:
		return nil, badArgument("window", "this email was not found among the first %d of the window, "+
			"which were searched because emailId does not begin with the second when it was processed: "+
			"use a shorter window", maxSearched)
	case len(rows) == 0:
		return nil, notFound("there is no such email in the window")
	}
	// Only what became of these is looked up.
	emails := emailList.nodes(rows[:min(len(rows), model.MaxRecipients)], originOf(upstream.Emails, q))
	emails[0].Page.End = w.End
	m := &model.Message{
		EmailID: rows[0].EmailID, ProcessedAt: rows[0].ProcessTime, RecipientCount: int64(len(rows)),
	}
	for i := range emails {
		m.Recipients = append(m.Recipients, &model.MessageRecipient{Email: &emails[i]})
	}
	return m, nil
}

// maxSearched is the number of emails that are searched for a message.
const maxSearched = model.MaxMessagePages * upstream.PageSize

// becomes loads the bounce and the blocked email of a recipient. The recipients of a message share the calls.
func becomes(ctx context.Context, r *model.MessageRecipient) (*model.Bounce, *model.BlockedEmail, error) {
	return both(
		func() (*model.Bounce, error) { return email{}.Bounce(ctx, r.Email) },
		func() (*model.BlockedEmail, error) { return email{}.Blocked(ctx, r.Email) },
	)
}

// both calls two functions at the same time.
func both[A, B any](one func() (A, error), other func() (B, error)) (a A, b B, err error) {
	var errs [2]error
	upstream.Concurrently(2, func(i int) {
		if i == 0 {
			a, errs[i] = one()
		} else {
			b, errs[i] = other()
		}
	})
	return a, b, cmp.Or(errs[:]...)
}

// Outcome answers MessageRecipient.outcome.
func (messageRecipient) Outcome(ctx context.Context, r *model.MessageRecipient) (*model.MessageOutcome, error) {
	bounce, blocked, err := becomes(ctx, r)
	if err != nil {
		return nil, err
	}
	o := model.MessageOutcomePending
	switch {
	case r.Email.Row.Delivered:
		o = model.MessageOutcomeDelivered
	case blocked != nil:
		o = model.MessageOutcomeBlocked
	case bounce != nil:
		o = model.MessageOutcomeBounced
	}
	return &o, nil
}

// At answers MessageRecipient.at.
func (messageRecipient) At(ctx context.Context, r *model.MessageRecipient) (*upstream.Time, error) {
	bounce, blocked, err := becomes(ctx, r)
	if err != nil {
		return nil, err
	}
	switch {
	case r.Email.Row.Delivered:
		return &r.Email.Row.ProcessTime, nil
	case blocked != nil:
		return &blocked.Row.ProcessTime, nil
	case bounce != nil:
		return &bounce.Row.BounceTime, nil
	}
	return nil, nil
}

// Bounce answers MessageRecipient.bounce.
func (messageRecipient) Bounce(ctx context.Context, r *model.MessageRecipient) (*model.Bounce, error) {
	return email{}.Bounce(ctx, r.Email)
}

// Blocked answers MessageRecipient.blocked.
func (messageRecipient) Blocked(ctx context.Context, r *model.MessageRecipient) (*model.BlockedEmail, error) {
	return email{}.Blocked(ctx, r.Email)
}
