package demo

import (
	"context"
	"fmt"
	"math/rand/v2"
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
	var bounced, delivered []store.Event
	like.Events(func(k upstream.Kind, e store.Event) {
		switch {
		case k == upstream.Bounces:
			bounced = append(bounced, e)
		case e.Delivered:
			delivered = append(delivered, e)
		}
	})
	tick := time.NewTicker(every)
	defer tick.Stop()
	for n := uint64(0); len(bounced) > 0; n++ {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			at := upstream.Time(now.Unix())
			var b store.Batch
			e := bounced[rand.IntN(len(bounced))]
			e.Time, e.ProcessTime, e.PostbackTime = at, at-1, 0
			e.EmailID = emailID(e.ProcessTime, 9e11+n)
			b.Add(upstream.Bounces, e)
			e.Time = e.ProcessTime
			b.Add(upstream.Emails, e)
			for i := uint64(0); i < deliveredPerBounce && len(delivered) > 0; i++ {
				e := delivered[rand.IntN(len(delivered))]
				e.Time, e.EmailID = at, emailID(at, 8e11+n*deliveredPerBounce+i)
				b.Add(upstream.Emails, e)
			}
			if err := write(ctx, b); err != nil && ctx.Err() == nil {
				return fmt.Errorf("continue the demo data: %w", err)
			}
		}
	}
	return nil
}
