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
// gateways behind one address each have their own. What a request costs it does not
// grow with the number of callers.
type Limiter struct {
	now func() time.Time

	mu    sync.Mutex
	index map[string]int // of accounts, by caller
	// accounts are those of callers who have used a part of their minute, in any order.
	accounts []account
	hand     int // the account that is looked at next, to see whether it can go
}

// account says when a caller will have all of its minute again.
type account struct {
	caller string
	full   time.Time
}

const (
	// maxCallers bounds the callers that are told apart. Those above share one allowance:
	// many are only met where callers are told apart by their addresses.
	maxCallers = 100_000
	// looks is how many accounts are looked at when another is to be added. It is more
	// than one, so that there are never many of callers who have all of their minute.
	looks = 16
)

// NewLimiter makes a limiter over a clock.
func NewLimiter(now func() time.Time) *Limiter {
	return &Limiter{now: now, index: map[string]int{}}
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
	a := l.open(caller, now)
	full := a.full.Add(cost(limit, units))
	if wait = full.Sub(now) - time.Minute; wait > 0 {
		return false, wait
	}
	a.full = full
	return true, 0
}

// Settle gives units back to a caller, or takes more, whether it has them or not.
func (l *Limiter) Settle(caller string, limit, units int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.open(caller, l.now())
	a.full = a.full.Add(-cost(limit, units))
}

// Status tells what a caller may still use.
func (l *Limiter) Status(caller string, limit int) Status {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	used := max(0, l.account(caller).full.Sub(now))
	return Status{Limit: limit, Remaining: limit - int((used+cost(limit, 1)-1)/cost(limit, 1)), Reset: used}
}

// account gives a caller's account as it is. Of callers who have all of their minute
// there need not be any: theirs is zero.
func (l *Limiter) account(caller string) account {
	i, ok := l.index[caller]
	if !ok && len(l.accounts) >= maxCallers {
		i, ok = l.index[others]
	}
	if !ok {
		return account{}
	}
	return l.accounts[i]
}

// others is under what the callers above maxCallers are kept, all together.
const others = ""

// open gives a caller's account to be changed, until the next call.
func (l *Limiter) open(caller string, now time.Time) *account {
	i, ok := l.index[caller]
	if !ok {
		l.sweep(now)
		if len(l.accounts) >= maxCallers {
			caller = others
			i, ok = l.index[caller]
		}
	}
	if !ok {
		i = len(l.accounts)
		l.index[caller] = i
		l.accounts = append(l.accounts, account{caller: caller})
	}
	a := &l.accounts[i]
	if a.full.Before(now) {
		a.full = now
	}
	return a
}

// sweep looks at the next few accounts, and closes those of callers who have all of
// their minute again.
func (l *Limiter) sweep(now time.Time) {
	for range min(looks, len(l.accounts)) {
		if l.hand >= len(l.accounts) {
			l.hand = 0
		}
		closed, last := l.accounts[l.hand], len(l.accounts)-1
		if closed.full.After(now) {
			l.hand++
			continue
		}
		l.accounts[l.hand] = l.accounts[last]
		l.index[l.accounts[l.hand].caller] = l.hand
		l.accounts[last] = account{}
		l.accounts = l.accounts[:last]
		delete(l.index, closed.caller)
	}
}

// cost is the part of a minute that units are.
func cost(limit, units int) time.Duration {
	return max(1, time.Minute/time.Duration(limit)) * time.Duration(units)
}
