// Package ratelimit holds each caller to a cost per minute.
//
// An operation costs one unit, and one more for each upstream call. It is charged what
// its plan says before it runs, so that many dear ones at once cannot slip through
// together, and gets back what it did not use: what was cached, joined, or on pages less
// full than they may be. What a caller has not used comes back steadily, and at most a
// minute's worth is kept (GCRA, the leaky bucket as a meter).
//
// Start reading at [Limiter]; extension.go charges operations, header.go tells callers
// by HTTP.
package ratelimit

import (
	"sync"
	"time"
)

// Limiter knows what callers have used. It is in this process alone: several
// gateways behind one address each have their own.
type Limiter struct {
	now  func() time.Time
	most int

	mu sync.Mutex
	// full is when a caller will have all of its minute again. Who has it already is
	// not kept.
	full map[string]time.Time
}

// maxCallers bounds the callers that are told apart. Those above share one allowance:
// many are only met where callers are told apart by their addresses.
const maxCallers = 100_000

// NewLimiter makes a limiter over a clock.
func NewLimiter(now func() time.Time) *Limiter {
	return &Limiter{now: now, most: maxCallers, full: map[string]time.Time{}}
}

// Status is what a caller may still use.
type Status struct {
	Limit     int           // units a minute, and the most that is kept
	Remaining int           // units at hand; below nothing where more was used than planned
	Reset     time.Duration // until all are at hand again
}

// Charge takes units from a caller, if it has them, and says how long it is until it
// will. Where that is never, since no minute has as many, wait is 0.
func (l *Limiter) Charge(caller string, limit, units int) (ok bool, wait time.Duration) {
	if units > limit {
		return false, 0
	}
	if units == 0 {
		return true, 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	caller, full := l.state(caller, now)
	full = full.Add(cost(limit, units))
	if wait = full.Sub(now) - time.Minute; wait > 0 {
		return false, wait
	}
	l.full[caller] = full
	return true, 0
}

// Settle gives units back to a caller, or takes more, whether it has them or not.
func (l *Limiter) Settle(caller string, limit, units int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	caller, full := l.state(caller, now)
	if full = full.Add(-cost(limit, units)); full.After(now) {
		l.full[caller] = full
	} else {
		delete(l.full, caller)
	}
}

// Status tells what a caller may still use.
func (l *Limiter) Status(caller string, limit int) Status {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	_, full := l.state(caller, now)
	used := full.Sub(now)
	return Status{Limit: limit, Remaining: limit - int((used+cost(limit, 1)-1)/cost(limit, 1)), Reset: used}
}

// state gives when a caller has all again, and under which name that is kept.
func (l *Limiter) state(caller string, now time.Time) (string, time.Time) {
	full, known := l.full[caller]
	if !known && len(l.full) >= l.most {
		for c, t := range l.full {
			if !t.After(now) {
				delete(l.full, c)
			}
		}
		if len(l.full) >= l.most {
			caller = ""
			full = l.full[caller]
		}
	}
	if full.Before(now) {
		full = now
	}
	return caller, full
}

// cost is the part of a minute that units are.
func cost(limit, units int) time.Duration {
	return max(1, time.Minute/time.Duration(limit)) * time.Duration(units)
}
