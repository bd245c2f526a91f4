package telemetry_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"deliverygraph/internal/telemetry"
)

func get(t *testing.T, h http.Handler, method, path string) string {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, path, nil).WithContext(t.Context()))
	return fmt.Sprint(w.Code, " ", w.Body.String())
}

// A gateway is live from start to stop, but ready only between Begin and Drain. The check runs each time, or at most
// once a second.
func TestReadyOnlyBetweenBeginAndDrain(t *testing.T) {
	t.Parallel()
	for _, every := range []time.Duration{0, time.Second} {
		synctest.Test(t, func(t *testing.T) {
			var r telemetry.Readiness
			h := telemetry.AdminHandler(telemetry.AdminOptions{Ready: &r, Metrics: http.NotFoundHandler()})
			wants := func(when, want string) {
				t.Helper()
				for range 3 {
					if got := get(t, h, http.MethodGet, "/readyz"); got != want {
						t.Errorf("every %v, %s: %q, want %q", every, when, got, want)
					}
				}
				if got := get(t, h, http.MethodGet, "/healthz"); got != "200 ok\n" {
					t.Errorf("%s: not live: %q", when, got)
				}
			}
			wants("starting", "503 not ready: starting\n")
			checks, fault := 0, errors.New("no one answers")
			r.Begin(func(context.Context) error { checks++; return fault }, every)
			wants("with a check that fails", "503 not ready: no one answers\n")
			if want := map[time.Duration]int{0: 3, time.Second: 1}[every]; checks != want {
				t.Errorf("every %v: %d checks for three probes", every, checks)
			}
			fault = nil
			if every > 0 {
				wants("within a second", "503 not ready: no one answers\n")
				time.Sleep(every)
			}
			wants("with one that passes", "200 ready\n")
			fault = errors.New("gone")
			time.Sleep(every)
			wants("after it has been ready", "503 not ready: gone\n")
			fault = nil
			time.Sleep(time.Second)
			wants("again", "200 ready\n")
			r.Drain()
			wants("stopping", "503 not ready: stopping: finishing the requests under way\n")
		})
	}
}

// A check that does not end is stopped after two seconds, even if the prober leaves earlier.
func TestCheckIsLimitedToTwoSeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var r telemetry.Readiness
		r.Begin(func(ctx context.Context) error { <-ctx.Done(); return errors.New("no answer") }, 0)
		gone, leave := context.WithCancel(t.Context())
		leave()
		began := time.Now()
		if err := r.Err(gone); err == nil || err.Error() != "no answer" || time.Since(began) != 2*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

// The port serves metrics, and profiles only if enabled. It accepts only GET and HEAD.
func TestHandlerServesProfilesOnlyIfEnabled(t *testing.T) {
	t.Parallel()
	metrics := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "metrics") })
	var r telemetry.Readiness
	for _, profiles := range []bool{true, false} {
		h := telemetry.AdminHandler(telemetry.AdminOptions{Ready: &r, Metrics: metrics, Pprof: profiles})
		if got := get(t, h, http.MethodGet, "/metrics"); got != "200 metrics" {
			t.Error(got)
		}
		if got := get(t, h, http.MethodPost, "/readyz")[:3]; got != "405" {
			t.Errorf("POST: %s", got)
		}
		want := map[bool]string{true: "200", false: "404"}[profiles]
		if got := get(t, h, http.MethodGet, "/debug/pprof/goroutine?debug=1")[:3]; got != want {
			t.Errorf("profiles enabled %v: %s", profiles, got)
		}
		if got := get(t, h, http.MethodGet, "/debug/pprof/cmdline")[:3]; got != "404" {
			t.Errorf("the command line, which may contain keys, is served: %s", got)
		}
	}
}
