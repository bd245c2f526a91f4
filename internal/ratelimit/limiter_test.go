package ratelimit_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"pgregory.net/rapid"

	"deliverygraph/internal/ratelimit"
)

// A minute's units are available at first. Used units come back steadily, and never exceed the limit.
func TestUnitsComeBackSteadily(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_000_000, 0)
	l := ratelimit.NewLimiter(func() time.Time { return now }, nil)
	status := func(remaining int, reset time.Duration) {
		t.Helper()
		if s := l.Status("a", 60); s != (ratelimit.Status{Limit: 60, Remaining: remaining, Reset: reset}) {
			t.Errorf("%+v, want %d left and %v", s, remaining, reset)
		}
	}
	charge := func(units int, ok bool, wait time.Duration) {
		t.Helper()
		if gotOK, gotWait := l.Charge(t.Context(), "a", 60, units); gotOK != ok || gotWait != wait {
			t.Errorf("charging %d: %v, wait %v; want %v, %v", units, gotOK, gotWait, ok, wait)
		}
	}
	status(60, 0)
	charge(61, false, 0)
	charge(40, true, 0)
	status(20, 40*time.Second)
	charge(21, false, time.Second)
	charge(20, true, 0)
	status(0, time.Minute)
	charge(1, false, time.Second)
	now = now.Add(10 * time.Second)
	status(10, 50*time.Second)
	l.Settle("a", 60, 15)
	status(25, 35*time.Second)
	l.Settle("a", 60, -40)
	status(-15, 75*time.Second)
	charge(1, false, 16*time.Second)
	l.Settle("a", 60, 1000)
	status(60, 0)
	charge(60, true, 0)
	now = now.Add(time.Hour)
	status(60, 0)
	if s := l.Status("b", 60); s.Remaining != 60 {
		t.Errorf("another caller has %d units, want 60", s.Remaining)
	}
}

// In any period, at most the limit for that period plus one minute's units passes, and a caller that waits as
// long as Charge says is admitted.
func TestLimiterNeverExceedsItsRate(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 500).Draw(t, "limit")
		start := time.Unix(1_000_000, 0)
		now := start
		l := ratelimit.NewLimiter(func() time.Time { return now }, nil)
		spent := 0
		for i := range rapid.IntRange(1, 60).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 20_000).Draw(t, fmt.Sprint("pause ", i))) * time.Millisecond)
			units := rapid.IntRange(1, limit).Draw(t, "units")
			ok, wait := l.Charge(t.Context(), "a", limit, units)
			if !ok {
				now = now.Add(wait)
				if ok, wait = l.Charge(t.Context(), "a", limit, units); !ok {
					t.Fatalf("after the wait, Charge still asks to wait %v", wait)
				}
			}
			spent += units
			if most := float64(limit) * (1 + now.Sub(start).Minutes()); float64(spent) > most*1.001+1 {
				t.Fatalf("%d units in %v with a limit of %d", spent, now.Sub(start), limit)
			}
		}
	})
}

// Callers beyond the maximum share one allowance, in bounded memory.
func TestCallersBeyondMaximumShareAnAllowance(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_000_000, 0)
	l := ratelimit.NewLimiter(func() time.Time { return now }, nil)
	refused := 0
	for i := range 100_200 {
		if ok, _ := l.Charge(t.Context(), fmt.Sprint(i), 100, 1); !ok {
			refused++
		}
	}
	if refused != 100 {
		t.Errorf("%d of 200 callers beyond the maximum refused, want 100", refused)
	}
	now = now.Add(time.Minute)
	for i := range 100_000 {
		if ok, _ := l.Charge(t.Context(), fmt.Sprint("new ", i), 100, 100); !ok {
			t.Fatalf("after a minute new caller %d is refused", i)
		}
	}
}

// A new caller costs no more if there are 100,000 others whose accounts cannot be closed yet.
func TestTimeIsIndependentOfNumberOfCallers(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_000_000, 0)
	l := ratelimit.NewLimiter(func() time.Time { return now }, nil)
	for i := range 100_000 {
		l.Charge(t.Context(), fmt.Sprint(i), 100, 99)
	}
	began := time.Now()
	for i := range 20_000 {
		l.Charge(t.Context(), fmt.Sprint("new ", i), 100, 1)
		l.Status(fmt.Sprint("newer ", i), 100)
	}
	if took := time.Since(began); took > 20*time.Second { // checking all others would take a minute
		t.Errorf("40,000 requests took %v", took)
	}
}

// A new caller costs no more after a crowd of others has used its units and gone.
func TestTimeIsIndependentOfFormerCallers(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	newCallers := func(former int) time.Duration {
		l := ratelimit.NewLimiter(func() time.Time { return now }, nil)
		for i := range former {
			l.Charge(t.Context(), fmt.Sprint("former ", i), 100, 1)
		}
		visit := func(n int) time.Duration {
			began := time.Now()
			for i := range n {
				now = now.Add(time.Minute)
				l.Charge(t.Context(), fmt.Sprint("new ", i), 100, 1)
			}
			return time.Since(began)
		}
		visit(former / 4) // closes the former callers' accounts
		return min(visit(1000), visit(1000), visit(1000))
	}
	// With a search through the accounts that are gone, it would be 300 ms more.
	if without, with := newCallers(0), newCallers(30_000); with > 20*without+100*time.Millisecond {
		t.Errorf("1000 new callers take %v, and %v if there were 30,000 others before", without, with)
	}
}

func TestUnnamedCallersAreLimitedByAddress(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		first, then string
		same        bool
	}{
		"one address, two ports":        {"192.0.2.1:1000", "192.0.2.1:2000", true},
		"two addresses":                 {"192.0.2.1:1000", "192.0.2.2:1000", false},
		"IPv4 written as IPv6":          {"192.0.2.1:1000", "[::ffff:192.0.2.1]:1000", true},
		"two IPv4 written as IPv6":      {"[::ffff:192.0.2.1]:1000", "[::ffff:192.0.2.2]:1000", false},
		"one IPv6 network":              {"[2001:db8:1:2::1]:1000", "[2001:db8:1:2:ffff::9]:1000", true},
		"two IPv6 networks":             {"[2001:db8:1:2::1]:1000", "[2001:db8:1:3::1]:1000", false},
		"an IPv6 address with a zone":   {"[fe80::1%eth0]:1000", "[fe80::2%eth1]:1000", true},
		"not an address":                {"@", "@", true},
		"addresses without their ports": {"192.0.2.1", "192.0.2.1", true},
	} {
		l := ratelimit.NewLimiter(time.Now, nil)
		admitted := func(remote string) (ok bool) {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.RemoteAddr = remote
			ratelimit.ByAddress(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				ok, _ = l.Charge(t.Context(), ratelimit.Address(r.Context()), 1, 1)
			})).
				ServeHTTP(httptest.NewRecorder(), r)
			return ok
		}
		if !admitted(c.first) || admitted(c.then) == c.same {
			t.Errorf("%s: want same caller %v", name, c.same)
		}
	}
}

func BenchmarkNewCallerAmong100000(b *testing.B) {
	now := time.Unix(1_000_000, 0)
	l := ratelimit.NewLimiter(func() time.Time { return now }, nil)
	for i := range 100_000 {
		l.Charge(b.Context(), fmt.Sprint(i), 100, 99)
	}
	b.ReportAllocs()
	for b.Loop() {
		l.Charge(b.Context(), "new", 100, 1)
	}
}
