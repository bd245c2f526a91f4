package rest

import (
	"fmt"
	"strconv"

	"deliverygraph/upstream"
)

// These checks catch responses that are well formed but answer another question. A caller that asks for one user's rows
// may not be allowed to see another user's, so a page with a single foreign row is rejected as a whole: a server that
// ignores one filter may ignore all of them.
//
// Not checked here: the user behind counts by sender, which they do not contain; and the order, window and repetition
// of rows, which are checked where pages are joined.

// checkRows rejects rows of another user or sender than q names, and rows from the future. Rows just outside the window
// are dropped where pages are joined; rows beyond skew are not events at all.
func checkRows(page upstream.Page, q *upstream.Question, now upstream.Time) error {
	const skew = 86400 // allows for the server's clock, and for a server that rounds windows to days
	sender := q.SenderID
	if sender == 0 && q.Sender != "" {
		if n, err := strconv.ParseUint(q.Sender, 10, 63); err == nil { // the API reads digits as an id
			sender = upstream.ID(n)
		}
	}
	for i := range page.Len() {
		switch row := page.Identity(i); {
		case q.UserID != 0 && row.UserID != q.UserID:
			return foreign("user", i, row.UserID)
		case sender != 0 && row.SenderID != sender:
			return foreign("sender", i, row.SenderID)
		case row.Time >= q.Window.End+skew && row.Time > now+skew:
			return invalid("the metrics API's answer has a row from far in the future",
				fmt.Errorf("row %d is of %d", i, row.Time)).err
		}
	}
	return nil
}

// checkCounted rejects counts or series of another user or sender than q names.
func checkCounted[R any](rows []R, q upstream.CountQuery, id func(*R) upstream.ID) error {
	asked, whose := q.SenderID, "sender"
	if q.Rollup == upstream.ByUser {
		asked, whose = q.UserID, "user"
	}
	if asked == 0 {
		return nil
	}
	for i := range rows {
		if got := id(&rows[i]); got != asked {
			return foreign(whose, i, got)
		}
	}
	return nil
}

// foreign returns the error for a row of another user or sender. Only its cause, which is logged, names them.
func foreign(whose string, row int, got upstream.ID) error {
	return invalid(fmt.Sprintf("the metrics API's answer has a row of another %s than was asked for", whose),
		fmt.Errorf("row %d is of %s %d", row, whose, got)).err
}

// checkDetail rejects a bounce other than k.
func checkDetail(d *upstream.BounceDetail, k upstream.BounceKey) error {
	if got := d.Key(); got != k {
		return invalid("the metrics API answered with another bounce than was asked for",
			fmt.Errorf("it is of user %d, sender %d and time %d", got.UserID, got.SenderID, got.BounceTime)).err
	}
	return nil
}

// checkPoints rejects time series with points outside the window. A cache would keep them as final and show them long
// after the server has recovered.
func checkPoints(rows []upstream.Series, q upstream.CountQuery) error {
	first := q.Interval.Floor(q.Window.Start)
	for i := range rows {
		for _, p := range rows[i].Points {
			if p.Start < first || p.Start >= q.Window.End {
				return invalid("the metrics API's answer has a point of a time series from outside the window",
					fmt.Errorf("series %d has a point at %d", rows[i].ID, p.Start)).err
			}
		}
	}
	return nil
}
