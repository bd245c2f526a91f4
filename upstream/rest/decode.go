package rest

import (
	"errors"
	"time"

	"deliverygraph/upstream"
)

// decode decodes and checks the answer to a call, and records the number of its rows.
func decode(body string, call *Call) (any, error) {
	q := call.Question
	answer, err := q.Decode(body)
	if err != nil {
		return nil, err
	}
	if page := upstream.PageOf(answer); page != nil {
		return checkPage(answer, page, call)
	}
	call.Rows = upstream.RowsOf(answer)
	switch a := answer.(type) {
	case upstream.BounceDetail:
		err = checkDetail(&a, q.Detail())
	case []upstream.Count:
		err = checkCounted(a, q.Counts(), func(c *upstream.Count) upstream.ID { return c.ID })
	case []upstream.Series:
		err = errors.Join(checkCounted(a, q.Counts(), func(s *upstream.Series) upstream.ID { return s.ID }),
			checkPoints(a, q.Counts()))
	}
	return answer, err
}

// checkPage checks an answer that is one page of a list.
func checkPage(answer any, page upstream.Page, call *Call) (any, error) {
	if n := page.Len(); n > upstream.PageSize {
		// Nothing is lost: the next call's offset points at the first dropped row. All callers can rely on the page
		// size.
		page, call.Dropped = page.Slice(0, upstream.PageSize).Clone(), n-upstream.PageSize
		answer = page.Rows()
	}
	call.Rows = page.Len()
	return answer, checkRows(page, call.Question, upstream.Time(time.Now().Unix()))
}
