package cached

import (
	"context"
	"testing"

	"deliverygraph/upstream"
)

// hits returns questions whose answers are in memory.
func hits(t testing.TB) map[string]func() error {
	t.Helper()
	a := open(t, sampleModel(), sealing)
	ctx := context.Background()
	day := upstream.Window{Start: 1479772800, End: 1479859200}
	bounces, err := a.Bounces(ctx, upstream.ListQuery{Window: everything})
	if err != nil || len(bounces) == 0 {
		t.Fatal(len(bounces), err)
	}
	asks := map[string]func() error{
		"page": func() error {
			_, err := a.Bounces(ctx, upstream.ListQuery{Window: day, UserID: 21})
			return err
		},
		"counts": func() error {
			_, err := a.Counts(ctx, upstream.Bounces, upstream.CountQuery{Window: day, UserID: 21})
			return err
		},
		"detail": func() error {
			_, err := a.Bounce(ctx, bounces[0].Key())
			return err
		},
		"catalogue": func() error {
			_, err := a.BounceCategories(ctx)
			return err
		},
	}
	for name, ask := range asks {
		if err := ask(); err != nil {
			t.Fatal(name, err)
		}
	}
	return asks
}

func BenchmarkHit(b *testing.B) {
	for name, ask := range hits(b) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := ask(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
