package loaders

import (
	"context"
	"maps"
	"slices"
	"strings"

	"deliverygraph/graph/model"
	"deliverygraph/internal/auth"
	"deliverygraph/upstream"
)

// Outcomes are what became of the emails of a page that were not delivered: rows of another kind.
type Outcomes[R any] struct {
	rows map[upstream.Identity]*R // by the email
	errs map[upstream.Identity]error
}

// Of returns what became of an email, or nil if there is no such row.
func (o *Outcomes[R]) Of(email upstream.Identity) (*R, error) { return o.rows[email], o.errs[email] }

var bouncedBatch, blockedBatch = each(bounced), each(blocked)

func bounced(ctx context.Context, api upstream.API, p *model.SentPage) (*Outcomes[upstream.Bounce], error) {
	return lookUp[upstream.Bounce](ctx, p, outcomes[upstream.Bounce]{
		fetch: api.Bounces,
		until: p.Until,
		final: func(b *upstream.Bounce) bool { return b.Type == upstream.Hard },
	})
}

func blocked(ctx context.Context, api upstream.API, p *model.SentPage) (*Outcomes[upstream.BlockedEmail], error) {
	return lookUp[upstream.BlockedEmail](ctx, p, outcomes[upstream.BlockedEmail]{
		fetch: api.BlockedEmails,
		until: func(e *upstream.Email) upstream.Time { return e.ProcessTime + 1 }, // blocked when it was processed
		final: func(*upstream.BlockedEmail) bool { return true },
	})
}

const (
	// MaxOutcomePages is the number of upstream pages that are read for all emails of a page together.
	MaxOutcomePages = 3
	// MaxRecipientPages is the number of upstream pages that are then read for each recipient.
	MaxRecipientPages = 10
)

// outcomes says how rows of a kind follow from emails.
type outcomes[R any] struct {
	fetch func(context.Context, upstream.ListQuery) ([]R, error)
	until func(*upstream.Email) upstream.Time // when a row is no longer expected
	final func(*R) bool                       // no later row of the email says more
}

// errManyOutcomes is the error for an email whose recipient has more rows than are read.
var errManyOutcomes = &upstream.Error{Code: upstream.Exhausted,
	Message: "what became of this email is not known: there are too many rows to search"}

// lookUp reads the list of a kind from the first email of a page on. If the list is long, it looks up the emails that
// it has not found by then by their recipients, which costs a call for each.
func lookUp[R any, P upstream.Row[R]](ctx context.Context, page *model.SentPage, o outcomes[R]) (*Outcomes[R], error) {
	found := &Outcomes[R]{map[upstream.Identity]*R{}, map[upstream.Identity]error{}}
	missing := make([]*upstream.Email, 0, len(page.Emails))
	for i := range page.Emails {
		if e := page.Emails[i].Row; !e.Delivered {
			missing = append(missing, e)
		}
	}
	if len(missing) == 0 {
		return found, nil
	}
	if q := o.query(missing); q.Recipient == "" {
		rows, complete, err := search[R, P](ctx, &o, q, missing, MaxOutcomePages)
		if complete || err != nil {
			return &Outcomes[R]{rows: rows}, err
		}
		found.rows = rows
		missing = slices.DeleteFunc(missing, func(e *upstream.Email) bool { return rows[e.Identity()] != nil })
	}
	to := map[string][]*upstream.Email{}
	for _, e := range missing {
		to[e.EmailAddress] = append(to[e.EmailAddress], e)
	}
	groups := slices.Collect(maps.Values(to))
	rows, errs := make([]map[upstream.Identity]*R, len(groups)), make([]error, len(groups))
	upstream.Concurrently(len(groups), func(i int) {
		var complete bool
		rows[i], complete, errs[i] = search[R, P](ctx, &o, o.query(groups[i]), groups[i], MaxRecipientPages)
		if errs[i] == nil && !complete {
			errs[i] = errManyOutcomes
		}
	})
	for i, group := range groups {
		maps.Copy(found.rows, rows[i])
		for _, e := range group {
			if id := e.Identity(); errs[i] != nil && rows[i][id] == nil {
				found.errs[id] = errs[i]
			}
		}
	}
	return found, nil
}

// query returns the narrowest list that has the rows of all emails.
func (o *outcomes[R]) query(emails []*upstream.Email) upstream.ListQuery {
	first := emails[0]
	q := upstream.ListQuery{
		Window: upstream.Window{Start: first.ProcessTime, End: o.until(first)},
		UserID: first.UserID, SenderID: first.SenderID, Recipient: first.EmailAddress,
	}
	for _, e := range emails {
		q.Window.Start, q.Window.End = min(q.Window.Start, e.ProcessTime), max(q.Window.End, o.until(e))
		if e.UserID != q.UserID {
			q.UserID = 0
		}
		if e.SenderID != q.SenderID {
			q.SenderID = 0
		}
		if e.EmailAddress != q.Recipient {
			q.Recipient = ""
		}
	}
	if auth.IsMasked(q.Recipient) { // a pseudonym cannot be searched for, but its domain can
		_, q.Domain, _ = strings.Cut(q.Recipient, "@")
		q.Recipient = ""
	}
	return q
}

// search reads at most so many pages of a list, until it has found rows with the ids and recipients of all emails. It
// reports whether no further page can have another.
func search[R any, P upstream.Row[R]](ctx context.Context, o *outcomes[R], q upstream.ListQuery,
	emails []*upstream.Email, pages int) (found map[upstream.Identity]*R, complete bool, err error) {
	found = map[upstream.Identity]*R{}
	if q.Window.Start >= q.Window.End {
		return found, true, nil
	}
	timeless := func(i upstream.Identity) upstream.Identity { i.Time = 0; return i }
	of := make(map[upstream.Identity]*upstream.Email, len(emails))
	for _, e := range emails {
		of[timeless(e.Identity())] = e
	}
	_, more, err := upstream.Search(ctx, o.fetch, q, pages, func(rows []R) bool {
		for i := range rows {
			id := P(&rows[i]).Identity()
			e := of[timeless(id)]
			if e == nil || id.Time < e.ProcessTime || id.Time >= o.until(e) {
				continue
			}
			if known := found[e.Identity()]; known == nil || !o.final(known) {
				found[e.Identity()] = &rows[i]
			}
		}
		return len(found) == len(of)
	})
	if err != nil {
		return nil, false, err
	}
	return found, !more || len(found) == len(of), nil
}
