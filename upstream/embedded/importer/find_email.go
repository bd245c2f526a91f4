package importer

import (
	"context"
	"strings"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/importer/format"
)

// known looks in the store for the email of a record without the beginning of its message, which an
// earlier import may have read. It has the same queue id, host and recipient, and a time that fits.
func (c *converter) known(ctx context.Context, user upstream.ID,
	r *format.Record) (e upstream.Email, ok bool, err error) {
	const late = 3 // how many seconds too early a guess may be
	q := upstream.ListQuery{Recipient: upstream.LowerAddress(r.Recipient)}
	if q.Window, err = upstream.NewWindow(r.Earliest, r.Processed+late); err != nil {
		return e, false, err
	}
	_, want, _ := strings.Cut(r.EmailID, ".") // the part after the time
	for {
		question := q.Question(upstream.Emails)
		answer, err := c.store.Ask(ctx, []upstream.ID{user}, &question, nil)
		if err != nil {
			return e, false, err
		}
		rows, _ := answer.([]upstream.Email)
		for _, x := range rows {
			if _, id, _ := strings.Cut(x.EmailID, "."); id == want {
				e, ok = x, true // the latest, because servers reuse queue ids
			}
		}
		if len(rows) < upstream.PageSize {
			return e, ok, nil
		}
		q.Offset += len(rows)
	}
}
