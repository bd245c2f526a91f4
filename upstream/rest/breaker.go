package rest

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"

	"deliverygraph/upstream"
)

// Breaker is the policy of the circuit breaker: while the server keeps failing,
// calls fail at once instead of waiting for it, and it is left in peace.
//
// Each call counts by its last try, as a call that succeeds at its second try is no
// reason to stop asking; only a try that timed out counts at once, however the call
// goes on. Failures are tries without an answer of the API: no connection or a broken
// one, a try's timeout, the statuses 408, 429 and 5xx, and answers that are not the
// API's at all (a redirect, another content type, an empty body). Any other answer is
// a success, also 404, 451 and 452, and JSON that breaks the contract: that is a
// matter of one query, and the others need not suffer for it. A 202 is neither: the
// server is busy with an identical request. A try whose callers leave counts for
// nothing, unless their deadline passes when it has had half of the standard time
// (half of Timeout, or of CallTimeout if that is less): that is a timeout.
//
// While it is open, calls fail with [upstream.Unavailable] and the time that
// remains in RetryAfter. Then one single try is let through, and its outcome closes
// the breaker (a 202 does too) or opens it anew. A breaker that has had no such try by
// the time that its failures are older than Window is closed.
//
// The zero value of each field stands for its default.
type Breaker struct {
	// Off leaves the circuit closed for ever.
	Off bool

	// Failures and Share open the breaker: so many failures within Window, if they
	// are at least this share of all that counts. Defaults 10, 0.5 and a minute:
	// long enough for tries that end by Timeout to add up.
	Failures int
	Share    float64
	Window   time.Duration

	// OpenFor is how long the breaker stays open. Default 5 s.
	OpenFor time.Duration
}

func (b Breaker) withDefaults(errs *[]error) Breaker {
	b.Failures = int(orDefault("Breaker.Failures", int64(b.Failures), 10, "such as 10", errs))
	b.Window = time.Duration(orDefault("Breaker.Window", int64(b.Window), int64(time.Minute), "such as 1m", errs))
	b.OpenFor = time.Duration(orDefault("Breaker.OpenFor", int64(b.OpenFor), int64(5*time.Second), "such as 5s", errs))
	if b.Share == 0 {
		b.Share = 0.5
	}
	if !(b.Share > 0 && b.Share <= 1) {
		*errs = append(*errs, wrongOption("Breaker.Share", "must be a share above 0 and up to 1, such as 0.5"))
	}
	return b
}

// breaker is a circuit breaker in two steps: may a try be made, and how it ended.
type breaker struct {
	circuit *gobreaker.TwoStepCircuitBreaker[struct{}] // nil if off
	until   atomic.Int64                               // when it was opened, to last until: Unix nanoseconds
	old     time.Duration                              // from then on: what opened it counts no more
	opened  atomic.Int64                               // how often
}

// newBreaker makes a breaker. onOpen is called when it opens; it must not call
// the breaker.
func newBreaker(o Breaker, logger *slog.Logger, onOpen func(*failure)) *breaker {
	b := &breaker{old: max(o.Window-o.OpenFor, o.OpenFor)}
	if o.Off {
		return b
	}
	b.circuit = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Interval:     o.Window,
		BucketPeriod: max(1, o.Window/10), // so that what is old goes bit by bit
		Timeout:      o.OpenFor,
		ReadyToTrip: func(c gobreaker.Counts) bool {
			return int(c.TotalFailures) >= o.Failures && float64(c.TotalFailures) >= o.Share*float64(c.TotalFailures+c.TotalSuccesses)
		},
		IsExcluded: func(err error) bool { return err == errUntold },
		OnStateChange: func(_ string, from, to gobreaker.State) {
			level := slog.LevelInfo
			if to == gobreaker.StateOpen {
				level = slog.LevelWarn
				b.until.Store(time.Now().Add(o.OpenFor).UnixNano())
				b.opened.Add(1)
				onOpen(b.resting())
			}
			logger.LogAttrs(context.Background(), level, "upstream circuit breaker",
				slog.String("state", to.String()), slog.String("from", from.String()))
		},
	})
	return b
}

var (
	errUntold = errors.New("nothing can be told")
	errFailed = errors.New("the try failed")
)

// state is "closed", "half-open" or "open".
func (b *breaker) state() string {
	if b.circuit == nil {
		return gobreaker.StateClosed.String()
	}
	return b.circuit.State().String()
}

// refuses is why a call fails at once, or nil if the breaker is not open.
func (b *breaker) refuses() *failure {
	if b.circuit != nil && b.circuit.State() == gobreaker.StateOpen {
		return b.resting()
	}
	return nil
}

// allow asks for one try, which may be the probe that closes the breaker or opens it
// anew. The function must be called with the try's verdict.
func (b *breaker) allow() (report func(error), probe bool, f *failure) {
	if b.circuit == nil {
		return func(error) {}, false, nil
	}
	probe = b.circuit.State() == gobreaker.StateHalfOpen
	report, err := b.circuit.Allow()
	if err == nil && probe && time.Since(time.Unix(0, b.until.Load())) >= b.old {
		report(nil) // which closes it
		probe = false
		report, err = b.circuit.Allow()
	}
	switch {
	case err == nil:
		return report, probe, nil
	case errors.Is(err, gobreaker.ErrOpenState):
		return nil, false, b.resting()
	default: // half-open, and another has the probe
		return nil, false, refusal("the metrics API failed repeatedly, and it is being tried whether it is back; try again shortly", probing)
	}
}

// probing is when to come back while the single probe is under way.
const probing = time.Second

func (b *breaker) resting() *failure {
	left := time.Until(time.Unix(0, b.until.Load()))
	return refusal("the metrics API failed repeatedly and is left in peace for a while; try again later", max(left, time.Millisecond))
}

// verdict is what a try's outcome means to the breaker. A probe decides by itself.
func (t *trial) verdict(probe bool) error {
	switch {
	case t.outcome == answered, t.outcome == denied, t.outcome == duplicate && probe:
		return nil
	case t.outcome == untold, t.outcome == duplicate, t.again && !probe:
		return errUntold
	default:
		return errFailed
	}
}

// notBefore is the failure's error, not to be tried again before the refusal of
// another try says so.
func (f *failure) notBefore(refusal *failure) error {
	f.err.RetryAfter = max(f.err.RetryAfter, refusal.err.RetryAfter)
	return f.err
}

// refusal is a try that was not made, on purpose.
func refusal(message string, retryAfter time.Duration) *failure {
	return &failure{err: &upstream.Error{Code: upstream.Unavailable, Message: message, RetryAfter: retryAfter}}
}
