package rest

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"deliverygraph/upstream/embedded"
)

// crowd keeps size calls for different pages going for d, and returns the lowest limit meanwhile.
func crowd(t *testing.T, c *Client, size int, d time.Duration) (lowest int) {
	t.Helper()
	end := time.Now().Add(d)
	var page, low atomic.Int64
	low.Store(1000)
	var wg sync.WaitGroup
	for range size {
		wg.Go(func() {
			for time.Now().Before(end) {
				emails(t.Context(), c, int(page.Add(1)))
				low.Store(min(low.Load(), int64(c.Load().Limit)))
			}
		})
	}
	wg.Wait()
	return int(low.Load())
}

// inProcess returns a client that calls h directly, without connections and without a breaker.
func inProcess(t *testing.T, h http.Handler) *Client {
	return client(t, "http://api.example.com", func(o *Options) {
		o.Transport = embedded.Transport(h)
		o.Breaker.Off, o.Retry.Tries = true, 1
	})
}

// The limit falls when the server slows down or sheds load, and rises again afterwards.
func TestLimitFollowsServer(t *testing.T) {
	for name, test := range map[string]struct {
		trouble http.HandlerFunc
		lasts   time.Duration
		low     int // the limit falls at least this low
	}{
		"latency climbs fourfold":     {taking(400 * time.Millisecond), 10 * time.Second, 4},
		"latency climbs by half":      {taking(140 * time.Millisecond), 10 * time.Second, 16},
		"503":                         {reply(503, ""), time.Second, 2},
		"429":                         {reply(429, ""), time.Second, 2},
		"202":                         {reply(202, ""), time.Second, 16},
		"silence":                     {silent, 90 * time.Second, 2},
		"errors that are not of load": {reply(500, ""), time.Second / 5, 16},
		"answers that say no":         {reply(452, ""), time.Second / 5, 16},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &switched{}
				s.to(taking(100 * time.Millisecond))
				c := inProcess(t, s)
				crowd(t, c, 32, 2*time.Second)
				if l := c.Load(); l.Limit != 16 {
					t.Fatalf("all well: the limit is %d", l.Limit)
				}
				s.to(func(w http.ResponseWriter, r *http.Request) {
					time.Sleep(time.Millisecond)
					test.trouble(w, r)
				})
				if low := crowd(t, c, 32, test.lasts); low > test.low || test.low == 16 && low != 16 {
					t.Errorf("in trouble: the limit falls to %d, want %d", low, test.low)
				}
				s.to(taking(100 * time.Millisecond))
				crowd(t, c, 32, 5*time.Second)
				if l := c.Load(); l.Limit != 16 {
					t.Errorf("all well again: the limit is %d", l.Limit)
				}
			})
		})
	}
}

// If a server becomes slower permanently, whatever the load, the limit rises again.
func TestLimitAdaptsToSlowerServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &switched{}
		s.to(taking(100 * time.Millisecond))
		c := inProcess(t, s)
		crowd(t, c, 32, time.Second)
		s.to(taking(400 * time.Millisecond))
		low := crowd(t, c, 32, 30*time.Second)
		if l := c.Load(); low > 4 || l.Limit != 16 {
			t.Errorf("the limit falls to %d, and is %d half a minute later", low, l.Limit)
		}
	})
}

// For a server that can do four things at once and slows down with each more, the limit settles near four, and the
// server works at full capacity.
func TestLimitFindsServerCapacity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var served, capacity, now atomic.Int64
		capacity.Store(16)
		c := inProcess(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			load := now.Add(1)
			defer now.Add(-1)
			time.Sleep(max(100*time.Millisecond,
				100*time.Millisecond*time.Duration(load)/time.Duration(capacity.Load())))
			served.Add(1)
			reply(200, `[]`)(w, r)
		}))
		crowd(t, c, 32, 10*time.Second)
		capacity.Store(4)
		served.Store(0)
		crowd(t, c, 32, 100*time.Second)
		if l := c.Load(); l.Limit < 4 || l.Limit > 10 {
			t.Errorf("the limit is %d, want 4 to 10", l.Limit)
		}
		if n := served.Load(); n < 100*40*8/10 {
			t.Errorf("%d calls were served, want nearly the 4000 that it can", n)
		}
	})
}

// Each endpoint is compared with its own usual latency: a slow endpoint is no sign of load, and neither are differences
// of a few milliseconds.
func TestSlowEndpointsAreNoSignOfLoad(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := newLimit(2, 16)
		now := time.Unix(0, 0)
		usual := map[string]time.Duration{
			"/emails": 50 * time.Millisecond, "/email/counts": 3 * time.Second,
			"/bounce/categories": 100 * time.Microsecond,
		}
		endpoints := []string{"/emails", "/email/counts", "/bounce/categories"}
		for range 500 {
			e := rapid.SampledFrom(endpoints).Draw(t, "endpoint")
			spread := rapid.Float64Range(0.6, 1.4).Draw(t, "spread")
			if e == "/bounce/categories" {
				spread = rapid.Float64Range(0.1, 50).Draw(t, "spread")
			}
			took := time.Duration(float64(usual[e]) * spread)
			now = now.Add(took)
			l.learn(&trial{outcome: answered, sent: now.Add(-took), firstByte: took, among: 1}, e, now)
			if l.slots() != 16 {
				t.Fatalf("the limit is %d", l.slots())
			}
		}
	})
}

// Many tries that fail together lower the limit once, because those sent before it fell say nothing about the new one.
func TestABurstOfFailuresCountsOnce(t *testing.T) {
	l := newLimit(2, 16)
	sent := time.Unix(1000, 0)
	for i := range 16 {
		l.learn(&trial{outcome: shed, sent: sent}, "/emails", sent.Add(time.Duration(i+1)*time.Second))
	}
	if l.slots() != 11 {
		t.Errorf("the limit is %d, want 11", l.slots())
	}
	l.learn(&trial{outcome: shed, sent: sent.Add(time.Minute)}, "/emails", sent.Add(2*time.Minute))
	if l.slots() != 7 {
		t.Errorf("and after another: %d, want 7", l.slots())
	}
}

// The limit stays within its bounds whatever the outcomes.
func TestLimitStaysWithinBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.IntRange(1, 64).Draw(t, "most")
		least := rapid.IntRange(1, most).Draw(t, "least")
		l := newLimit(least, most)
		now := time.Unix(0, 0)
		for range rapid.IntRange(1, 300).Draw(t, "learnt") {
			o := rapid.SampledFrom([]outcome{answered, answered, answered, duplicate, shed, failed}).Draw(t, "outcome")
			took := time.Duration(rapid.Int64Range(0, int64(time.Minute)).Draw(t, "took"))
			l.reached = true
			now = now.Add(took)
			l.learn(&trial{
				outcome: o, sent: now.Add(-took), firstByte: took, among: rapid.IntRange(1, most).Draw(t, "among"),
			}, "/emails", now)
			if n := l.slots(); n < least || n > most {
				t.Fatalf("the limit is %d, outside %d to %d", n, least, most)
			}
		}
	})
}

// The limit does not rise while few requests need it.
func TestIdleLimitDoesNotRise(t *testing.T) {
	l := newLimit(2, 16)
	now := time.Unix(0, 0)
	l.learn(&trial{outcome: shed, sent: now}, "/emails", now)
	for range 100 {
		l.learn(&trial{outcome: answered, sent: now, firstByte: time.Second, among: 1}, "/emails", now.Add(time.Second))
	}
	if l.slots() != 11 {
		t.Errorf("the limit is %d, want 11", l.slots())
	}
}
