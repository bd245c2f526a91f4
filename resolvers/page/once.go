package page

import (
	"context"
	"sync"
)

// once computes a value once, on the first call of get; concurrent callers wait. An error is kept too, unless
// the caller's context had ended: the next call then tries again.
type once[T any] struct {
	mu    sync.Mutex
	done  bool
	value T
	err   error
}

func (l *once[T]) get(ctx context.Context, compute func(context.Context) (T, error)) (T, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.done {
		v, err := compute(ctx)
		if err != nil && ctx.Err() != nil {
			return v, err
		}
		l.value, l.err, l.done = v, err, true
	}
	return l.value, l.err
}
