package importer

import (
	"cmp"
	"context"
	"strings"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/importer/format"
)

// known looks for the email of a record with guesses, which this import or an earlier one may have read from another
// record. It has the same recipient, a time that fits, and the same email id, apart from the time in an id of a log.
func (c *converter) known(ctx context.Context, user upstream.ID,
	r *format.Record) (e upstream.Email, ok bool, err error) {
	if e, ok = c.recent.Get(messageOf(r)); ok {
		return e, true, nil
	}
	users := []upstream.ID{user}
	_, want, timed := strings.Cut(r.EmailID, ".") // the part after the time
	if r.Latest > 0 {                             // the ids are unique
		users, timed = nil, false
	}
	const late = 3 // how many seconds too early the guess of a log may be
	q := upstream.ListQuery{Recipient: upstream.LowerAddress(r.Recipient)}
	if q.Window, err = upstream.NewWindow(r.Earliest, cmp.Or(r.Latest, r.Processed+late)); err != nil {
		return e, false, err
	}
	for {
		question := q.Question(upstream.Emails)
		answer, err := c.store.Ask(ctx, users, &question, nil)
		if err != nil {
			return e, false, err
		}
		rows, _ := answer.([]upstream.Email)
		for _, x := range rows {
			if _, id, _ := strings.Cut(x.EmailID, "."); x.EmailID == r.EmailID || timed && id == want {
				e, ok = x, true // the latest, because servers reuse queue ids
			}
			if ok && r.Latest > 0 {
				return e, true, nil
			}
		}
		if len(rows) < upstream.PageSize {
			return e, ok, nil
		}
		q.Offset += len(rows)
	}
}
