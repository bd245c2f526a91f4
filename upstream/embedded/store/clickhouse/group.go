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
	type group struct {
		keys upstream.Keys
		at   upstream.Time
		n    uint64
	}
	var x group
	query := func(count, from string, f func()) error {
		return each(v.ctx, "select "+keyColumn(&g.Query, 0)+" as a, "+keyColumn(&g.Query, 1)+" as b, "+start+
			" as start, "+count+" as n from "+from+" group by a, b, start having n > 0 order by start",
			[]any{&x.keys[0], &x.keys[1], &x.at, &x.n}, f)
	}
	if where.events || !isCounted(g.Query.By[0]) || !isCounted(g.Query.By[1]) {
		return query("count()", v.from(k)+" where "+where.in(window), func() { add(x.keys, x.at, int64(x.n)) })
	}
	var all []group
	err = v.hourly(v.ctx, k, window, where, func(from string) error {
		all = all[:0]
		return query("sum(total)", from, func() { all = append(all, x) })
	})
	if err == nil {
		for _, x := range all {
			add(x.keys, x.at, int64(x.n))
		}
	}
	return err
}

// isCounted reports whether the counts by hour distinguish events by a dimension.
func isCounted(d upstream.Dimension) bool {
	switch d {
	case upstream.NoDimension, upstream.DimensionSender, upstream.DimensionUser, upstream.DimensionHour,
		upstream.DimensionDay:
		return true
	}
	return false
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
