package upstream

import (
	"strconv"

	"deliverygraph/upstream/kind"
)

// AppendCounts appends the answer to a counts call of kind k without timeseries to dst, with user_id, or with sender_id
// and sender, depending on r. Rows of blocked emails have blocked_email_count: the document's first example of them,
// which has the fields of bounces, appears to be a copying mistake.
func AppendCounts(dst []byte, k Kind, r Rollup, counts []Count) []byte {
	return appendData(dst, counts, func(dst []byte, c Count) []byte {
		id := `"sender_id":`
		if r == ByUser {
			id = `"user_id":`
		}
		dst = append(dst, '{')
		switch k {
		case Emails:
			dst = appendInt(dst, id, c.ID)
			dst = appendInt(dst, `,"sent_count":`, c.Total)
			dst = appendSender(dst, r, c)
		case Bounces:
			dst = appendInt(dst, `"bounce_count":`, c.Total)
			dst = appendInt(append(dst, ','), id, c.ID)
			dst = appendSender(dst, r, c)
			dst = appendSplit(dst, c.Tally)
		default:
			dst = appendInt(dst, id, c.ID)
			dst = appendSender(dst, r, c)
			dst = appendCount(dst, k, c.Total)
		}
		return append(dst, '}')
	})
}

// AppendSeries appends the answer to a counts call of kind k with timeseries to dst.
func AppendSeries(dst []byte, k Kind, all []Series) []byte {
	dst = append(dst, `{"data":{`...)
	for i, s := range all {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(strconv.AppendInt(append(dst, '"'), int64(s.ID), 10), `":[`...)
		for j, p := range s.Points {
			if j > 0 {
				dst = append(dst, ',')
			}
			dst = appendPoint(dst, k, p)
		}
		dst = append(dst, ']')
	}
	return append(dst, "}}"...)
}

func appendPoint(dst []byte, k Kind, p Point) []byte {
	dst = append(dst, '{')
	switch k {
	case Emails:
		dst = appendInt(dst, `"timestamp":`, p.Start)
		dst = appendInt(dst, `,"sent_count":`, p.Total)
	case Bounces:
		dst = appendInt(dst, `"bounce_count":`, p.Total)
		dst = appendInt(dst, `,"timestamp":`, p.Start)
		dst = appendSplit(dst, p.Tally)
	default:
		dst = appendInt(dst, `"timestamp":`, p.Start)
		dst = appendCount(dst, k, p.Total)
	}
	return append(dst, '}')
}

// appendCount appends the kind's number of events.
func appendCount(dst []byte, k Kind, total int64) []byte {
	dst = append(append(append(dst, `,"`...), kind.All[k].Count...), `":`...)
	return strconv.AppendInt(dst, total, 10)
}

func appendSender(dst []byte, r Rollup, c Count) []byte {
	if r == ByUser {
		return dst
	}
	return appendText(dst, `,"sender":`, c.Sender)
}

func appendSplit(dst []byte, t Tally) []byte {
	dst = appendInt(dst, `,"soft_bounce_count":`, t.Soft)
	return appendInt(dst, `,"hard_bounce_count":`, t.Hard)
}
