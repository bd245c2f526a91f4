package importer

import (
	"context"
	"iter"
	"strings"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/importer/format"
)

// known looks for the email of a record whose Earliest is set, which this import or an earlier one may have read from
// another record. It has the same recipient, a time that fits, and the same email id, apart from what may be a guess.
func (c *converter) known(ctx context.Context, user upstream.ID,
	r *format.Record) (e upstream.Email, ok bool, err error) {
	m, w := messageOf(r), upstream.Window{Start: r.Earliest, End: r.Latest}
	fits := func(e *upstream.Email) bool { return e.UserID == user || r.AnyAccount }
	if e, ok = c.recent.Get(m); ok && fits(&e) {
		return e, true, nil
	}
	if r.Latest > 0 && r.Place == 0 {
		return c.search(ctx, m, w, fits)
	}
	same := func(id string) bool { return format.IsNth(id, r.EmailID) }
	if r.Latest == 0 {
		_, want, timed := strings.Cut(r.EmailID, ".") // the part after the time
		same = func(id string) bool {
			_, rest, _ := strings.Cut(id, ".")
			return id == r.EmailID || timed && rest == want
		}
		const late = 3 // how many seconds too early the guess of a log may be
		w.End = r.Processed + late
	}
	ok = false
	for page, err := range c.emails(ctx, m.recipient, w) {
		if err != nil {
			return e, false, err
		}
		for _, x := range page {
			if fits(&x) && same(x.EmailID) {
				e, ok = x, true // the latest, because servers reuse queue ids
			}
		}
	}
	return e, ok, nil
}

// search looks for the email of a message in a window. It remembers all emails that it reads, and which times it has
// read of the recipient's, so that many records of one recipient do not read the same emails again.
func (c *converter) search(ctx context.Context, m message, w upstream.Window,
	fits func(*upstream.Email) bool) (found upstream.Email, ok bool, err error) {
	seen, again := c.seen[m.recipient]
	ahead := w.End - w.Start // more records of the recipient are likely to follow
	if !again || w.Start > seen.End || w.End < seen.Start {
		seen, ahead = upstream.Window{Start: w.Start, End: w.Start}, 0
	}
	before := upstream.Window{Start: max(1, w.Start-ahead), End: seen.Start}
	after := upstream.Window{Start: seen.End, End: w.End + ahead}
	if w.Start >= seen.Start {
		before.Start = seen.Start
	}
	if w.End <= seen.End {
		after.End = seen.End
	}
	seen = upstream.Window{Start: before.Start, End: after.End}
	dropped := false
	for _, part := range []upstream.Window{before, after} {
		if ok {
			seen.End = part.Start
			break
		}
		for page, err := range c.emails(ctx, m.recipient, part) {
			if err != nil {
				return found, false, err
			}
			for _, x := range page {
				dropped = c.remember(message{x.EmailID, m.recipient}, x) || dropped
				if x.EmailID == m.emailID && fits(&x) {
					found, ok = x, true
				}
			}
			if ok && part == after && len(page) == upstream.PageSize {
				seen.End = page[len(page)-1].ProcessTime
				break
			}
		}
	}
	if !dropped {
		c.seen[m.recipient] = seen
	}
	return found, ok, nil
}

// remember adds an email to the recent ones, and reports whether older ones were dropped.
func (c *converter) remember(m message, e upstream.Email) (dropped bool) {
	if dropped = c.recent.Put(m, e); dropped {
		clear(c.seen)
	}
	return dropped
}

// emails returns pages of the emails to a recipient in a window, oldest first.
func (c *converter) emails(ctx context.Context, recipient string,
	w upstream.Window) iter.Seq2[[]upstream.Email, error] {
	return func(yield func([]upstream.Email, error) bool) {
		q := upstream.ListQuery{Window: w, Recipient: recipient}
		for w.Start < w.End {
			question := q.Question(upstream.Emails)
			answer, err := c.store.Ask(ctx, nil, &question, nil)
			rows, _ := answer.([]upstream.Email)
			if !yield(rows, err) || len(rows) < upstream.PageSize {
				return
			}
			q.Offset += len(rows)
		}
	}
}
