package demo

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// deliveredPerBounce keeps the bounce rate of live data near that of the data before it, so that it does not look like
// another incident.
const deliveredPerBounce = 30

// Live continues the data of [Generate] until ctx ends, so that subscribers see new
// events. At each interval it writes an email that bounces like a random one of like,
// and emails that are delivered like random ones of like.
func Live(ctx context.Context, every time.Duration, like store.Batch,
	write func(context.Context, store.Batch) error,
) error {
	delivered := slices.DeleteFunc(slices.Clone(like.Emails), func(e upstream.Email) bool { return !e.Delivered })
	tick := time.NewTicker(every)
	defer tick.Stop()
	for n := 0; len(like.Bounces) > 0; n++ {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			b := again(like.Bounces[rand.IntN(len(like.Bounces))], now, n)
			for i := 0; i < deliveredPerBounce && len(delivered) > 0; i++ {
				e := delivered[rand.IntN(len(delivered))]
				e.ProcessTime = upstream.Time(now.Unix())
				e.EmailID = emailID(e.ProcessTime, 8e11+uint64(n*deliveredPerBounce+i))
				b.Emails = append(b.Emails, e)
			}
			if err := write(ctx, b); err != nil && ctx.Err() == nil {
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
	b.EmailID = emailID(b.ProcessTime, 9e11+uint64(n))
	return store.Batch{
		Emails: []upstream.Email{{
			UserID: b.UserID, SenderID: b.SenderID, EmailID: b.EmailID, ProcessTime: b.ProcessTime,
			EmailAddress: b.EmailAddress, Local: b.Local, Domain: b.Domain, XHeaders: b.XHeaders,
		}},
		Bounces: []upstream.BounceDetail{b},
	}
}
