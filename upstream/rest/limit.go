package rest

import (
	"math"
	"time"
)

// limit is how many requests may be under way at once. It falls when the server
// sheds load or its latency climbs, and rises again while neither happens and
// more is asked for (additive increase, multiplicative decrease). It has no lock:
// the gate's guards it.
//
// Latency is the time to the first byte, measured against what is usual for the
// same endpoint, as a ratio: a count over 90 days and a catalogue have nothing
// else in common. What is usual is learnt while few requests are under way, so
// that a server which slows under many is given fewer for as long as it does; while
// of one that has become slower for good even few show that it is not our doing,
// and the limit rises again.
type limit struct {
	now      float64
	min, max float64
	few      int       // so many under way are few
	lowered  time.Time // what was sent before that says nothing new

	usual   map[string]*usual // by endpoint
	samples int               // in this round
	strain  float64           // the sum of their deviations
	reached bool              // somebody waited, or came in last, in this round
}

// usual is an endpoint's usual latency: the mean of its logarithm, recent answers
// weighing more.
type usual struct {
	log  float64
	seen int
}

const (
	shedFactor    = 0.7  // of the limit is left when the server sheds load
	climbFactor   = 0.8  // when latency has climbed
	climbed       = 2.0  // times the usual latency, in the mean of a round
	steady        = 1.5  // times the usual latency: up to that the limit may rise
	roundSamples  = 10   // answers in a round, at least; and at least the limit
	usualSamples  = 64   // answers that make what is usual
	warmUpSamples = 10   // answers of an endpoint before it counts
	negligible    = 0.01 // seconds: a difference below says nothing of load
)

func newLimit(least, most int) limit {
	return limit{now: float64(most), min: float64(least), max: float64(most), few: max(least, most/4), usual: make(map[string]*usual)}
}

// slots is the limit in requests.
func (l *limit) slots() int { return int(l.now) }

// learn is told how a trial of an endpoint has ended.
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

// deviation is the logarithm of a latency's ratio to the usual one. One among few
// makes what is usual.
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

// endRound moves the limit by what the round has shown.
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
