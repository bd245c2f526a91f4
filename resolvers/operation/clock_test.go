package operation_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"deliverygraph/resolvers/operation"
	"deliverygraph/upstream"
)

// slow answers catalogues after a delay.
type slow struct{ categories, reasons time.Duration }

var errDown = errors.New("it is down")

func (s slow) Ask(_ context.Context, q *upstream.Question) (any, error) {
	if q.Kind != upstream.Bounces {
		time.Sleep(s.reasons)
		return nil, errDown
	}
	time.Sleep(s.categories)
	return nil, nil
}

// Concurrent calls count once, and time between calls does not count. A running clock can be read.
func TestClockMeasuresWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := upstream.API{
			Asker: upstream.Around(slow{categories: 3 * time.Second, reasons: 5 * time.Second}, operation.Measure(nil)),
		}
		ctx := operation.New(t.Context(), operation.Options{})
		var wg sync.WaitGroup
		wg.Go(func() { _, _ = api.BounceCategories(ctx) })
		wg.Go(func() {
			if _, err := api.BlockedReasons(ctx); !errors.Is(err, errDown) {
				t.Error(err)
			}
		})
		wg.Go(func() {
			time.Sleep(time.Second)
			if waited, asked := operation.Waited(ctx); waited != time.Second || asked != 2 {
				t.Errorf("%v of %d calls, want 1s of 2", waited, asked)
			}
		})
		wg.Wait()
		time.Sleep(time.Hour)
		_, _ = api.BounceCategories(ctx)
		if waited, asked := operation.Waited(ctx); waited != 8*time.Second || asked != 3 {
			t.Errorf("%v of %d calls, want 8s of 3", waited, asked)
		}
		if _, err := api.BounceCategories(t.Context()); err != nil { // there is no clock
			t.Error(err)
		}
	})
}

// Around learns each call's endpoint and error, and sets its context.
func TestAroundWrapsCalls(t *testing.T) {
	type key struct{}
	var ended []string
	layer := operation.Measure(func(ctx context.Context, endpoint string) (context.Context, func(error)) {
		return context.WithValue(ctx, key{}, endpoint), func(err error) {
			if !errors.Is(err, errDown) {
				t.Errorf("%s ended with %v", endpoint, err)
			}
			ended = append(ended, endpoint)
		}
	})
	api := upstream.API{Asker: upstream.Around(seen{key{}}, layer)}
	_, _ = api.BounceCategories(t.Context())
	_, _ = api.Bounce(t.Context(), upstream.BounceKey{UserID: 21})
	want := []string{"/bounce/categories", "/bounce/{user_id}/{sender_id}/{bounce_time}/{email_id}"}
	if !slices.Equal(ended, want) {
		t.Errorf("%q, want %q", ended, want)
	}
}

// seen panics unless a call has the context that around returned.
type seen struct{ key any }

func (s seen) Ask(ctx context.Context, _ *upstream.Question) (any, error) {
	_ = ctx.Value(s.key).(string)
	return nil, errDown
}
