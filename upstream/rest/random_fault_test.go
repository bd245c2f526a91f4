package rest

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"deliverygraph/upstream"
	"deliverygraph/upstream/upstreamtest/fault"
)

// faulty is a client of a server with faults.
type faulty struct {
	t      *testing.T
	server *fault.Server
	client *Client
	calls  map[string]call
	seen   []Call
	log    bytes.Buffer
}

func newFaulty(t *testing.T, calls map[string]call, change func(*Options)) *faulty {
	s := &faulty{t: t, calls: calls, server: fault.NewServer(healthy())}
	t.Cleanup(s.server.Close)
	s.client = client(t, s.server.URL, func(o *Options) {
		o.MaxBodyBytes = 1 << 20
		o.Observe = func(_ context.Context, c Call) { s.seen = append(s.seen, c) }
		o.Logger = slog.New(slog.NewTextHandler(&s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}, change)
	return s
}

// heals checks that calls succeed again.
func (s *faulty) heals(name string) {
	s.t.Helper()
	if a := s.ask(name); a.err != nil {
		s.t.Errorf("after the fault: %v", a.err)
	}
}

// asked is the result of a call.
type asked struct {
	name  string
	value any
	err   error
	call  Call
}

func (s *faulty) ask(name string) asked {
	s.t.Helper()
	s.seen = nil
	v, err := s.calls[name](s.t.Context(), s.client)
	if len(s.seen) != 1 {
		s.t.Fatalf("%s: observed %+v", name, s.seen)
	}
	return asked{name, v, err, s.seen[0]}
}

// must checks that a is the true answer.
func (a asked) must(t *testing.T, truth asked) {
	t.Helper()
	if a.err != nil || truth.err != nil {
		t.Errorf("%s: %v, and without a fault %v", a.name, a.err, truth.err)
	} else if !reflect.DeepEqual(a.value, truth.value) {
		t.Errorf("%s: not the true answer: %.300s", a.name, fmt.Sprint(a.value))
	}
}

// fails checks the error and that it reveals nothing.
func (a asked) fails(t *testing.T, s *faulty, code upstream.Code, message string) {
	t.Helper()
	if a.err == nil {
		t.Errorf("%s: answered %.300s", a.name, fmt.Sprint(a.value))
		return
	}
	if a.value != nil && !reflect.ValueOf(a.value).IsZero() {
		t.Errorf("%s: an error and an answer: %.300s", a.name, fmt.Sprint(a.value))
	}
	e := public(t, a.err)
	if e.Code != code || !strings.Contains(e.Message, message) {
		t.Errorf("%s: got %s %q, want %s %q", a.name, e.Code, e.Message, code, message)
	}
	for _, secret := range append(secrets(t, s.client), fault.Secret, "internal.example") {
		if strings.Contains(e.Message, secret) || strings.Contains(s.log.String(), secret) {
			t.Errorf("%s: %q or the log gives %q away", a.name, e.Message, secret)
		}
	}
	if strings.Contains(a.err.Error(), testKey) {
		t.Errorf("%s: %q has the key in it", a.name, a.err)
	}
}

// mistyped makes all calls while a field has the wrong type: calls whose answers have the field must fail and name it,
// all others must be right.
func (s *faulty) mistyped(f fault.Fault, field string) {
	hits := 0
	for name := range s.calls {
		truth := s.ask(name)
		s.server.Inject(f)
		got := s.ask(name)
		if got.err != nil {
			hits++
			wanted := field
			switch field {
			case "a code":
				wanted = "row "
			case "data":
				wanted = "is not an"
			}
			got.fails(s.t, s, upstream.InvalidResponse, wanted)
			if got.call.Tries != 1 {
				s.t.Errorf("%s: %d tries", name, got.call.Tries)
			}
		} else {
			got.must(s.t, truth)
		}
		s.server.Heal()
	}
	s.heals("bounces")
	if hits == 0 {
		s.t.Error("no call has such a field")
	}
}

// Under random faults, every answer is right or an error. After the faults, all calls succeed again.
func TestRandomFaults(t *testing.T) {
	var faults []fault.Fault
	for _, f := range fault.All {
		if want := outcomes[f.Name]; !f.Lies && !want.short && !strings.HasPrefix(want.calls, "!") {
			faults = append(faults, f)
		}
	}
	truth := map[string]any{}
	var injected atomic.Int64
	server := fault.NewServer(healthy())
	t.Cleanup(server.Close)
	c := client(t, server.URL, func(o *Options) {
		o.MaxBodyBytes = 1 << 20
		o.CallTimeout = 500 * time.Millisecond // ends calls with a long Retry-After
		o.Breaker.OpenFor = 10 * time.Millisecond
	})
	for name, ask := range few {
		v, err := ask(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		truth[name] = v
	}
	server.Inject(fault.Fault{Wrap: func(next http.Handler) http.Handler {
		return fault.Random(next, 1, 0.3, faults, func(*http.Request, fault.Fault) { injected.Add(1) })
	}})
	var right, failed atomic.Int64
	var wg sync.WaitGroup
	for range 20 {
		for name, ask := range few {
			wg.Go(func() {
				v, err := ask(t.Context(), c)
				switch {
				case err != nil:
					failed.Add(1)
					public(t, err)
				case !reflect.DeepEqual(v, truth[name]):
					t.Errorf("%s: not the true answer: %.300s", name, fmt.Sprint(v))
				default:
					right.Add(1)
				}
			})
		}
		wg.Wait()
	}
	t.Logf("%d faults injected: %d answers right, %d failed", injected.Load(), right.Load(), failed.Load())
	if right.Load() < 50 || failed.Load() < 20 {
		t.Error("too few of either to conclude anything")
	}
	server.Heal()
	for c.Load().Breaker == "open" { // for at most 10 ms
		runtime.Gosched()
	}
	for range 2 {
		for name, ask := range few {
			if v, err := ask(t.Context(), c); err != nil || !reflect.DeepEqual(v, truth[name]) {
				t.Errorf("after the faults, %s: %v", name, err)
			}
		}
	}
	if l := c.Load(); l.UnderWay != 0 || l.Waiting != 0 || l.Breaker != "closed" || len(c.gate.lanes) != 0 {
		t.Errorf("in the end: %+v", l)
	}
}
