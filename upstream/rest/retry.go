package rest

import (
	"math/rand/v2"
	"sync"
	"time"
)

// Retry is the policy of trying again: after the statuses 202, 429 and 503, after
// a connection that was refused or broke, and after a single try's timeout. What
// the server has understood and refused is never tried again.
//
// The zero value of each field stands for its default.
type Retry struct {
	// Tries is how often a call is tried in all. 1 never tries again. Default 3.
	Tries int

	// Base and Max bound the wait before the next try: a random time (full jitter)
	// up to Base, doubled for each further try, and never above Max. Defaults
	// 250 ms and 5 s. A server's Retry-After comes first, and the wait follows it.
	Base, Max time.Duration

	// Budget is the share of calls that may be tried again while many fail, so that
	// an outage is not multiplied: 0.1 is one further try in ten calls. Reserve is
	// how many further tries are saved up while all is well; one more is granted
	// each second. Defaults 0.1 and 20.
	Budget  float64
	Reserve int
}

func (r Retry) withDefaults(errs *[]error) Retry {
	r.Tries = int(orDefault("Retry.Tries", int64(r.Tries), 3, "such as 3", errs))
	r.Base = time.Duration(orDefault("Retry.Base", int64(r.Base), int64(250*time.Millisecond), "such as 250ms", errs))
	r.Max = time.Duration(orDefault("Retry.Max", int64(r.Max), int64(5*time.Second), "such as 5s", errs))
	r.Reserve = int(orDefault("Retry.Reserve", int64(r.Reserve), 20, "such as 20", errs))
	if r.Budget == 0 {
		r.Budget = 0.1
	}
	if !(r.Budget > 0 && r.Budget <= 1) {
		*errs = append(*errs, wrongOption("Retry.Budget", "must be a share above 0 and up to 1, such as 0.1"))
	}
	return r
}

// wait is how long to wait after the given number of failed tries, the last of
// which was told to come back after so long; false: try no more. It does not
// know the caller's deadline.
func (r Retry) wait(tries int, after time.Duration) (time.Duration, bool) {
	if tries >= r.Tries {
		return 0, false
	}
	bound := r.Base
	for range tries - 1 {
		if bound >= r.Max {
			break
		}
		bound *= 2
	}
	return after + rand.N(min(bound, r.Max)+1), true
}

// budget grants further tries: a share of the calls made, on top of a reserve
// that fills up again.
type budget struct {
	share, reserve float64

	mu   sync.Mutex
	left float64
	at   time.Time // when left was last brought up to date
}

func newBudget(r Retry) *budget {
	return &budget{share: r.Budget, reserve: float64(r.Reserve), left: float64(r.Reserve), at: time.Now()}
}

// earn is told of each call.
func (b *budget) earn() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left = min(b.left+b.share, b.reserve)
}

// spend says whether one further try is granted.
func (b *budget) spend() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	b.left = min(b.left+now.Sub(b.at).Seconds(), b.reserve)
	b.at = now
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}
