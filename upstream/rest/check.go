package rest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"deliverygraph/upstream"
)

// The checks of this file are the client's last: rows that are well formed, and
// yet not what was asked for. Whoever asks for one user's rows may be somebody who
// must not see another's, so a page with a foreign row in it is not passed on,
// not even in part: a server that does not heed one filter may heed none.
//
// What is not checked here: counts by sender have no user in them; and order,
// window and repetition of rows are the business of who walks over the pages.

// cutToPage drops the rows beyond a page, and says how many. A server that sends
// more than it may is taken at its word for the first 500 alone: the next call
// begins at the row behind them, so nothing is lost or repeated, and all that is
// built on a page's size holds.
func cutToPage[R any](rows []R) ([]R, int) {
	if len(rows) <= upstream.PageSize {
		return rows, 0
	}
	return slices.Clone(rows[:upstream.PageSize]), len(rows) - upstream.PageSize
}

// owners are the user and the sender of a row.
type owners struct{ user, sender upstream.ID }

// askedOf are the owners that a list's rows must have; 0 is any.
func askedOf(q upstream.Question) owners {
	o := owners{q.UserID, q.SenderID}
	if digits := q.Sender != "" && strings.Trim(q.Sender, "0123456789") == ""; digits && o.sender == 0 { // the API takes it for an id
		if n, err := strconv.ParseInt(q.Sender, 10, 64); err == nil {
			o.sender = upstream.ID(n)
		}
	}
	return o
}

// checkOwners refuses rows of a user or sender that was not asked for.
func checkOwners[R any](rows []R, asked owners, of func(*R) (owners, upstream.Time)) error {
	if asked == (owners{}) {
		return nil
	}
	for i := range rows {
		got, _ := of(&rows[i])
		switch {
		case asked.user != 0 && got.user != asked.user:
			return foreign("user", i, got.user)
		case asked.sender != 0 && got.sender != asked.sender:
			return foreign("sender", i, got.sender)
		}
	}
	return nil
}

// checkCounted refuses counts or series of a user or sender that was not asked for.
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

// foreign is the error for a row of another than asked for. Whose it is stays in
// the log.
func foreign(whose string, row int, got upstream.ID) error {
	return invalid(fmt.Sprintf("the metrics API's answer has a row of another %s than was asked for", whose),
		fmt.Errorf("row %d is of %s %d", row, whose, got)).err
}

// checkDetail refuses another bounce than was asked for.
func checkDetail(d *upstream.BounceDetail, k upstream.BounceKey) error {
	if got := d.Key(); got != k {
		return invalid("the metrics API answered with another bounce than was asked for",
			fmt.Errorf("it is of user %d, sender %d and time %d", got.UserID, got.SenderID, got.BounceTime)).err
	}
	return nil
}

// checkPoints refuses time series with points from outside the window: kept, and
// taken as final, they would be shown long after the server is well again.
func checkPoints(rows []upstream.Series, q upstream.SeriesQuery) error {
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

// checkPast refuses rows of the future that were not asked for. Rows just outside
// the window are dropped by who walks over the pages; these are no events at all.
func checkPast[R any](rows []R, w upstream.Window, now upstream.Time, of func(*R) (owners, upstream.Time)) error {
	const skew = 86400 // of the server's clock, and for one that takes windows by the day
	for i := range rows {
		if _, t := of(&rows[i]); t >= w.End+skew && t > now+skew {
			return invalid("the metrics API's answer has a row from far in the future", fmt.Errorf("row %d is of %d", i, t)).err
		}
	}
	return nil
}
