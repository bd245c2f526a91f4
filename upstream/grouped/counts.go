package grouped

import (
	"context"
	"slices"

	"deliverygraph/upstream"
)

// Counted reports whether counts suffice to group events, so that it takes one call: by type, by sender or user, and by
// time, with no filters but those that counts have.
func Counted(q *upstream.Question) bool {
	if _, counted := q.Counted(); !counted {
		return false
	}
	for _, d := range q.By {
		switch d {
		case upstream.NoDimension, upstream.DimensionType, upstream.DimensionSender, upstream.DimensionUser,
			upstream.DimensionHour, upstream.DimensionDay, upstream.DimensionWeekday:
		default:
			return false
		}
	}
	return !q.Has(upstream.DimensionSender) || !q.Has(upstream.DimensionUser)
}

// fromCounts counts events by counts or a time series.
func (p *part) fromCounts(ctx context.Context) error {
	q, _ := p.q.Counted()
	if p.q.Has(upstream.DimensionSender) {
		q.Rollup = upstream.BySender
	}
	interval := p.q.Interval
	switch {
	case p.q.Has(upstream.DimensionHour):
		interval = upstream.Hour
	case interval == 0 && (p.q.Has(upstream.DimensionDay) || p.q.Has(upstream.DimensionWeekday)):
		interval = upstream.Day
	}
	if interval == 0 {
		counts, err := p.api.Counts(ctx, p.q.Kind, q)
		for _, c := range counts {
			p.tally(c.ID, 0, c.Tally)
		}
		return err
	}
	series, err := p.api.Series(ctx, p.q.Kind, q.Per(interval))
	for _, s := range series {
		for _, point := range s.Points {
			p.tally(s.ID, point.Start, point.Tally)
		}
	}
	return err
}

// tally adds the events of a sender or user in an hour or day.
func (p *part) tally(id upstream.ID, start upstream.Time, t upstream.Tally) {
	add := func(typ upstream.BounceType, n int64) {
		p.add(&Row{Event: upstream.Event{
			Identity: upstream.Identity{Time: start, UserID: id, SenderID: id}, Own: upstream.Own{BounceType: typ},
		}}, n)
	}
	if !slices.Contains(p.q.By[:], upstream.DimensionType) {
		add("", t.Total)
		return
	}
	add(upstream.Hard, t.Hard)
	add(upstream.Soft, t.Soft)
	add("", t.Total-t.Hard-t.Soft)
}
