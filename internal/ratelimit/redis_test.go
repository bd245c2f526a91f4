package ratelimit_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"deliverygraph/internal/ratelimit"
	"deliverygraph/internal/redis"
	"deliverygraph/internal/redis/redistest"
)

// Units of a caller that gateways use at the same time are those of one account.
func TestGatewaysShareAccounts(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client()
	began := time.Now()
	var gateways []*ratelimit.Limiter
	for range 3 {
		gateways = append(gateways, ratelimit.NewLimiter(time.Now, ratelimit.NewShared(client)))
	}
	const limit, units = 600, 3
	var passed atomic.Int64
	var all sync.WaitGroup
	for i := range 60 {
		all.Go(func() {
			l := gateways[i%3]
			for range 10 {
				if ok, _ := l.Admit("a", limit); !ok {
					continue
				}
				if ok, _ := l.Charge(t.Context(), "a", limit, units-1); ok {
					passed.Add(units)
				}
			}
		})
	}
	all.Wait()
	restored := time.Since(began).Seconds() * limit / 60
	// A refused operation pays its first unit.
	if n := float64(passed.Load()); n > limit+restored || n < limit*0.98-units {
		t.Errorf("%v units passed, want %d, and at most %.1f more", n, limit, restored)
	}
	for i, l := range gateways {
		if ok, _ := l.Admit("a", limit); ok {
			if ok, wait := l.Charge(t.Context(), "a", limit, 500); ok || wait <= 0 || wait > time.Minute {
				t.Errorf("gateway %d: %v, wait %v", i, ok, wait)
			}
		}
		l.Admit("b", limit)
		if ok, _ := l.Charge(t.Context(), "b", limit, limit-1); !ok {
			t.Errorf("gateway %d: another caller is refused", i)
		}
		l.Settle("b", limit, limit)
		l.Flush()
	}
}

// What an operation did not use, or used beyond its plan, counts at all gateways.
func TestRefundsAndDebtsAreShared(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client()
	one := ratelimit.NewLimiter(time.Now, ratelimit.NewShared(client))
	two := ratelimit.NewLimiter(time.Now, ratelimit.NewShared(client))
	const limit = 2 // a unit takes 30 s
	charge := func(l *ratelimit.Limiter, units int) bool {
		t.Helper()
		if ok, _ := l.Admit("a", limit); !ok {
			return false
		}
		ok, _ := l.Charge(t.Context(), "a", limit, units-1)
		return ok
	}
	want := func(what string, got, want bool) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	want("all units", charge(one, 2), true)
	want("none are left", charge(two, 1), false)
	one.Settle("a", limit, 2)
	one.Flush()
	want("after the refund", charge(one, 2), true)
	one.Settle("a", limit, -4) // three times as much as planned
	one.Flush()
	two.Settle("a", limit, 1)
	two.Flush()
	want("owing 3 units", charge(two, 1), false)
	if s := two.Status("a", limit); s.Limit != limit || s.Remaining > -2 {
		t.Errorf("%+v, want 3 units owed", s)
	}
}

// A Redis that answers late charges an operation once.
func TestLateAnswersChargeOnce(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	client, err := redis.Open(redis.Options{URL: "redis://" + server.Addr + "?dial_timeout=20s&read_timeout=300ms"})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	l := ratelimit.NewLimiter(time.Now, ratelimit.NewShared(client))
	const limit = 10 // a unit takes 6 s
	l.Charge(t.Context(), "b", limit, 0)
	for client.PoolStats().IdleConns < 3 { // on which the command could be sent again
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() { client.BLPop(t.Context(), 100*time.Millisecond, "none") })
		}
		all.Wait()
	}
	server.Pause()
	l.Charge(t.Context(), "a", limit, 3)
	server.Resume()
	patient := server.Client()
	for _, key := range patient.Keys(t.Context(), "deliverygraph:rate:*").Val() {
		if left := patient.PTTL(t.Context(), key).Val(); left > 25*time.Second {
			t.Errorf("4 units are restored in %v, want 24s", left)
		}
	}
}

// While Redis is down gateways limit to their shares, and an operation that costs more than a share can still run.
func TestWithoutRedisGatewaysLimitToTheirShares(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	client, err := redis.Open(redis.Options{URL: server.URL()})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	var running []*ratelimit.Shared
	ctx, stop := context.WithCancel(t.Context())
	var announcing sync.WaitGroup
	defer func() { stop(); announcing.Wait() }()
	for i := range 3 {
		s := ratelimit.NewShared(client)
		announcing.Go(func() { s.Announce(ctx) })
		for int(client.ZCard(ctx, "deliverygraph:gateways").Val()) <= i {
			time.Sleep(time.Millisecond)
		}
		running = append(running, s)
	}
	for s := running[2]; s.Gateways() != 3; {
		time.Sleep(time.Millisecond)
	}
	now := time.Unix(1_000_000, 0)
	l := ratelimit.NewLimiter(func() time.Time { return now }, running[2])
	server.Kill()
	const limit = 60
	passed := 0
	for range 100 {
		if ok, _ := l.Admit("a", limit); ok {
			if ok, _ := l.Charge(t.Context(), "a", limit, 1); ok {
				passed++
			}
		}
	}
	if passed != 10 {
		t.Errorf("%d operations of 2 units passed, want 10: a third of 60 units", passed)
	}
	if s := l.Status("a", limit); s.Limit != 20 || s.Remaining != 0 || s.Reset < 57*time.Second {
		t.Errorf("%+v, want 0 of 20", s)
	}
	now = now.Add(3 * time.Second)
	if ok, _ := l.Admit("a", limit); !ok {
		t.Error("a unit is not restored in 3 s")
	}
	l.Charge(t.Context(), "b", limit, 0) // shows that Redis does not answer
	if ok, wait := l.Charge(t.Context(), "b", limit, 40); !ok {
		t.Errorf("an operation of 40 units has to wait %v", wait)
	}
	if ok, wait := l.Charge(t.Context(), "b", limit, 40); ok || wait != 2*time.Minute {
		t.Errorf("the next: %v, wait %v, want 2m0s", ok, wait)
	}
}
