package redisanswers_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"deliverygraph/internal/redis/redistest"
	"deliverygraph/upstream"
	"deliverygraph/upstream/upstreamtest"
)

// blocked is an upstream whose calls wait until they are allowed to end.
type blocked struct {
	*upstreamtest.Counting
	began, end chan struct{}
}

func newBlocked(err error) *blocked {
	b := &blocked{sampleAPI(), make(chan struct{}, 100), make(chan struct{})}
	b.Before = func(ctx context.Context, _ string) error {
		b.began <- struct{}{}
		select {
		case <-b.end:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return b
}

// pair is two gateways with one Redis. The upstream of the first is blocked.
type pair struct {
	server        *redistest.Server
	blocked       *blocked
	api           *upstreamtest.Counting // of the second
	first, second gateway
}

func newPair(t *testing.T, failure error) *pair {
	t.Helper()
	p := &pair{server: redistest.Start(t), blocked: newBlocked(failure), api: sampleAPI()}
	p.first, p.second = open(t, p.server.URL(), p.blocked, settings), open(t, p.server.URL(), p.api, settings)
	return p
}

// answer is what a caller of a gateway got.
type answer struct {
	rows any
	err  error
}

// ask asks both gateways the same. While the second waits for the call of the first, it calls end, which ends that
// call; leave makes the caller of the first leave.
func (p *pair) ask(t *testing.T, end func(leave func())) (first, second answer) {
	t.Helper()
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	var asking sync.WaitGroup
	asking.Go(func() { first.rows, first.err = bounces.ask(ctx, p.first.API) })
	<-p.blocked.began
	asking.Go(func() { second.rows, second.err = bounces.ask(t.Context(), p.second.API) })
	waiting(t, p.server, 2)
	end(leave)
	asking.Wait()
	return first, second
}

// A gateway that dies with a lease: its connection is gone, and its call never ends.
func TestDeadLeaseHolderDelaysOthersBriefly(t *testing.T) {
	t.Parallel()
	server, hung, api := redistest.Start(t), newBlocked(nil), sampleAPI()
	dies, lives := openWith(t, server.URL(), hung, settings, time.Second), open(t, server.URL(), api, settings)
	var dead sync.WaitGroup
	dead.Go(func() { _, _ = bounces.ask(t.Context(), dies.API) })
	<-hung.began
	_ = dies.redis.Close()
	rows, err := bounces.ask(t.Context(), lives.API)
	if page := upstream.PageOf(rows); err != nil || page.Len() == 0 {
		t.Errorf("%d rows, %v", page.Len(), err)
	}
	if n := api.Total(); n != 1 {
		t.Errorf("%d calls, want 1", n)
	}
	close(hung.end)
	dead.Wait()
}

// A call that takes longer than the lease keeps it.
func TestLeaseLastsAsLongAsTheCall(t *testing.T) {
	t.Parallel()
	const lease = 4 * time.Second // survives a pause of the test
	server, slow, api := redistest.Start(t), newBlocked(nil), sampleAPI()
	first, second := openWith(t, server.URL(), slow, settings, lease), open(t, server.URL(), api, settings)
	var asking sync.WaitGroup
	asking.Go(func() { _, _ = bounces.ask(t.Context(), first.API) })
	<-slow.began
	asking.Go(func() { _, _ = bounces.ask(t.Context(), second.API) })
	extended(t, server, 3) // the last time when the lease that was taken would have ended
	close(slow.end)
	asking.Wait()
	if n := api.Total(); n != 0 {
		t.Errorf("the second gateway made %d calls", n)
	}
}

// Those who wait get the error of the call; those who come later make another.
func TestErrorsReachThoseWhoWait(t *testing.T) {
	t.Parallel()
	failure := &upstream.Error{
		Code: upstream.Unavailable, Status: 503, RetryAfter: time.Minute, Message: "the server is down",
		Err: errors.New("of 192.0.2.1"),
	}
	p := newPair(t, failure)
	_, second := p.ask(t, func(func()) { close(p.blocked.end) })
	want := *failure
	want.Err = nil
	if got, _ := errors.AsType[*upstream.Error](second.err); got == nil || *got != want {
		t.Errorf("the one who waits got %v, want %v", second.err, &want)
	}
	if n := p.api.Total(); n != 0 {
		t.Errorf("the one who waited made %d calls", n)
	}
	if _, err := bounces.ask(t.Context(), p.second.API); err != nil || p.api.Total() != 1 {
		t.Errorf("later: %v after %d calls, want an answer after 1", err, p.api.Total())
	}
}

// extended waits until the only lease was extended so many times.
func extended(t *testing.T, s *redistest.Server, times int) {
	t.Helper()
	c := s.Client()
	leases := c.Keys(t.Context(), "*:lease").Val()
	if len(leases) != 1 {
		t.Fatalf("the leases are %q", leases)
	}
	for before := time.Duration(0); times > 0; time.Sleep(10 * time.Millisecond) {
		left, err := c.PTTL(t.Context(), leases[0]).Result()
		if err != nil || left < 0 {
			t.Fatalf("%v are left, %v", left, err)
		}
		if before > 0 && left > before {
			times--
		}
		before = left
	}
}

// waiting waits until at least so many callers have tried to take a lease.
func waiting(t *testing.T, s *redistest.Server, callers int) {
	t.Helper()
	c := s.Client()
	for {
		info, err := c.Info(t.Context(), "commandstats").Result()
		if err != nil {
			t.Fatal(err)
		}
		_, after, _ := strings.Cut(info, "cmdstat_evalsha:calls=")
		n := 0
		for _, d := range after {
			if d < '0' || d > '9' {
				break
			}
			n = 10*n + int(d-'0')
		}
		if n > callers+2 { // loading the script takes two calls
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// A call whose time was up while the API answered an equal request of someone else does not fail others.
func TestErrorsAboutDuplicatesAreNotShared(t *testing.T) {
	t.Parallel()
	notShared(t, &upstream.Error{
		Code: upstream.Unavailable, Status: http.StatusAccepted, Message: "the server answers an identical request",
	})
}

// A gateway that makes no call, because its circuit breaker is open or its operation has used up its calls, fails no
// other.
func TestErrorsOfCallsThatWereNotMadeAreNotShared(t *testing.T) {
	t.Parallel()
	notShared(t, &upstream.Error{Code: upstream.Unavailable, Message: "no calls are sent for a while"})
}

// notShared checks that a gateway that waits makes a call of its own if that of another fails.
func notShared(t *testing.T, failure error) {
	t.Helper()
	p := newPair(t, failure)
	_, second := p.ask(t, func(func()) { close(p.blocked.end) })
	if n := p.api.Total(); second.err != nil || n != 1 {
		t.Errorf("%v after %d calls, want an answer after 1", second.err, n)
	}
}

// If the caller leaves whose gateway makes the call, another gateway makes it.
func TestCallersWhoLeaveDoNotFailOthers(t *testing.T) {
	t.Parallel()
	p := newPair(t, nil)
	_, second := p.ask(t, func(leave func()) { leave() })
	if n := p.api.Total(); second.err != nil || n != 1 {
		t.Errorf("%v after %d calls, want an answer after 1", second.err, n)
	}
}

// A Redis whose memory is used up during a call keeps no answer, but the lease ends with the call.
func TestLeaseEndsThoughRedisIsFull(t *testing.T) {
	t.Parallel()
	p := newPair(t, nil)
	first, second := p.ask(t, func(func()) {
		if err := p.server.Client().ConfigSet(t.Context(), "maxmemory", "1").Err(); err != nil {
			t.Error(err)
		}
		close(p.blocked.end)
	})
	for _, got := range []answer{first, second} {
		if got.err != nil || upstream.PageOf(got.rows).Len() == 0 {
			t.Error(got.err)
		}
	}
	if n := p.api.Total(); n != 1 {
		t.Errorf("the second gateway made %d calls, want 1", n)
	}
}

// A gateway that gets its lease too late to learn of it ends it all the same.
func TestLateLeasesEnd(t *testing.T) {
	t.Parallel()
	server, slow, api := redistest.Start(t), newBlocked(nil), sampleAPI()
	first := open(t, "redis://"+server.Addr+"?dial_timeout=20s&read_timeout=300ms", slow, settings)
	second := open(t, server.URL(), api, settings)
	categories.loads(t, second)
	for first.redis.Ping(t.Context()).Err() != nil { // until it is connected
	}
	server.Pause()
	var asking sync.WaitGroup
	asking.Go(func() {
		if _, err := bounces.ask(t.Context(), first.API); err != nil {
			t.Error(err)
		}
	})
	<-slow.began
	server.Resume()
	server.Client().Ping(t.Context()) // the server has run what came before
	close(slow.end)
	asking.Wait()
	if _, err := bounces.ask(t.Context(), second.API); err != nil {
		t.Error(err)
	}
}

// A caller who leaves while Redis gives its gateway the lease holds up no other.
func TestLeasesOfCallersWhoLeftEnd(t *testing.T) {
	t.Parallel()
	server, api := redistest.Start(t), sampleAPI()
	first, second := open(t, server.URL(), api, settings), open(t, server.URL(), api, settings)
	categories.loads(t, first)
	server.Pause()
	ctx, leave := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer leave()
	if _, err := bounces.ask(ctx, first.API); err == nil {
		t.Error("the caller who left got an answer")
	}
	server.Resume()
	if _, err := bounces.ask(t.Context(), second.API); err != nil {
		t.Error(err)
	}
}

// A gateway whose lease was lost does not replace the answer that another has kept since by its error.
func TestErrorsReplaceNoAnswers(t *testing.T) {
	t.Parallel()
	failure := &upstream.Error{Code: upstream.Unavailable, Status: 503, Message: "the server is down"}
	server, fails, api := redistest.Start(t), newBlocked(failure), sampleAPI()
	first, second := open(t, server.URL(), fails, settings), open(t, server.URL(), api, settings)
	var asking sync.WaitGroup
	asking.Go(func() {
		if _, err := bounces.ask(t.Context(), first.API); err == nil {
			t.Error("no error")
		}
	})
	<-fails.began
	c := server.Client()
	if err := c.FlushAll(t.Context()).Err(); err != nil { // as if the lease had ended
		t.Fatal(err)
	}
	if _, err := bounces.ask(t.Context(), second.API); err != nil {
		t.Fatal(err)
	}
	close(fails.end)
	asking.Wait()
	name := c.Keys(t.Context(), "*").Val()[0]
	if value := c.Get(t.Context(), name).Val(); !strings.HasPrefix(value, "a") {
		t.Errorf("%q is kept, want the answer", value)
	}
}

// Redis dies while one gateway asks and others wait, and comes back empty.
func TestRedisMayDieDuringACall(t *testing.T) {
	t.Parallel()
	server, slow, api := redistest.Start(t), newBlocked(nil), sampleAPI()
	const lease = time.Minute // in which a busy machine starts Redis again
	first := openWith(t, server.URL(), slow, settings, lease)
	second := openWith(t, server.URL(), api, settings, lease)
	third := openWith(t, server.URL(), api, settings, lease)
	var asking sync.WaitGroup
	for _, g := range []gateway{first, second, third} {
		asking.Go(func() {
			if rows, err := bounces.ask(t.Context(), g.API); err != nil || upstream.PageOf(rows).Len() == 0 {
				t.Errorf("%v", err)
			}
		})
		if g == first {
			<-slow.began
		}
	}
	waiting(t, server, 3)
	server.Kill()
	server.Restart()
	close(slow.end)
	asking.Wait()
	if n := api.Total(); n > 1 {
		t.Errorf("%d extra calls, want at most 1", n)
	}
}
