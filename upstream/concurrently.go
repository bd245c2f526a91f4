package upstream

import (
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

// width limits the goroutines of one [Concurrently]. The client's own limit of calls is lower.
const width = 256

// Panic is the value that [Concurrently] panics with: that of the first panic of a function, and where it occurred.
type Panic struct {
	Value any
	Stack []byte
}

// Error returns the value and the stack, for logs.
func (p *Panic) Error() string { return fmt.Sprintf("%v\n%s", p.Value, p.Stack) }

// Recovered returns an error for the result of recover, which must not be nil.
func Recovered(v any) *Panic {
	if p, ok := v.(*Panic); ok {
		return p
	}
	return &Panic{v, debug.Stack()}
}

// Concurrently calls f with 0 to n-1 at the same time, and waits for all calls. If some of them panic, it panics with
// the first [*Panic]; then f may not have been called for all.
func Concurrently(n int, f func(i int)) {
	if n == 1 {
		f(0)
		return
	}
	var all struct { // one allocation
		sync.WaitGroup
		started atomic.Int64
		broken  atomic.Pointer[Panic]
	}
	run := func() {
		defer func() {
			if v := recover(); v != nil {
				all.broken.CompareAndSwap(nil, Recovered(v))
			}
		}()
		for i := all.started.Add(1) - 1; i < int64(n); i = all.started.Add(1) - 1 {
			f(int(i))
		}
	}
	for range min(n, width) - 1 {
		all.Go(run)
	}
	run() // the caller would only wait
	all.Wait()
	if p := all.broken.Load(); p != nil {
		panic(p)
	}
}
