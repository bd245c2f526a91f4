package clickhouse

import "deliverygraph/upstream"

// Series counts events by sender or user: see [store.View].
func (v *view) Series(of upstream.Kind, q upstream.CountQuery) ([]upstream.Series, error) {
	k, series := kinds[of], []upstream.Series{}
	f, err := v.filter(k, &upstream.ListQuery{Window: q.Window, UserID: q.UserID, SenderID: q.SenderID})
	if err != nil || f.none {
		return series, err
	}
	by, start, total, hard, soft := "sender_id", "toInt64(0)", "sum(total)", "sum(hard)", "sum(soft)"
	if q.Rollup == upstream.ByUser {
		by = "user_id"
	}
	if q.Interval != 0 {
		start = bucket(q.Interval)
	}
	if of == upstream.Bounces {
		switch q.BounceType {
		case "":
		case upstream.Hard:
			total, soft = hard, "toUInt64(0)"
		case upstream.Soft:
			total, hard = soft, "toUInt64(0)"
		default: // the counts by hour do not count it separately
			f.OneOf("type", string(q.BounceType))
		}
	}
	var id upstream.ID
	var at upstream.Time
	var t upstream.Tally
	err = v.hourly(v.ctx, k, clip(q.Window), f, func(from string) error {
		series = series[:0]
		return each(v.ctx, "select "+by+", "+start+" as start, "+
			"toInt64("+total+") as n, toInt64("+hard+"), toInt64("+soft+") "+
			"from "+from+" group by "+by+", start having n > 0 order by "+by+", start",
			[]any{&id, &at, &t.Total, &t.Hard, &t.Soft}, func() {
				if n := len(series); n == 0 || series[n-1].ID != id {
					series = append(series, upstream.Series{ID: id})
				}
				x := &series[len(series)-1]
				x.Points = append(x.Points, upstream.Point{Start: at, Tally: t})
			})
	})
	return series, err
}
