package graph

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// deadline is the context of an operation, which ends with its caller's, when it is
// canceled, or at its time. It is what [context.WithDeadline] gives, made when someone
// first waits for the end: an operation that is answered from memory asks for no timer. Of
// several ends it tells the first that was looked at.
type deadline struct {
	context.Context // the caller's
	at              time.Time

	waited   atomic.Pointer[ending] // once someone waits
	mu       sync.Mutex
	canceled bool
}

var _ context.Context = (*deadline)(nil)

// ending is the context that ends.
type ending struct {
	context.Context
	cancel context.CancelFunc
}

// set makes a zero deadline one of the caller's operation.
func (d *deadline) set(caller context.Context, at time.Time) {
	if earlier, ok := caller.Deadline(); ok && earlier.Before(at) {
		at = earlier
	}
	d.Context, d.at = caller, at
}

// wait gives the context that ends.
func (d *deadline) wait() *ending {
	if e := d.waited.Load(); e != nil {
		return e
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	e := d.waited.Load()
	if e == nil {
		e = &ending{}
		if d.canceled { // before its time, and it stays so
			e.Context, e.cancel = context.WithCancel(context.WithoutCancel(d.Context))
			e.cancel()
		} else {
			e.Context, e.cancel = context.WithDeadline(d.Context, d.at)
		}
		d.waited.Store(e)
	}
	return e
}

// cancel ends the context.
func (d *deadline) cancel() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.canceled = true
	if e := d.waited.Load(); e != nil {
		e.cancel()
	}
}

// over says whether the context has ended.
func (d *deadline) over() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.canceled || d.Context.Err() != nil || !time.Now().Before(d.at)
}

// Deadline implements context.Context.
func (d *deadline) Deadline() (time.Time, bool) { return d.at, true }

// Done implements context.Context.
func (d *deadline) Done() <-chan struct{} { return d.wait().Done() }

// Err implements context.Context.
func (d *deadline) Err() error {
	if d.waited.Load() == nil && !d.over() {
		return nil
	}
	return d.wait().Err()
}

// Value implements context.Context. The context that ends is asked too: by that package
// context knows how it has, and ends contexts below without a goroutine.
func (d *deadline) Value(key any) any {
	if e := d.waited.Load(); e != nil {
		return e.Value(key)
	}
	return d.Context.Value(key)
}
