package model

import (
	"slices"
	"strings"

	"deliverygraph/upstream"
)

// Measure is a field of stats, and of the points of a series: a number of events, or its share of the emails sent.
type Measure struct {
	Name string
	Kind upstream.Kind
	Of   func(upstream.Tally) int64
	Rate bool
}

// Measures are all of them.
var Measures = []*Measure{
	Sent, Bounced, HardBounced, SoftBounced, Blocked, BounceRate, HardBounceRate, SoftBounceRate, BlockedRate,
}

// The measures.
var (
	Sent           = &Measure{"sent", upstream.Emails, total, false}
	Bounced        = &Measure{"bounced", upstream.Bounces, total, false}
	HardBounced    = &Measure{"hardBounced", upstream.Bounces, hard, false}
	SoftBounced    = &Measure{"softBounced", upstream.Bounces, soft, false}
	Blocked        = &Measure{"blocked", upstream.BlockedEmails, total, false}
	BounceRate     = &Measure{"bounceRate", upstream.Bounces, total, true}
	HardBounceRate = &Measure{"hardBounceRate", upstream.Bounces, hard, true}
	SoftBounceRate = &Measure{"softBounceRate", upstream.Bounces, soft, true}
	BlockedRate    = &Measure{"blockedRate", upstream.BlockedEmails, total, true}
)

func total(t upstream.Tally) int64 { return t.Total }
func hard(t upstream.Tally) int64  { return t.Hard }
func soft(t upstream.Tally) int64  { return t.Soft }

// MeasureNamed returns the measure of a field, or of a value of [AccountOrderField]; nil if it is none.
func MeasureNamed(name string) *Measure {
	name = strings.ReplaceAll(name, "_", "")
	i := slices.IndexFunc(Measures, func(m *Measure) bool { return strings.EqualFold(m.Name, name) })
	if i < 0 {
		return nil
	}
	return Measures[i]
}

// Needs reports whether the measure, which may be nil, needs the counts of a kind.
func (m *Measure) Needs(k upstream.Kind) bool {
	return m != nil && (m.Kind == k || m.Rate && k == upstream.Emails)
}

// KindsOf returns the kinds whose counts fields need.
func KindsOf(fields ...string) []upstream.Kind {
	kinds := make([]upstream.Kind, 0, len(upstream.Kinds))
	for _, k := range upstream.Kinds {
		if slices.ContainsFunc(fields, func(name string) bool {
			return MeasureNamed(name).Needs(k)
		}) {
			kinds = append(kinds, k)
		}
	}
	return kinds
}

// Share returns n events per email sent, or nil if none was sent.
func Share(n, sent int64) *float64 {
	if sent == 0 {
		return nil
	}
	return new(float64(n) / float64(sent))
}

// MaxPoints limits the length of a series: ten thousand hours are more than a year.
const MaxPoints = 10_000

// StatsPoint is one bucket of a series.
type StatsPoint struct {
	Start   upstream.Time
	Tallies [len(upstream.Kinds)]upstream.Tally
}

// Count returns a number of events.
func (p *StatsPoint) Count(m *Measure) int64 { return m.Of(p.Tallies[m.Kind]) }

// Share returns a rate, or nil if no email was sent.
func (p *StatsPoint) Share(m *Measure) *float64 { return Share(p.Count(m), p.Sent()) }

func (p *StatsPoint) Sent() int64              { return p.Count(Sent) }
func (p *StatsPoint) Bounced() int64           { return p.Count(Bounced) }
func (p *StatsPoint) HardBounced() int64       { return p.Count(HardBounced) }
func (p *StatsPoint) SoftBounced() int64       { return p.Count(SoftBounced) }
func (p *StatsPoint) Blocked() int64           { return p.Count(Blocked) }
func (p *StatsPoint) BounceRate() *float64     { return p.Share(BounceRate) }
func (p *StatsPoint) HardBounceRate() *float64 { return p.Share(HardBounceRate) }
func (p *StatsPoint) SoftBounceRate() *float64 { return p.Share(SoftBounceRate) }
func (p *StatsPoint) BlockedRate() *float64    { return p.Share(BlockedRate) }
