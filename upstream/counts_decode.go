package upstream

import (
	"cmp"
	"math"
	"slices"
	"strconv"

	"deliverygraph/upstream/kind"
)

// DecodeCounts decodes the answer to a counts call without timeseries, with or without an envelope, ordered by id. A
// row must have the id that r requires, and a count:
//
//   - emails have sent_count;
//   - bounces have soft_bounce_count and hard_bounce_count. The total is their sum and bounce_count is ignored, because
//     the document shows it as 0 beside non-zero counts. If one of the two is missing, it is computed from
//     bounce_count; if both are, bounce_count is the total;
//   - blocked emails have blocked_email_count, or otherwise bounce_count, as in the document's first example.
//
// Errors have the code [InvalidResponse] and name the row, counted from 0, and the field.
func DecodeCounts(body string, k Kind, r Rollup) ([]Count, error) {
	counts, err := decodeRows(body, func(l *lexer, c *Count) { l.count(c, k, r) })
	slices.SortStableFunc(counts, func(a, b Count) int { return cmp.Compare(a.ID, b.ID) })
	return counts, err
}

// DecodeSeries decodes the answer to a counts call with timeseries, with or without an envelope, ordered by id, and
// each series by time. The ids identify senders or users, depending on the request's rollup. A point must have a
// timestamp, and counts as in [DecodeCounts]. If an id is repeated, its last series counts. Data may be null or, as
// some servers print it, an empty array: both mean no series.
//
// Errors have the code [InvalidResponse] and name the field and the point as a row, counted from 0 over all series.
func DecodeSeries(body string, k Kind) ([]Series, error) {
	l := newLexer(body)
	var all []Series
	decode := func() { all = l.series(k) }
	if l.peek() == '[' {
		decode()
	} else {
		l.objectPayload(decode)
	}
	if err := l.end(); err != nil {
		return nil, err
	}
	return all, nil
}

// series decodes an object that maps ids to series.
func (l *lexer) series(k Kind) []Series {
	switch l.peek() {
	case 'n':
		if l.null() {
			return nil
		}
	case '[':
		if l.begin('[') {
			l.fail("data", "is an array, not an object of series by id")
		}
		return nil
	}
	var all []Series
	points := 0
	for more := l.object("data"); more; more = l.next('}') {
		id, err := strconv.ParseInt(l.key(), 10, 64)
		if err != nil || id <= 0 {
			l.fail("", "a time series is not under the id of a sender or user")
		}
		s := Series{ID: ID(id)}
		for more := l.array("a time series"); more; more = l.next(']') {
			l.row = points
			s.Points = append(s.Points, l.point(k))
			points++
		}
		l.row = -1
		slices.SortStableFunc(s.Points, func(a, b Point) int { return cmp.Compare(a.Start, b.Start) })
		all = append(all, s)
	}
	slices.Reverse(all) // the last series of an id then comes first, and CompactFunc keeps it
	slices.SortStableFunc(all, func(a, b Series) int { return cmp.Compare(a.ID, b.ID) })
	return slices.CompactFunc(all, func(a, b Series) bool { return a.ID == b.ID })
}

func (l *lexer) count(c *Count, k Kind, r Rollup) {
	var f tallyFields
	id := senderIDKey
	if r == ByUser {
		id = userIDKey
	}
	for m := l.first(&l.rows, "it"); m != nil; m = l.after(&l.rows) {
		switch {
		case m.field == id:
			c.ID = l.id(m.name)
		case m.field == senderKey && r == BySender:
			c.Sender = l.str(m.name)
		default:
			f.read(l, m, k)
		}
	}
	if r == ByUser {
		l.need("user_id", c.ID != 0)
	} else {
		l.need("sender_id", c.ID != 0)
	}
	c.Tally = f.tally(l, k)
}

func (l *lexer) point(k Kind) Point {
	var p Point
	var f tallyFields
	timed := false // 0 is a time, too
	for m := l.first(&l.rows, "it"); m != nil; m = l.after(&l.rows) {
		if m.field == timestampKey {
			timed = l.peek() != 'n' // null means missing
			p.Start = l.time(m.name)
		} else {
			f.read(l, m, k)
		}
	}
	l.need("timestamp", timed)
	p.Tally = f.tally(l, k)
	return p
}

// tallyFields holds the counts of a row as sent.
type tallyFields struct {
	bounced, soft, hard quantity
	own                 quantity // of a kind that is not Bounces
}

// quantity is a number of events that may be missing.
type quantity struct {
	n     int64
	given bool
}

// read reads the value of m, which may be one of the counts.
func (f *tallyFields) read(l *lexer, m *member, k Kind) {
	switch {
	case m.field == bounceCountKey:
		f.bounced = l.quantity(m.name)
	case m.field == softBounceCountKey:
		f.soft = l.quantity(m.name)
	case m.field == hardBounceCountKey:
		f.hard = l.quantity(m.name)
	case m.field == countKey || m.name == kind.All[k].Count:
		if n := l.quantity(m.name); m.name == kind.All[k].Count { // otherwise it is of another kind
			f.own = n
		}
	default:
		l.skip()
	}
}

// tally returns the counts for kind k.
func (f *tallyFields) tally(l *lexer, k Kind) Tally {
	switch {
	case k != Bounces && f.own.given:
		return Tally{Total: f.own.n}
	case k != Bounces:
		l.need(kind.All[k].Count, f.bounced.given && k != Emails)
		return Tally{Total: f.bounced.n}
	case !f.soft.given && !f.hard.given:
		l.need("bounce_count", f.bounced.given)
		return Tally{Total: f.bounced.n}
	case !f.soft.given:
		f.soft.n = max(0, f.bounced.n-f.hard.n)
	case !f.hard.given:
		f.hard.n = max(0, f.bounced.n-f.soft.n)
	}
	if f.soft.n > math.MaxInt64-f.hard.n {
		l.fail("hard_bounce_count", "is too large")
	}
	return Tally{Total: f.soft.n + f.hard.n, Soft: f.soft.n, Hard: f.hard.n}
}
