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
		return rows, errors.Join(checkCounted(rows, q.Counts(), func(s *upstream.Series) upstream.ID { return s.ID }), checkPoints(rows, q.Series()))
	case upstream.ShapeCatalogue:
		codes, err := upstream.DecodeCodes(body)
		call.Rows = len(codes)
		return codes, err
	}
	switch q.Kind {
	case upstream.Bounces:
		return decodeList(q, body, call, upstream.DecodeBounces, func(b *upstream.Bounce) (owners, upstream.Time) { return owners{b.UserID, b.SenderID}, b.BounceTime })
	case upstream.Emails:
		return decodeList(q, body, call, upstream.DecodeEmails, func(e *upstream.Email) (owners, upstream.Time) { return owners{e.UserID, e.SenderID}, e.ProcessTime })
	default:
		return decodeList(q, body, call, upstream.DecodeBlockedEmails, func(e *upstream.BlockedEmail) (owners, upstream.Time) {
			return owners{e.UserID, e.SenderID}, e.ProcessTime
		})
	}
}

// decodeList decodes one page of a list. The function of returns a row's owners and time.
func decodeList[R any](q *upstream.Question, body string, call *Call, read func(string) ([]R, error), of func(*R) (owners, upstream.Time)) (any, error) {
	rows, err := read(body)
	if err != nil {
		return nil, err
	}
	rows, call.Dropped = cutToPage(rows)
	call.Rows = len(rows)
	return rows, errors.Join(checkOwners(rows, askedOf(q), of), checkPast(rows, q.Window, upstream.Time(time.Now().Unix()), of))
}
