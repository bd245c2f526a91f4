package upstream

import (
	"strconv"

	"deliverygraph/upstream/kind"
)

// AppendCounts appends the answer to a counts call of kind k without timeseries to dst, with user_id, or with sender_id
// and sender, depending on r.
func AppendCounts(dst []byte, k Kind, r Rollup, counts []Count) []byte {
	return appendData(dst, counts, func(dst []byte, c Count) []byte {
		if r == ByUser {
			return appendTally(dst, k, `"user_id":`, int64(c.ID), c.Tally, nil)
		}
		return appendTally(dst, k, `"sender_id":`, int64(c.ID), c.Tally, &c.Sender)
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
			dst = appendTally(dst, k, `"timestamp":`, int64(p.Start), p.Tally, nil)
		}
		dst = append(dst, ']')
	}
	return append(dst, "}}"...)
}

// appendTally appends numbers of events with the id or time that they are of, and the sender's address if there is one,
// in the order of the document's examples. Blocked emails have blocked_email_count: the document's first example of
// them, which has the fields of bounces, appears to be a copying mistake.
func appendTally(dst []byte, k Kind, key string, of int64, t Tally, sender *string) []byte {
	dst = append(dst, '{')
	if k == Bounces {
		dst = append(appendInt(dst, `"bounce_count":`, t.Total), ',')
	}
	dst = appendInt(dst, key, of)
	if k == Emails {
		dst = appendInt(dst, `,"sent_count":`, t.Total)
	}
	if sender != nil {
		dst = appendText(dst, `,"sender":`, *sender)
	}
	switch k {
	case Emails:
	case Bounces:
		dst = appendInt(dst, `,"soft_bounce_count":`, t.Soft)
		dst = appendInt(dst, `,"hard_bounce_count":`, t.Hard)
	default:
		dst = appendInt(dst, `,"`+kind.All[k].Count+`":`, t.Total)
	}
	return append(dst, '}')
}
