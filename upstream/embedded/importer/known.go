package importer

import (
	"context"
	"strings"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/importer/format"
)

// known finds the email of a record that lacks the beginning of its message, if an earlier import
// has read that, or the message's bounce mail: it has the same queue id, host and recipient, and a
// time that is possible.
func (c *converter) known(ctx context.Context, user upstream.ID, r *format.Record) (e upstream.Email, ok bool, err error) {
	const late = 3 // seconds by which a guess may be too early
	q := upstream.ListQuery{Recipient: upstream.LowerAddress(r.Recipient)}
	if q.Window, err = upstream.NewWindow(r.Earliest, r.Processed+late); err != nil {
		return e, false, err
	}
	_, want, _ := strings.Cut(r.EmailID, ".") // behind the time
	for {
		page, err := c.store.Emails(ctx, []upstream.ID{user}, q)
		if err != nil {
			return e, false, err
		}
		for _, x := range page {
			if _, id, _ := strings.Cut(x.EmailID, "."); id == want {
				e, ok = x, true // the last one, as servers use queue ids again
			}
		}
		if len(page) < upstream.PageSize {
			return e, ok, nil
		}
		q.Offset += len(page)
	}
}
