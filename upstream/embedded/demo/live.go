package demo

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// Live continues the data of [Generate] until ctx ends, so that subscribers see new
// events. At each interval it writes an email that bounces like a random one of like.
func Live(ctx context.Context, every time.Duration, like []upstream.BounceDetail,
	write func(context.Context, store.Batch) error,
) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for n := 0; len(like) > 0; n++ {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			if err := write(ctx, again(like[rand.IntN(len(like))], now, n)); err != nil && ctx.Err() == nil {
				return fmt.Errorf("continue the demo data: %w", err)
			}
		}
	}
	return nil
}

// again returns an email that bounces now as b did.
func again(b upstream.BounceDetail, now time.Time, n int) store.Batch {
	at := upstream.Time(now.Unix())
	b.BounceTime, b.ProcessTime, b.PostbackTime = at, at-1, 0
	b.EmailID = fmt.Sprintf("%s.9%011d@mail6-40-ussnn1", b.ProcessTime.UTC().Format("20060102150405"), n)
	return store.Batch{
		Emails: []upstream.Email{{
			UserID: b.UserID, SenderID: b.SenderID, EmailID: b.EmailID, ProcessTime: b.ProcessTime,
			EmailAddress: b.EmailAddress, Local: b.Local, Domain: b.Domain, XHeaders: b.XHeaders,
		}},
		Bounces: []upstream.BounceDetail{b},
	}
}
