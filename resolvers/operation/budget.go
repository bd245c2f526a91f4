package operation

import (
	"context"
	"fmt"
	"math"

	"deliverygraph/upstream"
)

// Budget is a layer that limits the calls of each operation to Options.MaxCalls. It belongs directly before the client,
// behind the cache, so that cached answers are free. Calls beyond the limit fail with [upstream.Exhausted].
func Budget(ctx context.Context, q *upstream.Question, next upstream.Asker) (any, error) {
	if err := spend(ctx); err != nil {
		return nil, err
	}
	return next.Ask(ctx, q)
}

// spend takes a call from the budget of ctx's operation.
func spend(ctx context.Context) error {
	op := From(ctx)
	if op == nil {
		return nil
	}
	op.mu.Lock()
	defer op.mu.Unlock()
	if op.o.MaxCalls > 0 && op.calls >= op.o.MaxCalls {
		return &upstream.Error{Code: upstream.Exhausted, Message: fmt.Sprintf(
			"this is missing because the operation has used up its %d upstream calls: ask for fewer rows at once "+
				"(first), "+
				"for fewer lists in lists, or for fewer bounces with their detail", op.o.MaxCalls)}
	}
	op.calls++
	return nil
}

// Spare takes one of the calls that ctx's operation may make beyond those that it plans. It returns false if none is
// left. The cache, which may make two calls of one in order to keep the answer to the first, then makes only one.
func Spare(ctx context.Context) bool {
	op := From(ctx)
	if op == nil || op.o.MaxCalls <= 0 {
		return true
	}
	op.mu.Lock()
	defer op.mu.Unlock()
	if op.spared >= op.o.MaxCalls-op.o.Planned || op.calls+2 > op.o.MaxCalls {
		return false
	}
	op.spared++
	return true
}

// MaxPoints limits the points of all series and breakdowns of an operation. They take memory, but hardly any calls: one
// call answers the series of all senders, under any number of aliases.
const MaxPoints = 500_000

// TakePoints counts points, before they are made, towards [MaxPoints] of ctx's operation.
func TakePoints(ctx context.Context, n int) error {
	op := From(ctx)
	if op == nil || op.points.Add(int64(n)) <= MaxPoints {
		return nil
	}
	return &upstream.Error{Code: upstream.Exhausted, Message: fmt.Sprintf(
		"this is missing because the series and breakdowns of the operation have more than %d points: use a longer "+
			"interval or a shorter window, or select fewer of them at once", MaxPoints)}
}

// Left returns how many calls ctx's operation may still make.
func Left(ctx context.Context) int {
	op := From(ctx)
	if op == nil || op.o.MaxCalls <= 0 {
		return math.MaxInt
	}
	op.mu.Lock()
	defer op.mu.Unlock()
	return max(0, op.o.MaxCalls-op.calls)
}
