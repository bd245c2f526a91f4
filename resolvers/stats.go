package resolvers

import (
	"context"
	"slices"

	"deliverygraph/graph/model"
	"deliverygraph/resolvers/loaders"
	"deliverygraph/resolvers/operation"
	"deliverygraph/upstream"
)

// Stats answers Query.stats.
func (query) Stats(ctx context.Context, window model.Window, userID, senderID *string) (*model.Stats, error) {
	u, err := key("userId", userID)
	if err != nil {
		return nil, err
	}
	s, err := key("senderId", senderID)
	if err != nil {
		return nil, err
	}
	return statsOf(ctx, window, model.Subject{UserID: u, SenderID: s, Rollup: upstream.ByUser})
}

func statsOf(ctx context.Context, window model.Window, s model.Subject) (*model.Stats, error) {
	w, err := resolve(ctx, window)
	if err != nil {
		return nil, err
	}
	return &model.Stats{Window: w, Subject: s}, nil
}

// tally begins to load the counts of one kind, and returns the function that waits for the subject's tally. All
// subjects of a list share one call, since each picks its own row from the same counts.
func tally(ctx context.Context, s *model.Stats, k upstream.Kind) func() (upstream.Tally, error) {
	counts := loaders.From(ctx).Counts.Begin(ctx, loaders.CountsKey{Kind: k, Query: countQuery(s)})
	return func() (upstream.Tally, error) {
		c, err := counts()
		if err != nil {
			return upstream.Tally{}, err
		}
		return c.Tally(s.Subject.Row), nil
	}
}

func countQuery(s *model.Stats) upstream.CountQuery {
	return upstream.CountQuery{
		Window: s.Window, UserID: s.Subject.UserID, SenderID: s.Subject.SenderID, Rollup: s.Subject.Rollup,
	}
}

// count answers a field of the stats that is a number.
func count(ctx context.Context, s *model.Stats, m *model.Measure) (*int64, error) {
	t, err := tally(ctx, s, m.Kind)()
	if err != nil {
		return nil, err
	}
	return new(m.Of(t)), nil
}

// rate answers a field of the stats that is a rate. Both counts are fetched concurrently.
func rate(ctx context.Context, s *model.Stats, m *model.Measure) (*float64, error) {
	emails, counted := tally(ctx, s, upstream.Emails), tally(ctx, s, m.Kind)
	sent, err := emails()
	if err != nil {
		return nil, err
	}
	t, err := counted()
	if err != nil {
		return nil, err
	}
	return model.Share(m.Of(t), sent.Total), nil
}

func (stats) Sent(ctx context.Context, s *model.Stats) (*int64, error) {
	return count(ctx, s, model.Sent)
}

func (stats) Bounced(ctx context.Context, s *model.Stats) (*int64, error) {
	return count(ctx, s, model.Bounced)
}

func (stats) HardBounced(ctx context.Context, s *model.Stats) (*int64, error) {
	return count(ctx, s, model.HardBounced)
}

func (stats) SoftBounced(ctx context.Context, s *model.Stats) (*int64, error) {
	return count(ctx, s, model.SoftBounced)
}

func (stats) Blocked(ctx context.Context, s *model.Stats) (*int64, error) {
	return count(ctx, s, model.Blocked)
}

func (stats) BounceRate(ctx context.Context, s *model.Stats) (*float64, error) {
	return rate(ctx, s, model.BounceRate)
}

func (stats) HardBounceRate(ctx context.Context, s *model.Stats) (*float64, error) {
	return rate(ctx, s, model.HardBounceRate)
}

func (stats) SoftBounceRate(ctx context.Context, s *model.Stats) (*float64, error) {
	return rate(ctx, s, model.SoftBounceRate)
}

func (stats) BlockedRate(ctx context.Context, s *model.Stats) (*float64, error) {
	return rate(ctx, s, model.BlockedRate)
}

// Series answers Stats.series. The selected kinds are fetched concurrently, and buckets without events are zero.
func (stats) Series(ctx context.Context, s *model.Stats, interval upstream.Interval,
	timeZone *string) ([]*model.StatsPoint, error) {
	b, err := model.NewBuckets(s.Window, interval, timeZone)
	if err != nil {
		return nil, err
	}
	if err := operation.TakePoints(ctx, b.Len); err != nil {
		return nil, err
	}
	kinds := model.KindsOf(selected(ctx)...)
	answers := make([]func() ([]upstream.Series, error), len(kinds))
	for i, k := range kinds {
		answers[i] = loaders.From(ctx).Series.Begin(ctx,
			loaders.CountsKey{Kind: k, Query: countQuery(s).Per(b.Asked)})
	}
	points := b.Points()
	for i, k := range kinds {
		series, err := answers[i]()
		if err != nil {
			return nil, err
		}
		if err := fill(ctx, &b, points, s, k, series); err != nil {
			return nil, err
		}
	}
	return points, nil
}

// fill adds a subject's series of a kind to the points.
func fill(ctx context.Context, b *model.Buckets, points []*model.StatsPoint, s *model.Stats, k upstream.Kind,
	series []upstream.Series) error {
	type split struct {
		bucket int
		part   upstream.Window
		whole  upstream.Tally
	}
	var splits []split
	for _, one := range series {
		if s.Subject.Row != 0 && one.ID != s.Subject.Row {
			continue
		}
		for _, p := range one.Points {
			at, err := b.Index(p.Start)
			if err != nil {
				return err
			}
			points[at].Tallies[k] = points[at].Tallies[k].Add(p.Tally)
			// The last part of the hour may belong to the next day.
			part, ok := b.Head(at + 1)
			if ok && upstream.Hour.Floor(part.Start) == upstream.Hour.Floor(p.Start) && p.Total > 0 {
				i := slices.IndexFunc(splits, func(s split) bool { return s.part == part })
				if i < 0 {
					i = len(splits)
					splits = append(splits, split{bucket: at, part: part})
				}
				splits[i].whole = splits[i].whole.Add(p.Tally)
			}
		}
	}
	tallies, errs := make([]upstream.Tally, len(splits)), make([]error, len(splits))
	upstream.Concurrently(len(splits), func(i int) {
		q := countQuery(s)
		q.Window = splits[i].part
		counts, err := loaders.From(ctx).Counts.One(ctx, loaders.CountsKey{Kind: k, Query: q})
		if errs[i] = err; err == nil {
			tallies[i] = counts.Tally(s.Subject.Row)
		}
	})
	for i, s := range splits {
		if errs[i] != nil {
			return errs[i]
		}
		t := upstream.Tally{ // no more than the hour had when it was counted
			Total: min(tallies[i].Total, s.whole.Total), Soft: min(tallies[i].Soft, s.whole.Soft),
			Hard: min(tallies[i].Hard, s.whole.Hard),
		}
		before, after := &points[s.bucket].Tallies[k], &points[s.bucket+1].Tallies[k]
		*before, *after = before.Add(upstream.Tally{Total: -t.Total, Soft: -t.Soft, Hard: -t.Hard}), after.Add(t)
	}
	return nil
}
