package clickhouse_test

import (
	"io"
	"net"
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

func startProxy(t *testing.T, server string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
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

// next returns the next change.
func next(t *testing.T, changes <-chan clickhouse.Host) clickhouse.Host {
	t.Helper()
	select {
	case h := <-changes:
		return h
	case <-time.After(2 * time.Minute):
		t.Fatal("no server has changed its state")
		return clickhouse.Host{}
	}
}

func TestServerThatHangsIsLeft(t *testing.T) {
	address, cluster := server(t)
	if cluster != "" {
		t.Skip("one server is enough")
	}
	hanging, healthy := startProxy(t, address), startProxy(t, address)
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
	if h := next(t, changes); h.Name != hanging.address || h.Err == nil {
		t.Errorf("the server that hangs is reported as %+v", h)
	}
	hosts := s.Hosts()
	if hosts[0].Err == nil || hosts[0].Failures == 0 || hosts[1].Err != nil || hosts[1].Failures != 0 {
		t.Errorf("while the first server hangs, the servers are %+v", hosts)
	}
	hanging.mu.Unlock()
	if h := next(t, changes); h.Name != hanging.address || h.Err != nil {
		t.Errorf("the server that answers again is reported as %+v", h)
	}
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
	if h := next(t, follow(s)); h.Name != "127.0.0.1:1" || h.Err == nil {
		t.Errorf("the server that is down is reported as %+v", h)
	}
	storetest.Must[store.Info](t)(s.Info(t.Context()))
}
