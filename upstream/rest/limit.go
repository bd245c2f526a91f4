package rest

import (
	"math"
	"time"
)

// limit adapts how many requests may be under way at once. It falls when the server sheds load or its latency climbs,
// and rises while neither happens and more requests are waiting (additive increase, multiplicative decrease). It has no
// lock; the gate's mutex guards it.
//
// Latency is the time to the first byte, relative to what is usual for the endpoint, because a count over 90 days and a
// catalogue have nothing in common. The usual latency is learnt while few requests are under way. A server that slows
// down under load therefore gets fewer requests while it does. If a server has become slower permanently, it is slow
// even with few requests; the usual latency adapts, and the limit rises again.
type limit struct {
	now      float64
	min, max float64
	few      int       // up to this number under way is few
	lowered  time.Time // requests sent before then do not lower it again

	usual   map[string]*usual // by endpoint
	samples int               // in this round
	strain  float64           // sum of the deviations in this round
	reached bool              // a request waited, or took the last slot, in this round
}

// usual is the usual latency of an endpoint: an exponential moving average of its logarithm.
type usual struct {
	log  float64
	seen int
}

const (
	shedFactor    = 0.7  // multiplies the limit when the server sheds load
	climbFactor   = 0.8  // multiplies the limit when latency has climbed
	climbed       = 2.0  // multiple of the usual latency that lowers the limit, averaged over a round
	steady        = 1.5  // multiple of the usual latency up to which the limit may rise
	roundSamples  = 10   // a round has this many answers, or the limit if that is more
	usualSamples  = 64   // window of the moving average, in answers
	warmUpSamples = 10   // answers of an endpoint before its latency counts
	negligible    = 0.01 // seconds; shorter latencies count as this much
)

func newLimit(least, most int) limit {
	return limit{
		now: float64(most), min: float64(least), max: float64(most), few: max(least, most/4),
		usual: make(map[string]*usual),
	}
}

// slots returns the limit as a number of requests.
func (l *limit) slots() int { return int(l.now) }

// learn updates the limit from a finished trial.
func (l *limit) learn(t *trial, endpoint string, now time.Time) {
	switch t.outcome {
	case shed:
		if !t.sent.Before(l.lowered) {
			l.lower(shedFactor, now)
		}
	case answered:
		l.strain += l.deviation(endpoint, t.firstByte, t.among <= l.few)
		l.samples++
		if l.samples >= roundSamples && l.samples >= l.slots() {
			l.endRound(now)
		}
	}
}

// deviation returns the logarithm of the ratio of a latency to the usual one. If few requests were under way, it also
// updates the usual latency.
func (l *limit) deviation(endpoint string, latency time.Duration, few bool) float64 {
	u := l.usual[endpoint]
	if u == nil {
		u = &usual{}
		l.usual[endpoint] = u
	}
	d := math.Log(max(latency.Seconds(), negligible)) - u.log
	if warmUp := u.seen < warmUpSamples; few || warmUp {
		u.seen++
		u.log += d / float64(min(u.seen, usualSamples))
		if warmUp {
			return 0
		}
	}
	return d
}

// endRound adjusts the limit by the round's results.
func (l *limit) endRound(now time.Time) {
	mean := l.strain / float64(l.samples)
	reached := l.reached
	l.samples, l.strain, l.reached = 0, 0, false
	switch {
	case mean > math.Log(climbed):
		l.lower(climbFactor, now)
	case mean < math.Log(steady) && reached:
		l.now = min(l.max, l.now+1)
	}
}

func (l *limit) lower(factor float64, now time.Time) {
	l.now = max(l.min, l.now*factor)
	l.lowered = now
	l.samples, l.strain, l.reached = 0, 0, false
}
