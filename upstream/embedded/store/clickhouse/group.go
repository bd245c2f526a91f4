package clickhouse

import (
	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// Group adds up events: see [store.View].
func (v *view) Group(g store.Grouping, add store.AddGroup) error {
	k := kinds[g.Query.Kind]
	where, err := v.filter(k, &g.Query.ListQuery)
	if err != nil || where.none {
		return err
	}
	window := clip(g.Query.Window)
	if times, all, err := v.times(v.ctx, k, g.Query.Recipient, window, maxTimes); err != nil {
		return err
	} else if all {
		if len(times) == 0 {
			return nil
		}
		where.at(times)
	}
	start := "toInt64(0)"
	if g.Times != 0 {
		start = bucket(g.Times)
	}
	var keys upstream.Keys
	var at upstream.Time
	var n uint64
	return each(v.ctx, "select "+keyColumn(&g.Query, 0)+" as a, "+keyColumn(&g.Query, 1)+" as b, "+start+
		" as start, count() from "+v.from(k)+" where "+where.in(window)+
		" group by a, b, start order by start",
		[]any{&keys[0], &keys[1], &at, &n}, func() { add(keys, at, int64(n)) })
}

// keyColumn returns the expression for a dimension, as a text.
func keyColumn(q *upstream.Question, i int) string {
	switch d := q.By[i]; d {
	case upstream.NoDimension:
		return "''"
	case upstream.DimensionSender, upstream.DimensionUser:
		return "toString(" + d.String() + "_id)"
	case upstream.DimensionHour:
		return "toString(" + bucket(upstream.Hour) + ")"
	case upstream.DimensionDay:
		return "toString(" + bucket(upstream.Day) + ")"
	case upstream.DimensionDelivered:
		return "if(delivered = 1, 'true', 'false')"
	case upstream.DimensionDiagnostic:
		return "pattern"
	case upstream.DimensionHeader:
		return "header_values[indexOf(header_keys, " + quote(store.FoldHeader(q.Header)) + ")]"
	default:
		return d.String()
	}
}
