package clickhouse

import (
	"context"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/grouped"
)

// Counts counts events by sender or user: see [store.Reader].
func (s *Store) Counts(
	ctx context.Context, only []upstream.ID, k upstream.Kind, q upstream.CountQuery,
) (counts []upstream.Count, err error) {
	err = s.read(ctx, "count "+k.String(), func(ctx context.Context) error {
		counts = []upstream.Count{}
		series, err := s.tally(ctx, only, kinds[k], q.Per(0))
		if err != nil {
			return err
		}
		var addresses map[upstream.ID]string
		if q.Rollup == upstream.BySender {
			if addresses, err = s.addresses(ctx); err != nil {
				return err
			}
		}
		for _, x := range series {
			counts = append(counts, upstream.Count{ID: x.ID, Sender: addresses[x.ID], Tally: x.Points[0].Tally})
		}
		return nil
	})
	return counts, err
}

// addresses returns the addresses of senders.
func (s *Store) addresses(ctx context.Context) (map[upstream.ID]string, error) {
	all := map[upstream.ID]string{}
	var id upstream.ID
	var address string
	err := each(ctx, "select id, address from sender final", []any{&id, &address}, func() { all[id] = address })
	return all, err
}

// Series counts events by hour or day: see [store.Reader].
func (s *Store) Series(
	ctx context.Context, only []upstream.ID, k upstream.Kind, q upstream.CountQuery,
) (series []upstream.Series, err error) {
	err = s.read(ctx, "count "+k.String(), func(ctx context.Context) error {
		series, err = s.tally(ctx, only, kinds[k], q)
		return err
	})
	return series, err
}

// tally returns the points of senders or users, ordered by id. Without an interval, each has one.
func (s *Store) tally(
	ctx context.Context, only []upstream.ID, k *kind, q upstream.CountQuery,
) ([]upstream.Series, error) {
	series := []upstream.Series{}
	f, err := s.filter(ctx, only, k, &upstream.ListQuery{Window: q.Window, UserID: q.UserID, SenderID: q.SenderID})
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
	if k.Kind == upstream.Bounces {
		switch q.BounceType {
		case "":
		case upstream.Hard:
			total, soft = hard, "toUInt64(0)"
		case upstream.Soft:
			total, hard = soft, "toUInt64(0)"
		default: // the counts by hour do not count it separately
			f.events = true
			f.text("type", string(q.BounceType))
		}
	}
	var id upstream.ID
	var at upstream.Time
	var t upstream.Tally
	err = s.hourly(ctx, k, clip(q.Window), f, func(from string) error {
		series = series[:0]
		return each(ctx, "select "+by+", "+start+" as start, toInt64("+total+") as n, toInt64("+hard+"), toInt64("+soft+
			") from "+from+" group by "+by+", start having n > 0 order by "+by+", start",
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

// Groups groups events: see [store.Reader].
func (s *Store) Groups(
	ctx context.Context, only []upstream.ID, q upstream.Question, p *grouped.Providers,
) (groups upstream.Groups, err error) {
	err = s.read(ctx, "group "+q.Kind.String(), func(ctx context.Context) error {
		each := func(g store.Grouping, add store.AddGroup) error { return s.group(ctx, only, g, add) }
		addresses := func() (map[upstream.ID]string, error) { return s.addresses(ctx) }
		groups, err = store.Group(q, p, each, addresses)
		return err
	})
	return groups, err
}

// group calls add for events with the same keys and time, in order of time.
func (s *Store) group(ctx context.Context, only []upstream.ID, g store.Grouping, add store.AddGroup) error {
	k := kinds[g.Query.Kind]
	where, err := s.filter(ctx, only, k, &g.Query.ListQuery)
	if err != nil || where.none {
		return err
	}
	window := clip(g.Query.Window)
	if times, all, err := s.times(ctx, k, g.Query.Recipient, window, maxTimes); err != nil {
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
	return each(ctx, "select "+keyColumn(&g.Query, 0)+" as a, "+keyColumn(&g.Query, 1)+" as b, "+start+
		" as start, count() from "+s.from(k)+" where "+where.in(window)+
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
