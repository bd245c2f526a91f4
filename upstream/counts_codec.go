package upstream

import (
	"cmp"
	"slices"
	"strconv"
)

// DecodeCounts reads the answer to a counts call without timeseries, with or
// without an envelope, ordered by id. Rows must have the id that r calls for and
// a count:
//
//   - emails have sent_count;
//   - bounces have soft_bounce_count and hard_bounce_count, of which the total is
//     the sum, whatever bounce_count says: the document shows it as 0 beside
//     counts that are not. Where one is missing it follows from bounce_count;
//   - blocked emails have blocked_email_count, or else bounce_count: the
//     document's first example of them is one of bounces.
//
// Errors are of [InvalidResponse] and name the row, counted from 0, and the field.
func DecodeCounts(body []byte, k Kind, r Rollup) ([]Count, error) {
	var counts []Count
	l := newLexer(body)
	l.payload(func() {
		counts = counts[:0]
		if l.peek() != '[' {
			l.mistyped("data", "an array")
			return
		}
		for more := l.begin('['); more; more = l.next(']') {
			l.row = len(counts)
			counts = append(counts, l.countRow(k, r))
		}
		l.row = -1
	})
	if err := l.end(); err != nil {
		return nil, err
	}
	slices.SortStableFunc(counts, func(a, b Count) int { return cmp.Compare(a.ID, b.ID) })
	return counts, nil
}

// DecodeSeries reads the answer to a counts call with timeseries, with or
// without an envelope, ordered by id and each series by time. The ids are
// senders' or users', as the request's rollup had it. Points must have their
// timestamp and counts as [DecodeCounts] has them. An empty array stands for an
// empty object, as some servers print it.
//
// Errors are of [InvalidResponse] and name the point, counted from 0 over all
// series, and the field.
func DecodeSeries(body []byte, k Kind) ([]Series, error) {
	var all []Series
	l := newLexer(body)
	decode := func() {
		all = all[:0]
		points := 0
		if l.peek() == '[' {
			if l.begin('[') {
				l.fail("data", "is not an object")
			}
			return
		}
		for more := l.object(); more; more = l.next('}') {
			id, err := strconv.ParseInt(l.key(), 10, 64)
			if err != nil || id <= 0 {
				l.fail("", "a key of a time series is not an id")
			}
			s := Series{ID: ID(id)}
			if l.peek() != '[' {
				l.mistyped("time series", "an array")
			}
			for more := l.begin('['); more; more = l.next(']') {
				l.row = points
				s.Points = append(s.Points, l.point(k))
				points++
			}
			l.row = -1
			slices.SortStableFunc(s.Points, func(a, b Point) int { return cmp.Compare(a.Start, b.Start) })
			all = append(all, s)
		}
	}
	if l.peek() == '[' {
		decode()
	} else {
		l.objectPayload(decode)
	}
	if err := l.end(); err != nil {
		return nil, err
	}
	slices.SortStableFunc(all, func(a, b Series) int { return cmp.Compare(a.ID, b.ID) })
	return all, nil
}

// tallyFields are the counts of one row as they come.
type tallyFields struct {
	sent, bounced, soft, hard, blocked                int64
	hasSent, hasBounced, hasSoft, hasHard, hasBlocked bool
}

// field reads the value of key if it is one of the counts.
func (f *tallyFields) field(l *lexer, key string) bool {
	switch key {
	case "sent_count":
		f.sent, f.hasSent = l.count(key)
	case "bounce_count":
		f.bounced, f.hasBounced = l.count(key)
	case "soft_bounce_count":
		f.soft, f.hasSoft = l.count(key)
	case "hard_bounce_count":
		f.hard, f.hasHard = l.count(key)
	case "blocked_email_count":
		f.blocked, f.hasBlocked = l.count(key)
	default:
		return false
	}
	return true
}

// tally makes of the counts what kind k makes of them.
func (f *tallyFields) tally(l *lexer, k Kind) Tally {
	switch k {
	case Emails:
		l.need("sent_count", f.hasSent)
		return Tally{Total: f.sent}
	case BlockedEmails:
		l.need("blocked_email_count", f.hasBlocked || f.hasBounced)
		if f.hasBlocked {
			return Tally{Total: f.blocked}
		}
		return Tally{Total: f.bounced}
	}
	switch {
	case f.hasSoft && !f.hasHard:
		f.hard = max(0, f.bounced-f.soft)
	case f.hasHard && !f.hasSoft:
		f.soft = max(0, f.bounced-f.hard)
	case !f.hasSoft && !f.hasHard:
		l.need("bounce_count", f.hasBounced)
		return Tally{Total: f.bounced}
	}
	return Tally{Total: f.soft + f.hard, Soft: f.soft, Hard: f.hard}
}

func (l *lexer) countRow(k Kind, r Rollup) Count {
	var c Count
	var f tallyFields
	var user, sender ID
	for more := l.object(); more; more = l.next('}') {
		switch key := l.key(); key {
		case "user_id":
			user = l.id(key)
		case "sender_id":
			sender = l.id(key)
		case "sender":
			c.Sender = l.str(key)
		default:
			if !f.field(l, key) {
				l.skip()
			}
		}
	}
	if r == ByUser {
		l.need("user_id", user != 0)
		c.ID, c.Sender = user, ""
	} else {
		l.need("sender_id", sender != 0)
		c.ID = sender
	}
	c.Tally = f.tally(l, k)
	return c
}

func (l *lexer) point(k Kind) Point {
	var p Point
	var f tallyFields
	timed := false
	for more := l.object(); more; more = l.next('}') {
		key := l.key()
		if key == "timestamp" {
			timed = !l.null()
			if timed {
				p.Start = l.time(key)
			}
		} else if !f.field(l, key) {
			l.skip()
		}
	}
	l.need("timestamp", timed)
	p.Tally = f.tally(l, k)
	return p
}

// AppendCounts writes the answer to a counts call of kind k without timeseries.
func AppendCounts(dst []byte, k Kind, r Rollup, counts []Count) []byte {
	return appendData(dst, counts, func(dst []byte, c Count) []byte {
		dst = append(dst, '{')
		if r == ByUser {
			dst = appendInt(dst, `"user_id":`, c.ID)
		} else {
			dst = appendInt(dst, `"sender_id":`, c.ID)
			dst = appendText(dst, `,"sender":`, c.Sender)
		}
		return appendTally(dst, k, c.Tally)
	})
}

// AppendSeries writes the answer to a counts call of kind k with timeseries.
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
			dst = appendInt(dst, `{"timestamp":`, p.Start)
			dst = appendTally(dst, k, p.Tally)
		}
		dst = append(dst, ']')
	}
	return append(dst, "}}"...)
}

// appendTally ends an object with the counts of kind k.
func appendTally(dst []byte, k Kind, t Tally) []byte {
	switch k {
	case Emails:
		dst = appendInt(dst, `,"sent_count":`, t.Total)
	case BlockedEmails:
		dst = appendInt(dst, `,"blocked_email_count":`, t.Total)
	case Bounces:
		dst = appendInt(dst, `,"bounce_count":`, t.Total)
		dst = appendInt(dst, `,"soft_bounce_count":`, t.Soft)
		dst = appendInt(dst, `,"hard_bounce_count":`, t.Hard)
	}
	return append(dst, '}')
}
