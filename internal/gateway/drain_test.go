package gateway

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"deliverygraph/graph"
	"deliverygraph/internal/telemetry"
)

// A gateway that is stopping reports at once that it is not ready, serves on for the drain delay, lets requests in
// progress finish, and cuts off what takes longer than the drain time.
func TestStopDrainsRequests(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		takes    time.Duration // a request that begins just before the end of the delay
		answered bool
		least    time.Duration // minimum duration of the stop
		most     time.Duration
	}{
		"nothing is under way":         {0, true, 5 * time.Second, 6 * time.Second},
		"what is under way finishes":   {4 * time.Second, true, 8 * time.Second, 10 * time.Second},
		"what takes too long is ended": {time.Hour, false, 15 * time.Second, 15 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				g := &gateway{
					c:      &serveCommand{DrainDelay: 5 * time.Second, DrainTime: 10 * time.Second},
					logger: slog.New(slog.NewJSONHandler(&log, nil)),
				}
				g.ready.Begin(func(context.Context) error { return nil }, 0)
				public := make(pipes)
				s := newServer(public, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					takes, _ := time.ParseDuration(r.URL.Query().Get("takes"))
					select {
					case <-time.After(takes):
						_, _ = io.WriteString(w, "answered")
					case <-r.Context().Done():
					}
				}))
				caller := public.client()
				caller.Transport.(*http.Transport).DisableKeepAlives = true
				ask := func(takes time.Duration) bool {
					resp, err := caller.Get("http://gateway.example.com/?takes=" + takes.String())
					if err != nil {
						return false
					}
					defer resp.Body.Close()
					text, err := io.ReadAll(resp.Body)
					return err == nil && string(text) == "answered"
				}
				probe := func() string { return readyz(t, &g.ready) }

				ctx, stop := context.WithCancel(t.Context())
				stopped := make(chan error, 1)
				go func() { stopped <- g.serve(ctx, []*server{s}, graph.NewStreams(1)) }()
				if got := probe(); got != "ready\n" || !ask(0) {
					t.Fatalf("before the stop: %q", got)
				}
				stop()
				stopping := time.Now()
				synctest.Wait()
				if got := probe(); got != "not ready: stopping: finishing the requests under way\n" {
					t.Errorf("while it stops: %q", got)
				}
				if !ask(0) {
					t.Error("it no longer answers, within the drain delay")
				}
				time.Sleep(4 * time.Second) // on the bubble's clock
				if got := ask(c.takes); got != c.answered {
					t.Errorf("the response to the request in progress: %v", got)
				}
				if err := <-stopped; err != nil {
					t.Error(err)
				}
				if took := time.Since(stopping); took < c.least || took > c.most {
					t.Errorf("it stopped after %v, want %v to %v", took, c.least, c.most)
				}
				if want := `"drain_delay":"5s","drain_time":"10s"`; !strings.Contains(log.String(), want) {
					t.Errorf("the log lacks %s:\n%s", want, log.String())
				}
			})
		})
	}
}

// readyz returns the response to probes.
func readyz(t *testing.T, r *telemetry.Readiness) string {
	t.Helper()
	w := &response{header: http.Header{}}
	q, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "/readyz", nil)
	telemetry.AdminHandler(telemetry.AdminOptions{Ready: r, Metrics: http.NotFoundHandler()}).ServeHTTP(w, q)
	return w.String()
}

// At a stop all ports refuse new connections at once, while requests in progress on each of them finish.
func TestAllPortsCloseAtOnce(t *testing.T) {
	t.Parallel()
	g := &gateway{c: &serveCommand{DrainTime: time.Minute}, logger: slog.New(slog.DiscardHandler)}
	started, finish := make(chan bool), make(chan bool)
	h := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { started <- true; <-finish })
	var servers []*server
	for range 3 {
		l, err := listen("listen", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		servers = append(servers, newServer(l, h))
	}
	ctx, stop := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() { stopped <- g.serve(ctx, servers, graph.NewStreams(1)) }()
	answers := make(chan error, len(servers))
	for _, s := range servers {
		go func() {
			resp, err := http.Get("http://" + s.listener.Addr().String())
			if err == nil {
				err = resp.Body.Close()
			}
			answers <- err
		}()
		<-started
	}
	stop()
	for _, s := range servers {
		for began := time.Now(); ; {
			c, err := net.Dial("tcp", s.listener.Addr().String())
			if err != nil {
				break
			}
			_ = c.Close()
			if time.Since(began) > 10*time.Second {
				t.Fatalf("%v still accepts connections", s.listener.Addr())
			}
		}
	}
	close(finish)
	for range servers {
		if err := <-answers; err != nil {
			t.Errorf("a request in progress: %v", err)
		}
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}
