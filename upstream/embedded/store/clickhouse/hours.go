package clickhouse

import (
	"context"
	"slices"
	"strings"
	"time"

	"deliverygraph/upstream"
)

// Counts of long windows add up counts by hour, which the table tally keeps. ClickHouse has no transactions, so a
// reader must recognize a stale count, even if a writer has died. The table mark counts for each hour how many writes
// have begun to change its events, and how many have ended. A reader uses the count of an hour only if its stamp is the
// sum of both, and no write is in progress. It counts all other hours from the events, and keeps those counts for the
// next reader. Afterwards it looks at the marks again, to be sure that no write has changed an hour meanwhile.

const (
	// slot is the unit of the times of marks, in seconds.
	slot = 600
	// deadSlots is the number of slots after which a write that has not ended is dead: it changes no more events.
	deadSlots = 24 * 3600 / slot
	// settleSlots is for how many slots servers of a cluster may lack what another has. Counts are kept only then.
	settleSlots = 1
	// minHours is the minimum number of hours for which counts by hour are faster than counting events.
	minHours = 3
	// maxRanges is the maximum number of ranges of time that are written as a condition each.
	maxRanges = 50
	// countedHours is the number of hours that are counted at once. If a caller leaves, the next one begins there.
	countedHours = 100
)

// mark describes an hour of a kind.
type mark struct {
	hour    upstream.Time
	stamp   int64
	open    int64 // writes in progress
	slot    int64 // when the last one began or ended
	counted int64 // the stamp of the count that is kept, or 0
}

func (m *mark) valid() bool { return m.open == 0 && m.counted == m.stamp }

// currentSlot returns the slot of the current time. Tests replace it.
var currentSlot = func() int64 { return time.Now().Unix() / slot }

// marks returns the marks of hours in order. Others have no events.
func (s *Store) marks(ctx context.Context, k *kind, w upstream.Window) ([]mark, error) {
	where := " where kind = " + number(k.Kind) + " and hour >= " + number(w.Start) + " and hour < " + number(w.End)
	var m mark
	return collect(ctx, "select hour, sum(opened + closed), sumIf(opened - closed, slot > "+
		number(currentSlot()-deadSlots)+"), max(slot), max(stamp) from ("+
		"select hour, slot, opened, closed, toInt64(0) as stamp from mark"+where+
		" union all "+
		"select hour, toInt64(0) as slot, toInt64(0) as opened, toInt64(0) as closed, stamp from tally"+where+
		") group by hour order by hour", &m, &m.hour, &m.stamp, &m.open, &m.slot, &m.counted)
}

// hourly calls f with a subquery for counts of a kind: the columns are user_id, sender_id, time, total, hard and soft,
// and each row has the events of a sender in an hour, or in a part of one. F may be called several times, and then
// only the last call counts.
func (s *Store) hourly(
	ctx context.Context, k *kind, w upstream.Window, where filter, f func(from string) error,
) error {
	const counts = "(select user_id, sender_id, hour as time, total, hard, soft from "
	whole := upstream.Window{Start: upstream.Hour.Ceil(w.Start), End: upstream.Hour.Floor(w.End)}
	for range 3 {
		if whole.End-whole.Start < minHours*hour || where.events {
			break
		}
		before, err := s.marks(ctx, k, whole)
		if err == nil && s.countable(before) {
			s.count(ctx, k, whole)
			before, err = s.marks(ctx, k, whole)
		}
		if err != nil {
			return err
		}
		rest := []upstream.Window{{Start: w.Start, End: whole.Start}}
		var stale []string
		for _, m := range before {
			if !m.valid() {
				stale = append(stale, number(m.hour))
				rest = append(rest, upstream.Window{Start: m.hour, End: m.hour + hour})
			}
		}
		rest = append(rest, upstream.Window{Start: whole.End, End: w.End})
		kept := filter{where: slices.Clone(where.where)}
		if len(stale) > 0 {
			kept.add("hour not in (" + join(stale) + ")")
		}
		err = f(counts + "(" + keptCounts(k, whole, kept) + " union all " + s.eventCounts(k, rest, where) + "))")
		if err != nil {
			return err
		}
		if after, err := s.marks(ctx, k, whole); err != nil || unchanged(before, after) {
			return err
		}
	}
	return f(counts + "(" + s.eventCounts(k, []upstream.Window{w}, where) + "))")
}

// unchanged reports whether all counts that were valid before still are, and no hour has got its first events.
func unchanged(before, after []mark) bool {
	if len(before) != len(after) {
		return false
	}
	for i, m := range before {
		if m.hour != after[i].hour || m.valid() && after[i] != m {
			return false
		}
	}
	return true
}

// keptCounts selects the counts of hours from the table tally.
func keptCounts(k *kind, w upstream.Window, where filter) string {
	return "select user_id, sender_id, hour, total, hard, soft from tally final " +
		"array join user_id, sender_id, total, hard, soft where " +
		strings.Join(append([]string{"kind = " + number(k.Kind), "hour >= " + number(w.Start),
			"hour < " + number(w.End)}, where.where...), " and ")
}

// eventCounts selects counts by hour from the events in some windows, which are in order, and whole hours but for the
// first and the last.
func (s *Store) eventCounts(k *kind, windows []upstream.Window, where filter) string {
	byType := "toUInt64(0) as hard, toUInt64(0) as soft"
	if k.Kind == upstream.Bounces {
		byType = "countIf(type = 'hard') as hard, countIf(type = 'soft') as soft"
	}
	conditions := append([]string{inAny(windows), "removed = 0"}, where.where...)
	return "select user_id, sender_id, " + bucket(upstream.Hour) + " as hour, count() as total, " + byType + " from " +
		s.from(k) + " where " + strings.Join(conditions, " and ") + " group by user_id, sender_id, hour"
}

// inAny is the condition that events happened in one of the windows of eventCounts.
func inAny(windows []upstream.Window) string {
	var joined []upstream.Window
	for _, w := range windows {
		if n := len(joined); n > 0 && joined[n-1].End == w.Start {
			joined[n-1].End = w.End
		} else if w.Start < w.End {
			joined = append(joined, w)
		}
	}
	if len(joined) == 0 {
		return "0"
	}
	var ranges, hours []string
	for _, w := range joined {
		ranges = append(ranges, within(w))
	}
	if len(ranges) <= maxRanges {
		return "(" + strings.Join(ranges, " or ") + ")"
	}
	for _, w := range joined {
		for h := upstream.Hour.Floor(w.Start); h < w.End; h += hour {
			hours = append(hours, number(h))
		}
	}
	return within(upstream.Window{Start: joined[0].Start, End: joined[len(joined)-1].End}) + " and " +
		bucket(upstream.Hour) + " in (" + join(hours) + ")"
}

// countable reports whether there are hours that can be counted once and for all. Hours that have just passed may get
// more events.
func (s *Store) countable(all []mark) bool {
	return slices.ContainsFunc(all, func(m mark) bool { return s.settled(m) && !m.valid() })
}

func (s *Store) settled(m mark) bool {
	return m.open == 0 && int64(m.hour+2*hour) < time.Now().Unix() &&
		(s.cluster == "" || m.slot < currentSlot()-settleSlots)
}

// count counts the hours that are settled, and keeps the counts. If that fails, they are counted from the events, as
// before, so there is no error.
func (s *Store) count(ctx context.Context, k *kind, w upstream.Window) {
	select {
	case s.counting <- struct{}{}: // others wait, rather than count the same
		defer func() { <-s.counting }()
	case <-ctx.Done():
		return
	}
	all, err := s.marks(ctx, k, w)
	all = slices.DeleteFunc(all, func(m mark) bool { return m.valid() || !s.settled(m) })
	for some := range slices.Chunk(all, countedHours) { // the marks were read before the events are counted
		if err != nil {
			return
		}
		err = s.countHours(ctx, k, some)
	}
}

// hourCount is the count of an hour.
type hourCount struct {
	users, senders    []int64
	total, hard, soft []uint64
}

func (s *Store) countHours(ctx context.Context, k *kind, hours []mark) error {
	var windows []upstream.Window
	counted := map[upstream.Time]*hourCount{}
	for _, m := range hours {
		windows = append(windows, upstream.Window{Start: m.hour, End: m.hour + hour})
		counted[m.hour] = &hourCount{}
	}
	var user, sender int64
	var at upstream.Time
	var total, hard, soft uint64
	err := each(ctx, s.eventCounts(k, windows, filter{}),
		[]any{&user, &sender, &at, &total, &hard, &soft}, func() {
			x := counted[at]
			x.users, x.senders = append(x.users, user), append(x.senders, sender)
			x.total, x.hard, x.soft = append(x.total, total), append(x.hard, hard), append(x.soft, soft)
		})
	if err != nil {
		return err
	}
	return insert(ctx, "tally (kind, hour, stamp, user_id, sender_id, total, hard, soft)", hours,
		func(m *mark) []any {
			x := counted[m.hour]
			return []any{uint8(k.Kind), int64(m.hour), m.stamp, x.users, x.senders, x.total, x.hard, x.soft}
		})
}

// changedHours are the hours, by kind, in which events change.
type changedHours [len(kinds)]map[upstream.Time]bool

func (h *changedHours) add(k *kind, t upstream.Time) {
	if h[k.Kind] == nil {
		h[k.Kind] = map[upstream.Time]bool{}
	}
	h[k.Kind][upstream.Hour.Floor(t)] = true
}

// changing runs f, which changes events of some hours. It marks its beginning and its end. If it fails, the hours are
// counted from the events until the write is dead.
func (s *Store) changing(ctx context.Context, hours changedHours, f func() error) error {
	type change struct {
		kind uint8
		hour upstream.Time
	}
	var all []change
	for i, some := range hours {
		for h := range some {
			all = append(all, change{uint8(i), h})
		}
	}
	put := func(slot, opened, closed int64) error {
		return insert(ctx, "mark (kind, hour, slot, opened, closed)", all, func(c *change) []any {
			return []any{c.kind, int64(c.hour), slot, opened, closed}
		})
	}
	began := currentSlot()
	err := put(began, 1, 0)
	if err == nil {
		err = f()
	}
	if ended := currentSlot(); err == nil && ended != began { // for settled; it may have taken long
		err = put(ended, 1, 1)
	}
	if err == nil {
		err = put(began, 0, 1)
	}
	return err
}
