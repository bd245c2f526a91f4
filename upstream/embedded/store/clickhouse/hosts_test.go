package clickhouse_test

import (
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/embedded/store/clickhouse"
	"deliverygraph/upstream/embedded/store/storetest"
)

// proxy forwards connections to a server. While it hangs, it accepts connections and swallows what they send.
type proxy struct {
	address string
	mu      sync.RWMutex // locked while it hangs
}

// startProxy starts a proxy on loopback, with TLS if there is a configuration of it.
func startProxy(t *testing.T, server string, secure *tls.Config) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	if secure != nil {
		l = tls.NewListener(l, secure)
	}
	p := &proxy{address: l.Addr().String()}
	forward := func(to io.WriteCloser, from io.Reader) {
		defer to.Close()
		b := make([]byte, 64<<10)
		for {
			n, err := from.Read(b)
			if err != nil {
				return
			}
			p.mu.RLock()
			_, err = to.Write(b[:n])
			p.mu.RUnlock()
			if err != nil {
				return
			}
		}
	}
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			conn, err := net.Dial("tcp", server)
			if err != nil {
				client.Close()
				continue
			}
			go forward(conn, client)
			go forward(client, conn)
		}
	}()
	return p
}

// follow returns the changes of a store's servers.
func follow(s *clickhouse.Store) <-chan clickhouse.Host {
	changes := make(chan clickhouse.Host, 100)
	s.Follow(func(h clickhouse.Host) { changes <- h })
	return changes
}

// await waits until a server is available, or is not.
func await(t *testing.T, changes <-chan clickhouse.Host, name string, available bool) {
	t.Helper()
	limit := time.After(2 * time.Minute)
	for {
		select {
		case h := <-changes:
			if h.Name == name && (h.Err == nil) == available {
				return
			}
		case <-limit:
			t.Fatalf("it is not reported whether %s is available", name)
		}
	}
}

func TestServerThatHangsIsLeft(t *testing.T) {
	address, cluster := server(t)
	if cluster != "" {
		t.Skip("one server is enough")
	}
	hanging, healthy := startProxy(t, address, nil), startProxy(t, address, nil)
	name := clickhouse.Scheme + hanging.address + "," + healthy.address + "/" + newDatabase(t)
	storetest.Must[int](t)(clickhouse.Migrate(t.Context(), name, ""))
	s := storetest.Must[*clickhouse.Store](t)(clickhouse.Open(t.Context(), name))
	defer s.Close()
	changes := follow(s)
	o := &storetest.Model{}
	write := func(n int) {
		storetest.Write(t, s, storetest.Step(n))
		o.Write(storetest.Step(n))
	}
	write(0)

	hanging.mu.Lock()
	write(1)
	storetest.SameEmails(t, s, o)
	await(t, changes, hanging.address, false)
	if h := s.Hosts()[0]; h.Err == nil || h.Failures == 0 {
		t.Errorf("while the first server hangs, it is %+v", h)
	}
	hanging.mu.Unlock()
	await(t, changes, hanging.address, true)
	healthy.mu.Lock()
	defer healthy.mu.Unlock()
	write(2)
	storetest.SameEmails(t, s, o)
}

func TestErrorNamesAllServersThatAreDown(t *testing.T) {
	_, err := clickhouse.Open(t.Context(), "clickhouse://127.0.0.1:1,127.0.0.1:2/metrics")
	if upstream.CodeOf(err) != upstream.Unavailable || !strings.Contains(err.Error(), "127.0.0.1:1: ") ||
		!strings.Contains(err.Error(), "127.0.0.1:2: ") {
		t.Errorf("got %v, want an error that names both servers", err)
	}
}

func TestServerThatIsDownIsLeftAtTheStart(t *testing.T) {
	address, cluster := server(t)
	if cluster != "" {
		t.Skip("one server is enough")
	}
	name := clickhouse.Scheme + "127.0.0.1:1," + address + "/" + newDatabase(t)
	storetest.Must[int](t)(clickhouse.Migrate(t.Context(), name, ""))
	s := storetest.Must[*clickhouse.Store](t)(clickhouse.Open(t.Context(), name))
	defer s.Close()
	await(t, follow(s), "127.0.0.1:1", false)
	storetest.Must[store.Info](t)(s.Info(t.Context()))
}

func TestTLSTrustsTheAuthoritiesOfTheName(t *testing.T) {
	address, cluster := server(t)
	if cluster != "" {
		t.Skip("one server is enough")
	}
	pair := httptest.NewUnstartedServer(nil)
	pair.StartTLS()
	defer pair.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	b := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate().Raw})
	if err := os.WriteFile(ca, b, 0o600); err != nil {
		t.Fatal(err)
	}
	p := startProxy(t, address, &tls.Config{Certificates: pair.TLS.Certificates})
	name := clickhouse.Scheme + p.address + "/" + newDatabase(t) + "?secure=true"
	if _, err := clickhouse.Migrate(t.Context(), name, ""); !strings.Contains(fmt.Sprint(err), "certificate") {
		t.Errorf("without the authority, the error is %v", err)
	}
	name += "&ca=" + url.QueryEscape(ca)
	storetest.Must[int](t)(clickhouse.Migrate(t.Context(), name, ""))
	s := storetest.Must[*clickhouse.Store](t)(clickhouse.Open(t.Context(), name))
	defer s.Close()
	storetest.Write(t, s, storetest.Step(0))
	storetest.Must[store.Info](t)(s.Info(t.Context()))
}
