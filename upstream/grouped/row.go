// Package grouped groups events that are in memory, as the groups endpoints do for those of a store.
package grouped

import (
	"strconv"
	"strings"

	"deliverygraph/upstream"
)

// Row is an event with all that it can be grouped by.
type Row struct {
	upstream.Event
	Code       string // of bounces
	Rule       string // of bounces, from their details
	Diagnostic string // of bounces, from their details
}

// Keys returns the keys of the group of an event.
func (r *Row) Keys(g *upstream.Grouping, p *Providers) (keys upstream.Keys) {
	for i, d := range g.By {
		keys[i] = r.key(d, g, p)
	}
	return keys
}

func (r *Row) key(d upstream.Dimension, g *upstream.Grouping, p *Providers) string {
	switch d {
	case upstream.DimensionType:
		return string(r.BounceType)
	case upstream.DimensionCategory:
		return r.BounceCategory
	case upstream.DimensionCode:
		return r.Code
	case upstream.DimensionRule:
		return r.Rule
	case upstream.DimensionDiagnostic:
		return Pattern(r.Diagnostic, r.Local)
	case upstream.DimensionReason:
		return r.BlockedReason
	case upstream.DimensionDelivered:
		return strconv.FormatBool(r.Delivered)
	case upstream.DimensionDomain:
		return upstream.LowerDomain(r.Domain)
	case upstream.DimensionProvider:
		return p.Of(upstream.LowerDomain(r.Domain))
	case upstream.DimensionSender:
		return strconv.FormatInt(int64(r.SenderID), 10)
	case upstream.DimensionUser:
		return strconv.FormatInt(int64(r.UserID), 10)
	case upstream.DimensionHour:
		return strconv.FormatInt(int64(upstream.Hour.Floor(r.Time)), 10)
	case upstream.DimensionDay:
		return strconv.FormatInt(int64(upstream.Day.Floor(r.Time)), 10)
	case upstream.DimensionWeekday:
		return r.Time.Weekday()
	case upstream.DimensionHeader:
		for _, h := range r.XHeaders {
			if strings.EqualFold(h.Name, g.Header) {
				return h.Value
			}
		}
	}
	return ""
}
