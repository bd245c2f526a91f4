package page

import (
	"context"
	"sync"
)

// lazy is a value that is computed once, by whoever asks first; others wait. A
// failure is kept too, unless the asker had given up: then the next one tries.
type lazy[T any] struct {
	mu    sync.Mutex
	done  bool
	value T
	err   error
}

func (l *lazy[T]) get(ctx context.Context, compute func(context.Context) (T, error)) (T, error) {
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
