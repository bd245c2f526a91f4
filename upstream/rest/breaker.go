package rest

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"

	"deliverygraph/upstream"
)

// Breaker configures the circuit breaker. While the server keeps failing, calls fail at once instead of waiting for it,
// and no requests are sent.
//
// A call counts by its last try: if the second try succeeds, the server is well enough. A try that times out always
// counts. Failures are tries that the API did not answer: no connection or a broken one, a timeout, status 408, 429 or
// 5xx, or a response that is not the API's (a redirect, another content type, an empty body). Every other response is a
// success, including 404, 451, 452 and JSON that breaks the contract, which concerns only one query. A 202 is neither:
// the server is busy with an identical request. A try whose callers leave is not counted, unless their deadline ends it
// after half of the smaller of Timeout and CallTimeout; that is a timeout.
//
// While the breaker is open, calls fail with [upstream.Unavailable], and RetryAfter says how long it stays open. Then a
// single probe is let through. If it succeeds or is answered 202, the breaker closes; otherwise it opens again. If no
// call probes the server until the failures are older than Window, the breaker closes by itself.
//
// The zero value of each field stands for its default.
type Breaker struct {
	// Off disables the circuit breaker.
	Off bool

	// The breaker opens after Failures failures within Window if they are at least half of all tries counted. Defaults
	// 10 and one minute, which is long enough for tries that end by Timeout to add up.
	Failures int
	Window   time.Duration

	// OpenFor is how long the breaker stays open. Default 5 s.
	OpenFor time.Duration
}

func (b Breaker) withDefaults() Breaker {
	b.Failures = cmp.Or(b.Failures, 10)
	b.Window, b.OpenFor = cmp.Or(b.Window, time.Minute), cmp.Or(b.OpenFor, 5*time.Second)
	return b
}

// breaker asks gobreaker before each try and reports how the try ended.
type breaker struct {
	circuit *gobreaker.TwoStepCircuitBreaker[struct{}] // nil if off
	until   atomic.Int64                               // when the open state ends, in Unix nanoseconds; 0 while closed
	// after until: when the failures that opened it are older than Window
	old     time.Duration
	opened  atomic.Int64 // how often it has opened
	closing sync.Mutex   // held while a call asks permission and the breaker is not closed
}

// newBreaker returns a closed breaker. It calls onOpen when the breaker opens; onOpen must not call the breaker.
func newBreaker(o Breaker, logger *slog.Logger, onOpen func(*failure)) *breaker {
	b := &breaker{old: max(o.Window-o.OpenFor, o.OpenFor)}
	if o.Off {
		return b
	}
	b.circuit = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Interval:     o.Window,
		BucketPeriod: max(1, o.Window/10), // old counts expire gradually
		Timeout:      o.OpenFor,
		ReadyToTrip: func(c gobreaker.Counts) bool {
			return int(c.TotalFailures) >= o.Failures && c.TotalFailures >= c.TotalSuccesses
		},
		IsExcluded: func(err error) bool { return err == errUnknown },
		OnStateChange: func(_ string, from, to gobreaker.State) {
			level := slog.LevelInfo
			if to == gobreaker.StateOpen {
				level = slog.LevelWarn
				b.until.Store(time.Now().Add(o.OpenFor).UnixNano())
				b.opened.Add(1)
				onOpen(b.resting())
			} else if to == gobreaker.StateClosed {
				b.until.Store(0)
			}
			logger.LogAttrs(context.Background(), level, "upstream circuit breaker",
				slog.String("state", to.String()), slog.String("from", from.String()))
		},
	})
	return b
}

var (
	errUnknown = errors.New("the outcome is unknown")
	errFailed  = errors.New("the try failed")
)

// state returns "closed", "half-open" or "open".
func (b *breaker) state() string {
	if b.circuit == nil {
		return gobreaker.StateClosed.String()
	}
	return b.circuit.State().String()
}

// refuses returns the reason to fail a call at once, or nil if the breaker is not open.
func (b *breaker) refuses() *failure {
	if b.until.Load() != 0 && b.circuit.State() == gobreaker.StateOpen {
		return b.resting()
	}
	return nil
}

// allow asks permission for one try, which may be the probe after an open period. The caller must pass the try's
// verdict to report.
func (b *breaker) allow() (report func(error), probe bool, f *failure) {
	if b.circuit == nil {
		return func(error) {}, false, nil
	}
	if b.until.Load() != 0 {
		b.closing.Lock() // so that no other call is refused between Allow and the report that closes the breaker
		defer b.closing.Unlock()
		probe = b.circuit.State() == gobreaker.StateHalfOpen
	}
	report, err := b.circuit.Allow()
	if err == nil && probe && time.Since(time.Unix(0, b.until.Load())) >= b.old {
		report(nil) // closes the breaker
		probe = false
		report, err = b.circuit.Allow()
	}
	switch {
	case err == nil:
		return report, probe, nil
	case errors.Is(err, gobreaker.ErrOpenState):
		return nil, false, b.resting()
	default: // half-open, and another call is the probe
		return nil, false, refusal("the metrics API failed repeatedly, and one call is checking whether it is back; "+
			"try again shortly", probing)
	}
}

// probing is the RetryAfter of calls that are refused while the probe is under way.
const probing = time.Second

func (b *breaker) resting() *failure {
	left := time.Until(time.Unix(0, b.until.Load()))
	return refusal("the metrics API failed repeatedly, so no calls are sent for a while; try again later",
		max(left, time.Millisecond))
}

// verdict translates the outcome of t for the breaker. Unlike other tries, a probe always counts.
func (t *trial) verdict(probe bool) error {
	switch {
	case t.outcome == answered, t.outcome == denied, t.outcome == duplicate && probe:
		return nil
	case t.outcome == unknown, t.outcome == duplicate, t.again && !probe:
		return errUnknown
	default:
		return errFailed
	}
}

// notBefore returns f's error with its RetryAfter raised to that of the refusal.
func (f *failure) notBefore(refusal *failure) error {
	f.err.RetryAfter = max(f.err.RetryAfter, refusal.err.RetryAfter)
	return f.err
}

// refusal returns the failure of a try that was deliberately not made.
func refusal(message string, retryAfter time.Duration) *failure {
	return &failure{err: &upstream.Error{Code: upstream.Unavailable, Message: message, RetryAfter: retryAfter}}
}
