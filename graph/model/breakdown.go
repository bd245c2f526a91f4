package model

import (
	"strconv"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"deliverygraph/upstream"
)

// MarshalDimension writes a dimension as a value of the schema's enums.
func MarshalDimension(d upstream.Dimension) graphql.Marshaler {
	return graphql.MarshalString(DimensionName(d))
}

// UnmarshalDimension parses a value of the schema's enums.
func UnmarshalDimension(v any) (upstream.Dimension, error) {
	if s, ok := v.(string); ok {
		for _, k := range upstream.Kinds {
			for _, d := range k.Dimensions() {
				if DimensionName(d) == s {
					return d, nil
				}
			}
		}
	}
	return 0, badInput("that is not a dimension")
}

// DimensionName returns the name of a dimension in the schema, such as "DOMAIN".
func DimensionName(d upstream.Dimension) string { return strings.ToUpper(d.String()) }

// Breakdown is the events of a list by groups.
type Breakdown struct {
	Of    upstream.Groups
	Query *upstream.Question
}

// Total returns the number of all events.
func (b *Breakdown) Total() int64 { return b.Of.Total }

// Complete reports whether the groups have all of their events.
func (b *Breakdown) Complete() bool { return !b.Of.Inexact }

// Other returns the groups that are not listed.
func (b *Breakdown) Other() *upstream.Other { return &b.Of.Other }

// Groups returns the groups.
func (b *Breakdown) Groups() []*BreakdownGroup {
	all := make([]BreakdownGroup, len(b.Of.Groups))
	groups := make([]*BreakdownGroup, len(all))
	for i := range all {
		all[i] = BreakdownGroup{of: b, group: &b.Of.Groups[i]}
		groups[i] = &all[i]
	}
	return groups
}

// BreakdownGroup is a group of events.
type BreakdownGroup struct {
	of    *Breakdown
	group *upstream.Group
}

// Keys returns the values of the dimensions.
func (g *BreakdownGroup) Keys() []*BreakdownKey {
	var keys []*BreakdownKey
	for i, d := range g.of.Query.By {
		if d != upstream.NoDimension {
			k := &BreakdownKey{Dimension: d, Value: keyValue(d, g.group.Keys[i])}
			if d == upstream.DimensionSender {
				k.Label = orNull(g.group.Sender)
			}
			keys = append(keys, k)
		}
	}
	return keys
}

// Count returns the number of events.
func (g *BreakdownGroup) Count() int64 { return g.group.Count }

// Share returns the part of all events.
func (g *BreakdownGroup) Share() float64 {
	return float64(g.group.Count) / float64(max(1, g.of.Of.Total)) // a remote's groups may be empty
}

// Rate returns the events per email sent, or nil if it is not known.
func (g *BreakdownGroup) Rate() *float64 {
	if !g.of.Query.Sent || g.group.Sent == 0 {
		return nil
	}
	r := float64(g.group.Count) / float64(g.group.Sent)
	return &r
}

// Series returns the events by hour or day. The query's interval is the same or a shorter one.
func (g *BreakdownGroup) Series(interval upstream.Interval) []*upstream.GroupPoint {
	w := g.of.Query.Window
	first := interval.Floor(w.Start)
	all := make([]upstream.GroupPoint, (w.End-first-1)/interval.Seconds()+1)
	points := make([]*upstream.GroupPoint, len(all))
	for i := range all {
		all[i].Start = first + upstream.Time(i)*interval.Seconds()
		points[i] = &all[i]
	}
	for _, p := range g.group.Points {
		if i := int((interval.Floor(p.Start) - first) / interval.Seconds()); i >= 0 && i < len(all) {
			all[i].Count += p.Count
		}
	}
	return points
}

// BreakdownKey is the value of a dimension.
type BreakdownKey struct {
	Dimension upstream.Dimension
	Value     *string
	Label     *string
}

// keyValue returns the key of a group as the schema has it.
func keyValue(d upstream.Dimension, key string) *string {
	switch d {
	case upstream.DimensionType, upstream.DimensionWeekday:
		key = strings.ToUpper(key)
	case upstream.DimensionHour:
		key = moment(key).Format(time.RFC3339)
	case upstream.DimensionDay:
		key = moment(key).Format(time.DateOnly)
	}
	return orNull(key)
}

func moment(key string) time.Time {
	n, _ := strconv.ParseInt(key, 10, 64) // package upstream has checked it
	return upstream.Time(n).UTC()
}

// DefaultTop is the number of groups if the argument top is null.
const DefaultTop = 10
