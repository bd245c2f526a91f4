package rest

import (
	"cmp"
	"context"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"
)

// Retry configures retries. A call is tried again after status 429 or 503, a refused or broken connection, or a timed
// out try, but never after the server has understood and refused it.
//
// Status 202 means that the server is answering an identical request, not that it is in trouble. Such a call is tried
// again until its deadline, with the same backoff, and counts neither as one of Tries nor against Budget.
//
// The zero value of each field stands for its default.
type Retry struct {
	// Tries is the total number of tries per call. 1 disables retries. Default 3.
	Tries int

	// Base and Max bound the wait before the next try: a random time (full jitter) up to Base, doubled for each further
	// try, but at most Max. It is added to the server's Retry-After, if any. Defaults 250 ms and 5 s.
	Base, Max time.Duration

	// Budget is the share of calls that may be retried while many fail, so that retries do not multiply an outage: 0.1
	// allows one retry per ten calls. Reserve is how many retries are saved up while all is well; an empty reserve
	// refills within a minute. Defaults 0.1 and 100: a burst of 100 calls survives one 503 each, and so does every call
	// at a rate of up to 100/60/(1-0.1) = 1.85 calls a second.
	Budget  float64
	Reserve int
}

func (r Retry) withDefaults() Retry {
	return Retry{
		Tries: cmp.Or(r.Tries, 3), Base: cmp.Or(r.Base, 250*time.Millisecond), Max: cmp.Or(r.Max, 5*time.Second),
		Budget: cmp.Or(r.Budget, 0.1), Reserve: cmp.Or(r.Reserve, 100),
	}
}

// backoff returns a random time to wait after the given number of tries.
func (r Retry) backoff(tries int) time.Duration {
	bound := r.Base
	for range tries - 1 {
		if bound >= r.Max {
			break
		}
		bound *= 2
	}
	return rand.N(min(bound, r.Max) + 1)
}

// tally counts how the tries of a call ended.
type tally struct{ failed, duplicates int }

// next decides whether a call is tried again after f, and how long to wait first. took is how long the failed try took.
func (c *Client) next(ctx context.Context, t *tally, f *failure, took time.Duration) (wait time.Duration, again bool) {
	if !f.again || ctx.Err() != nil {
		return 0, false
	}
	left := c.o.CallTimeout
	if deadline, ok := ctx.Deadline(); ok {
		left = time.Until(deadline)
	}
	if f.err.Status == http.StatusAccepted {
		t.duplicates++
		// Leave enough time before the deadline for the last try to be answered.
		left -= max(2*took, min(100*time.Millisecond, c.o.CallTimeout/10))
		wait = f.err.RetryAfter + c.o.Retry.backoff(t.duplicates)
		return min(wait, left), left > f.err.RetryAfter
	}
	t.failed++
	wait = f.err.RetryAfter + c.o.Retry.backoff(t.failed)
	return wait, t.failed < c.o.Retry.Tries && wait < left && c.budget.spend()
}

// budget grants retries: a share of the calls made, on top of a reserve that refills within a minute.
type budget struct {
	share, reserve float64

	mu   sync.Mutex
	left float64
	at   time.Time // when left was last updated
}

func newBudget(r Retry) *budget {
	return &budget{share: r.Budget, reserve: float64(r.Reserve), left: float64(r.Reserve), at: time.Now()}
}

// earn adds one call's share.
func (b *budget) earn() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left = min(b.left+b.share, b.reserve)
}

// spend reports whether one retry is granted.
func (b *budget) spend() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	b.left = min(b.left+b.reserve*now.Sub(b.at).Minutes(), b.reserve)
	b.at = now
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}
