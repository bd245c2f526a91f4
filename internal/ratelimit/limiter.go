// Package ratelimit limits the cost of each caller's operations per minute.
//
// An operation costs one unit, plus one for each upstream call. Its planned cost is charged before it runs, so
// that many expensive operations cannot all pass at the same time. Afterwards it is refunded what it did not
// use: calls that were cached or joined, and calls for rows that the pages did not have. Units are restored
// steadily, up to the limit of one minute (GCRA, the leaky bucket as a meter).
//
// Gateways can share the accounts of their callers in Redis. Each operation then takes one round trip: Admit decides by
// what the gateway knows, Charge asks Redis about the whole cost, and refunds follow with the next operation or soon
// after. While Redis does not answer, each gateway restores units more slowly, by the number of gateways, so that
// together they keep the limit.
//
// Start reading at [Limiter]; redis.go has the accounts in Redis.
package ratelimit

import (
	"context"
	"maps"
	"sync"
	"time"
)

// Limiter keeps the units that callers have used. The time of a request does not depend on the number of callers.
type Limiter struct {
	now    func() time.Time
	shared *Shared // nil if the accounts are of this gateway alone

	mu       sync.Mutex
	accounts map[string]*account // of callers who have used units
	grown    int                 // the most accounts that the map has had: it keeps that size
	debts    map[string]debt     // by caller
	flushing bool                // a flush of the debts is scheduled
	flush    sync.Mutex          // held while debts are reported
}

// account records when a caller will have all its units again. Of a shared account it is what this gateway knows.
type account struct {
	full  time.Time
	alone bool // Redis did not answer last, so this gateway limits the caller to its share
}

// debt is what a caller has used that its shared account does not show yet. It is negative after a refund.
type debt struct{ limit, units int }

const (
	// maxCallers is the number of callers with an account of their own. Further ones share one account. So many
	// callers only occur if callers are distinguished by address.
	maxCallers = 100_000
	// looks is the number of accounts checked when another is added. It is more than one, so that few unneeded
	// accounts remain.
	looks = 16
	// others is the name of the account that callers beyond maxCallers share.
	others = ""
	// flushAfter is how long a debt waits for an operation of the same caller that reports it.
	flushAfter = 100 * time.Millisecond
)

// NewLimiter returns a limiter that uses the clock now. Shared has the accounts that several gateways share; nil keeps
// accounts in this process.
func NewLimiter(now func() time.Time, shared *Shared) *Limiter {
	return &Limiter{now: now, shared: shared, accounts: map[string]*account{}, debts: map[string]debt{}}
}

// Status is what a caller may still use.
type Status struct {
	Limit     int           // units per minute, and the most that accumulate
	Remaining int           // units available; negative if operations used more than planned
	Reset     time.Duration // until all units are available again
}

// Admit takes the first unit of an operation from a caller if it has one, as far as this gateway knows. Otherwise it
// reports false and how long to wait until it will have one.
func (l *Limiter) Admit(caller string, limit int) (ok bool, wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if wait = l.take(caller, limit, 1); wait > 0 {
		return false, wait
	}
	l.owe(caller, limit, 1)
	return true, 0
}

// Charge takes the further units of an operation that [Limiter.Admit] has admitted, if its caller has them. Otherwise
// it reports false and how long to wait until it will have them. The wait is 0 if units exceeds the limit, since it
// then never will.
func (l *Limiter) Charge(ctx context.Context, caller string, limit, units int) (ok bool, wait time.Duration) {
	if units > limit {
		return false, 0
	}
	if l.shared != nil {
		ok, used, err := l.shared.charge(ctx, caller, limit, l.settled(caller)-1, units)
		l.learn(caller, limit, used, err)
		if err == nil && !ok {
			return false, max(1, used+RestoreTime(limit, units)-time.Minute)
		}
		if err == nil {
			return true, 0
		}
	}
	if units == 0 {
		return true, 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	wait = l.take(caller, limit, units)
	return wait <= 0, max(0, wait)
}

// Settle returns units to a caller, or takes more if units is negative, even if the caller does not have them.
func (l *Limiter) Settle(caller string, limit, units int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.open(caller, l.now())
	a.full = a.full.Add(-RestoreTime(limit, units) * l.parts(a.alone))
	l.owe(caller, limit, -units)
}

// Status returns what a caller may still use, as far as this gateway knows.
func (l *Limiter) Status(caller string, limit int) Status {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.accounts[l.name(caller)]
	if a == nil {
		a = &account{}
	}
	parts := l.parts(a.alone)
	used, unit := max(0, a.full.Sub(l.now())), RestoreTime(limit, 1)*parts
	limit = max(1, limit/int(parts))
	return Status{Limit: limit, Remaining: limit - int((used+unit-1)/unit), Reset: used}
}

// take takes units from an account if it has them. Otherwise it returns how long to wait for them. An operation that
// costs more than this gateway's share of the limit passes once all units are available.
func (l *Limiter) take(caller string, limit, units int) (wait time.Duration) {
	now := l.now()
	a := l.open(caller, now)
	cost := RestoreTime(limit, units) * l.parts(a.alone)
	if wait = a.full.Sub(now) + min(0, cost-time.Minute); wait <= 0 {
		a.full = a.full.Add(cost)
	}
	return wait
}

// parts returns into how many parts a caller's limit is divided, one of which this gateway may use up.
func (l *Limiter) parts(alone bool) time.Duration {
	if !alone {
		return 1
	}
	return time.Duration(l.shared.Gateways())
}

// learn records how long a shared account takes to be full, or that Redis did not say so.
func (l *Limiter) learn(caller string, limit int, used time.Duration, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	a := l.open(caller, now)
	if a.alone = err != nil; err == nil {
		a.full = now.Add(used + RestoreTime(limit, l.debts[caller].units))
	}
}

// owe notes units that the caller's shared account does not show yet. The caller must hold mu.
func (l *Limiter) owe(caller string, limit, units int) {
	if l.shared == nil {
		return
	}
	l.debts[caller] = debt{limit, l.debts[caller].units + units}
	if !l.flushing {
		l.flushing = true
		time.AfterFunc(flushAfter, l.Flush)
	}
}

// settled returns the units that a caller owes, for the caller to report them.
func (l *Limiter) settled(caller string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	units := l.debts[caller].units
	delete(l.debts, caller)
	return units
}

// Flush reports all debts to the shared accounts. It happens by itself, some time after a debt arises; a gateway that
// stops calls it for the last ones. Debts that Redis does not take are lost.
func (l *Limiter) Flush() {
	l.flush.Lock()
	defer l.flush.Unlock()
	l.mu.Lock()
	debts := l.debts
	l.debts, l.flushing = map[string]debt{}, false
	l.mu.Unlock()
	if len(debts) > 0 {
		l.shared.settle(debts)
	}
}

// name returns the name of the account for a caller's units.
func (l *Limiter) name(caller string) string {
	if l.accounts[caller] == nil && len(l.accounts) >= maxCallers {
		return others
	}
	return caller
}

// open returns a caller's account for modification.
func (l *Limiter) open(caller string, now time.Time) *account {
	if l.accounts[caller] == nil {
		l.sweep(now)
	}
	name := l.name(caller)
	a := l.accounts[name]
	if a == nil {
		a = &account{}
		l.accounts[name] = a
		l.grown = max(l.grown, len(l.accounts))
	}
	if a.full.Before(now) {
		a.full = now
	}
	return a
}

// sweep closes the accounts of callers who have all their units again, among a few that are picked at random.
func (l *Limiter) sweep(now time.Time) {
	if len(l.accounts) < l.grown/8 { // maps do not shrink, and finding a few accounts in a large empty one takes long
		l.accounts, l.grown = maps.Collect(maps.All(l.accounts)), len(l.accounts)
	}
	looked := 0
	for caller, a := range l.accounts { // begins anywhere
		if looked++; looked > looks {
			return
		}
		if !a.full.After(now) {
			delete(l.accounts, caller)
		}
	}
}

// RestoreTime returns the time that it takes to restore units.
func RestoreTime(limit, units int) time.Duration {
	return max(1, time.Minute/time.Duration(limit)) * time.Duration(units)
}
