package cached_test

import (
	"context"
	"testing"
	"testing/synctest"

	"deliverygraph/upstream"
	"deliverygraph/upstream/cached"
	"deliverygraph/upstream/upstreamtest"
)

type spent struct{}

// If an operation has no calls left, an operation that joined its call makes the call and gets the answer.
func TestAnExhaustedBudgetDoesNotAffectOtherOperations(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		counting := &upstreamtest.Counting{API: upstreamtest.NewModel(upstreamtest.Sample()),
			Before: func(ctx context.Context, _ string) error {
				<-release
				if ctx.Value(spent{}) != nil {
					return &upstream.Error{Code: upstream.Exhausted}
				}
				return nil
			}}
		c, err := cached.New(counting, cached.Options{
			Bytes: 1 << 20, Fresh: cached.DefaultFresh, Settle: cached.DefaultSettle,
			Catalogue: cached.DefaultCatalogue, MaxStale: cached.DefaultMaxStale,
			Now: (upstreamtest.SampleDay + 43200).UTC,
		})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		edge := upstream.CountQuery{
			Window: upstream.Window{Start: upstreamtest.SampleDay, End: upstreamtest.SampleDay + 86400},
		} // of two parts
		ask := func(ctx context.Context) error {
			_, err := upstream.API{Asker: c}.Counts(ctx, upstream.Emails, edge)
			return err
		}
		poor, rich := make(chan error, 1), make(chan error, 3)
		go func() { poor <- ask(context.WithValue(t.Context(), spent{}, true)) }()
		synctest.Wait() // its two calls are under way
		for range cap(rich) {
			go func() { rich <- ask(t.Context()) }()
		}
		synctest.Wait()
		close(release)
		if err := <-poor; upstream.CodeOf(err) != upstream.Exhausted {
			t.Errorf("without a budget: %v", err)
		}
		for range cap(rich) {
			if err := <-rich; err != nil {
				t.Errorf("with one: %v", err)
			}
		}
	})
}
