package graph

import (
	"sync"
	"time"
)

// every calls f after each interval until f returns false or stop is called. stop waits for a call in progress. A timer
// rather than a goroutine drives it, as there may be thousands of these.
func every(interval time.Duration, f func() bool) (stop func()) {
	var mu sync.Mutex
	mu.Lock()
	defer mu.Unlock()
	stopped := false
	var timer *time.Timer
	timer = time.AfterFunc(interval, func() {
		mu.Lock()
		defer mu.Unlock()
		if !stopped && f() {
			timer.Reset(interval)
		}
	})
	return func() {
		timer.Stop()
		mu.Lock()
		defer mu.Unlock()
		stopped = true
	}
}
