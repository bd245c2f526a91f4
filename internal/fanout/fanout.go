// Package fanout runs a function for several elements side by side. It hides what is easily forgotten there: a bound,
// and that a panic on a goroutine of one's own would end the program. Start reading at [Each].
package fanout

import (
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

// width is the most that one Each runs at once. It bounds goroutines; how many calls
// go upstream at once is the upstream client's own limit, which is lower.
const width = 256

// Panic is the value that [Each] panics with: that of the first panic of a function, and where that was.
type Panic struct {
	Value any
	Stack []byte
}

// Error gives the value and the stack, for logs.
func (p *Panic) Error() string { return fmt.Sprintf("%v\n%s", p.Value, p.Stack) }

// Recovered makes an error of what recover gave, which is not nil.
func Recovered(v any) *Panic {
	if p, ok := v.(*Panic); ok {
		return p
	}
	return &Panic{v, debug.Stack()}
}

// Each runs f for 0 to n-1 side by side and waits for all. If some of them panic,
// Each panics with the first as a [*Panic]; then f may not have run for all.
func Each(n int, f func(i int)) {
	if n == 1 {
		f(0)
		return
	}
	var wg sync.WaitGroup
	var started atomic.Int64
	var broken atomic.Pointer[Panic]
	run := func() {
		defer func() {
			if v := recover(); v != nil {
				broken.CompareAndSwap(nil, Recovered(v))
			}
		}()
		for i := started.Add(1) - 1; i < int64(n); i = started.Add(1) - 1 {
			f(int(i))
		}
	}
	for range min(n, width) - 1 {
		wg.Go(run)
	}
	run() // the caller would only wait
	wg.Wait()
	if p := broken.Load(); p != nil {
		panic(p)
	}
}
