package rest

import (
	"errors"
	"time"

	"deliverygraph/upstream"
)

// decode decodes and checks the answer to q, and records the number of its rows in call.
func decode(q *upstream.Question, body string, call *Call) (any, error) {
	switch q.Shape {
	case upstream.ShapeDetail:
		d, err := upstream.DecodeBounceDetail(body)
		if err != nil {
			return nil, err
		}
		call.Rows = 1
		return d, checkDetail(&d, q.Detail())
	case upstream.ShapeCounts:
		rows, err := upstream.DecodeCounts(body, q.Kind, q.Rollup)
		call.Rows = len(rows)
		if err != nil {
			return nil, err
		}
		return rows, checkCounted(rows, q.Counts(), func(c *upstream.Count) upstream.ID { return c.ID })
	case upstream.ShapeSeries:
		rows, err := upstream.DecodeSeries(body, q.Kind)
		call.Rows = len(rows)
		if err != nil {
			return nil, err
		}
		return rows, errors.Join(checkCounted(rows, q.Counts(), func(s *upstream.Series) upstream.ID { return s.ID }),
			checkPoints(rows, q.Series()))
	case upstream.ShapeCatalogue:
		codes, err := upstream.DecodeCodes(body)
		call.Rows = len(codes)
		return codes, err
	case upstream.ShapeGroups:
		g, err := upstream.DecodeGroups(body, q.GroupsOf())
		call.Rows = len(g.Groups)
		return g, err
	}
	return decodeList(q, body, call)
}

// decodeList decodes and checks one page of a list.
func decodeList(q *upstream.Question, body string, call *Call) (any, error) {
	page, err := upstream.DecodePage(q.Kind, body)
	if err != nil {
		return nil, err
	}
	if n := page.Len(); n > upstream.PageSize {
		// Nothing is lost: the next call's offset points at the first dropped row. All callers can rely on the page
		// size.
		page, call.Dropped = page.Slice(0, upstream.PageSize).Clone(), n-upstream.PageSize
	}
	call.Rows = page.Len()
	return page.Rows(), errors.Join(checkOwners(page, askedOf(q)),
		checkPast(page, q.Window, upstream.Time(time.Now().Unix())))
}
