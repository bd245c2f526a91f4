// Package ratelimit limits the cost of each caller's operations per minute.
//
// An operation costs one unit, plus one for each upstream call. Its planned cost is charged before it runs, so
// that many expensive operations cannot all pass at the same time. Afterwards it is refunded what it did not
// use: calls that were cached or joined, and calls for rows that the pages did not have. Units are restored
// steadily, up to the limit of one minute (GCRA, the leaky bucket as a meter).
//
// Start reading at [Limiter].
package ratelimit

import (
	"sync"
	"time"
)

// Limiter keeps the units that callers have used. It is local to this process: several gateways behind one
// address limit independently. The time of a request does not depend on the number of callers.
type Limiter struct {
	now func() time.Time

	mu    sync.Mutex
	index map[string]int // index into accounts by caller
	// accounts has the accounts of callers who have used units, in no particular order.
	accounts []account
	hand     int // index of the next account that sweep checks
}

// account records when a caller will have all its units again.
type account struct {
	caller string
	full   time.Time
}

const (
	// maxCallers is the number of callers with an account of their own. Further ones share one account. So many
	// callers only occur if callers are distinguished by address.
	maxCallers = 100_000
	// looks is the number of accounts checked when another is added. It is more than one, so that few unneeded
	// accounts remain.
	looks = 16
)

// NewLimiter returns a limiter that uses the clock now.
func NewLimiter(now func() time.Time) *Limiter {
	return &Limiter{now: now, index: map[string]int{}}
}

// Status is what a caller may still use.
type Status struct {
	Limit     int           // units per minute, and the most that accumulate
	Remaining int           // units available; negative if operations used more than planned
	Reset     time.Duration // until all units are available again
}

// Charge takes units from a caller if it has them. Otherwise it reports false and how long to wait until it
// will have them. The wait is 0 if units exceeds the limit, since it then never will.
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
	full := a.full.Add(RestoreTime(limit, units))
	if wait = full.Sub(now) - time.Minute; wait > 0 {
		return false, wait
	}
	a.full = full
	return true, 0
}

// Settle returns units to a caller, or takes more if units is negative, even if the caller does not have them.
func (l *Limiter) Settle(caller string, limit, units int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.open(caller, l.now())
	a.full = a.full.Add(-RestoreTime(limit, units))
}

// Status returns what a caller may still use.
func (l *Limiter) Status(caller string, limit int) Status {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	used := max(0, l.account(caller).full.Sub(now))
	return Status{
		Limit: limit, Remaining: limit - int((used+RestoreTime(limit, 1)-1)/RestoreTime(limit, 1)), Reset: used,
	}
}

// account returns a caller's account. The zero account stands for all units.
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

// others is the name of the account shared by callers beyond maxCallers.
const others = ""

// open returns a caller's account for modification. The pointer is valid until the next call of open.
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

// sweep checks the next few accounts, and closes those of callers who have all their units again.
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

// RestoreTime returns the time that it takes to restore units.
func RestoreTime(limit, units int) time.Duration {
	return max(1, time.Minute/time.Duration(limit)) * time.Duration(units)
}
