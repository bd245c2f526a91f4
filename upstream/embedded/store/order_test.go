package store_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// BenchmarkWrite writes emails in several orders, in batches of several sizes.
func BenchmarkWrite(b *testing.B) {
	const emails = 300000
	var all []upstream.Email
	for from := newSample(emails); ; {
		batch, ok := from.next(50000)
		if !ok {
			break
		}
		all = append(all, batch.Emails...)
	}
	byUser := slices.Clone(all)
	slices.SortStableFunc(byUser, func(a, b upstream.Email) int { return int(a.UserID - b.UserID) })
	backwards := slices.Clone(all)
	slices.Reverse(backwards)
	shuffled := slices.Clone(all)
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(all), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	nearly := slices.Clone(all)
	for i := range nearly[50:] {
		if i%5 == 0 {
			nearly[i], nearly[i+50] = nearly[i+50], nearly[i]
		}
	}
	for _, o := range []struct {
		name string
		rows []upstream.Email
	}{{"in order", all}, {"nearly in order", nearly}, {"user by user", byUser}, {"backwards", backwards}, {"shuffled", shuffled}} {
		for _, size := range []int{1, 100, 4000, 20000} {
			rows := o.rows
			if n := size * 300; n < len(rows) {
				rows = rows[:n] // small batches show all in fewer rows
			}
			b.Run(fmt.Sprintf("%s by %d", o.name, size), func(b *testing.B) {
				for b.Loop() {
					s := open(b, "")
					for batch := range slices.Chunk(rows, size) {
						write(b, s, store.Batch{Emails: batch})
					}
				}
				b.ReportMetric(float64(len(rows)*b.N)/b.Elapsed().Seconds(), "rows/s")
			})
		}
	}
}
