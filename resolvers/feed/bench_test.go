package feed_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"deliverygraph/resolvers/feed"
	"deliverygraph/upstream"
)

// BenchmarkSubscribers measures the delivery of a bounce to many subscribers of one filter, from its appearance
// upstream until the last of them has it, without the 100 ms between polls. It reports the time per subscriber,
// and the memory that a waiting subscriber takes.
func BenchmarkSubscribers(b *testing.B) {
	for _, n := range []int{1, 100, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			w := newWorld()
			f := w.feed(feed.Options{PerCaller: n, Subscribers: n, Interval: 100 * time.Millisecond})
			defer f.Close()
			before := inUse()
			got := make(chan error)
			for range n {
				s, err := f.Subscribe(b.Context(), upstream.ListQuery{}, nil)
				if err != nil {
					b.Fatal(err)
				}
				defer s.Close()
				go func() {
					for {
						_, err := s.Next(context.Background())
						got <- err
						if err != nil {
							return
						}
					}
				}()
			}
			each := float64(inUse()-before) / float64(n)
			var busy time.Duration
			for b.Loop() {
				w.appear(20, 1, 0)
				var first time.Time
				for i := range n {
					if err := <-got; err != nil {
						b.Fatal(err)
					}
					if i == 0 {
						first = time.Now()
					}
				}
				busy += time.Since(first)
			}
			b.ReportMetric(float64(busy.Nanoseconds())/float64(b.N)/float64(n), "ns/subscriber")
			b.ReportMetric(each, "B/subscriber")
			b.StopTimer()
			f.Close()
			for range n {
				<-got
			}
		})
	}
}

func inUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}
