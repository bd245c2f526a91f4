package rest

import "context"

// slots limit how many requests are under way at once. A waiting call gets the
// first slot that comes free after those of the calls that waited before it.
type slots chan struct{}

// acquire waits for a slot, or for the context's end.
func (s slots) acquire(ctx context.Context) error {
	select {
	case s <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s slots) release() { <-s }
