package rest

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	neturl "net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"deliverygraph/internal/web"
	"deliverygraph/upstream"
)

// secure starts a TLS server and writes its certificate to a file.
func secure(t *testing.T, h http.Handler, change func(*httptest.Server)) (url, ca string) {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	if change != nil {
		change(s)
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	ca = filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	if err := os.WriteFile(ca, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return s.URL, ca
}

// The authorities in CAFile are trusted, and HTTP/2 is used if the server offers it.
func TestCAFileIsTrusted(t *testing.T) {
	var proto atomic.Value
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		proto.Store(r.Proto)
		reply(200, codes)(w, r)
	})
	for want, change := range map[string]func(*httptest.Server){
		"HTTP/1.1": nil,
		"HTTP/2.0": func(s *httptest.Server) { s.EnableHTTP2 = true },
	} {
		url, ca := secure(t, h, change)
		c := client(t, url, func(o *Options) { o.CAFile = ca })
		if _, err := c.BlockedReasons(t.Context()); err != nil || proto.Load() != want {
			t.Errorf("%v over %v, want %s", err, proto.Load(), want)
		}
	}
}

// With CAFile, other certificates are not trusted. TLS before 1.2 is refused.
func TestUntrustedOrOldTLSIsRefused(t *testing.T) {
	h := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a request got through") })
	url, _ := secure(t, h, nil)
	old, oldCA := secure(t, h, func(s *httptest.Server) {
		s.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	})
	for name, test := range map[string]struct{ url, ca string }{
		"an authority that is not in CAFile": {url, ""},
		"TLS 1.1":                            {old, oldCA},
	} {
		c := client(t, test.url, func(o *Options) { o.CAFile = test.ca })
		_, err := c.BlockedReasons(t.Context())
		if e := public(t, err); e.Code != upstream.Unavailable {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWrongCAFiles(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		o    Options
		want string
	}{
		"no such file": {Options{CAFile: file + "x"}, "CAFile cannot be read: open"},
		"not PEM":      {Options{CAFile: file}, "CAFile cannot be read: " + file + " contains no certificate"},
		"another's transport": {
			Options{CAFile: file, Transport: http.DefaultTransport}, "CAFile must be empty where Transport is given",
		},
	} {
		test.o.BaseURL = "https://api.example.com"
		if _, err := New(test.o); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

// A response header larger than 64 KiB is rejected, with HTTP/2 too.
func TestLargeHeaderIsRejectedOverHTTP2(t *testing.T) {
	url, ca := secure(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for range 100 {
			w.Header().Add("X-Large", strings.Repeat("x", 1000))
		}
		reply(200, codes)(w, r)
	}), func(s *httptest.Server) { s.EnableHTTP2 = true })
	c := client(t, url, func(o *Options) { o.CAFile = ca })
	_, err := c.BlockedReasons(t.Context())
	if e := public(t, err); e.Code != upstream.InvalidResponse {
		t.Errorf("got %v", err)
	}
}

// FirstByteTimeout ends a silent try; a try that has begun to answer has until Timeout.
func TestFirstByteTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, test := range map[string]struct {
			answer http.HandlerFunc
			took   time.Duration
			fails  bool
		}{
			"silence":                {silent, 2 * time.Second, true},
			"an answer that is late": {taking(1900 * time.Millisecond), 1900 * time.Millisecond, false},
			"a body that is slow": {func(w http.ResponseWriter, r *http.Request) {
				time.Sleep(time.Second)
				w.(http.Flusher).Flush()
				time.Sleep(3 * time.Second)
				reply(200, `{"data":[]}`)(w, r)
			}, 4 * time.Second, false},
			"a body that is too slow": {func(w http.ResponseWriter, r *http.Request) {
				time.Sleep(time.Second)
				w.(http.Flusher).Flush()
				silent(w, r)
			}, 5 * time.Second, true},
		} {
			c := within(t, test.answer, func(o *Options) {
				o.FirstByteTimeout, o.Timeout, o.Retry.Tries = 2*time.Second, 5*time.Second, 1
			})
			start := time.Now()
			err := emails(t.Context(), c, 0)
			if took := time.Since(start); took != test.took ||
				(upstream.CodeOf(err) == upstream.Timeout) != test.fails || (err != nil) != test.fails {
				t.Errorf("%s: %v after %v, want %v", name, err, took, test.took)
			}
		}
	})
}

// A ping detects a dead HTTP/2 connection, and the next call opens another.
func TestDeadHTTP2ConnectionIsReplaced(t *testing.T) {
	t.Parallel()
	url, ca := secure(t, reply(200, codes), func(s *httptest.Server) { s.EnableHTTP2 = true })
	roots, err := web.ReadAuthorities(ca)
	if err != nil {
		t.Fatal(err)
	}
	var dials atomic.Int64
	var dead atomic.Bool
	tr := newTransport(&neturl.URL{Scheme: "https", Host: "api.example.com"}, 4, roots).(*http.Transport)
	tr.HTTP2.SendPingTimeout, tr.HTTP2.PingTimeout = 200*time.Millisecond, 200*time.Millisecond
	dial := tr.DialContext
	tr.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if dials.Add(1) == 1 && err == nil {
			return &dying{conn, &dead}, nil
		}
		return conn, err
	}
	c := client(t, url, func(o *Options) { o.Transport = tr })
	if _, err := c.BlockedReasons(t.Context()); err != nil {
		t.Fatal(err)
	}
	dead.Store(true)
	start := time.Now()
	if _, err := c.BlockedReasons(t.Context()); err != nil || dials.Load() < 2 || time.Since(start) > 9*time.Second {
		t.Errorf("%v by %d connections, after %v", err, dials.Load(), time.Since(start))
	}
}

// dying is a connection that drops all writes once it is dead.
type dying struct {
	net.Conn
	dead *atomic.Bool
}

func (d *dying) Write(b []byte) (int, error) {
	if d.dead.Load() {
		return len(b), nil
	}
	return d.Conn.Write(b)
}

// The default transport takes its proxy from the environment. net/http reads that only once per process, so the test
// needs a process of its own.
func TestProxyFromEnvironment(t *testing.T) {
	if os.Getenv("REST_TEST_IN_CHILD") != "" {
		if _, err := client(t, "http://api.example.com").BlockedReasons(t.Context()); err != nil {
			t.Error(err)
		}
		return
	}
	var through atomic.Value
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		through.Store(r.URL.String())
		reply(200, codes)(w, r)
	}))
	defer proxy.Close()
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestProxyFromEnvironment$")
	child.Env = append(os.Environ(), "REST_TEST_IN_CHILD=1", "HTTP_PROXY="+proxy.URL, "NO_PROXY=", "no_proxy=")
	if out, err := child.CombinedOutput(); err != nil ||
		through.Load() != "http://api.example.com/blocked-email/reasons" {
		t.Errorf("the proxy was asked for %v; %v: %s", through.Load(), err, out)
	}
}
