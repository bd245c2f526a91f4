package clickhouse_test

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/embedded/store/clickhouse"
	"deliverygraph/upstream/embedded/store/storetest"
)

// startServer starts a server of its own, which a test may kill. The address stays the same for the same directory and
// port.
func startServer(t *testing.T, dir string, port int) *exec.Cmd {
	t.Helper()
	c := exec.Command("../../../../deploy/clickhouse/start", dir, strconv.Itoa(port))
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	c.Stdout, c.Stderr = log, log
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	conn, err := driver.Open(&driver.Options{Addr: []string{"127.0.0.1:" + strconv.Itoa(port)}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for deadline := time.Now().Add(time.Minute); conn.Ping(t.Context()) != nil; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			text, _ := os.ReadFile(filepath.Join(dir, "log"))
			t.Fatalf("the server does not answer:\n%s", text)
		}
	}
	return c
}

// kill ends a server as a failure of the machine would, except that the disk keeps what was written.
func kill(c *exec.Cmd) {
	_ = c.Process.Kill()
	_ = c.Wait()
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func TestServerKilledDuringAnImportLosesAndRepeatsNothing(t *testing.T) {
	server(t)
	if _, err := exec.LookPath("clickhouse-server"); err != nil {
		t.Skip("there is no clickhouse-server to start")
	}
	ctx := context.Background()
	dir, port := t.TempDir(), freePort(t)
	running := startServer(t, dir, port)
	defer func() { kill(running) }()
	name := clickhouse.Scheme + "127.0.0.1:" + strconv.Itoa(port) + "/metrics"
	if _, err := clickhouse.Migrate(ctx, name, ""); err != nil {
		t.Fatal(err)
	}
	s, err := clickhouse.Open(ctx, name)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()

	const batches = 40
	var written atomic.Int64
	kills := make(chan struct{})
	go func() {
		defer close(kills)
		for written.Load() < 3 {
			time.Sleep(time.Millisecond)
		}
		kill(running)
	}()
	var failed error
	for n := 0; failed == nil && n < batches; n++ {
		if _, failed = s.Write(ctx, storetest.Step(n)); failed == nil {
			written.Store(int64(n) + 1)
		}
	}
	<-kills
	if failed != nil && upstream.CodeOf(failed) != upstream.Unavailable {
		t.Errorf("a write while the server is killed fails with %v", failed)
	}
	if _, err := s.Info(ctx); upstream.CodeOf(err) != upstream.Unavailable {
		t.Errorf("while the server is down, Info returns %v", err)
	}

	running = startServer(t, dir, port)
	o := &storetest.Model{}
	if rows := storetest.Must[store.Info](t)(s.Info(ctx)).Emails.Rows; rows < 10*written.Load() {
		t.Errorf("there are %d rows after %d batches of 10", rows, written.Load())
	}
	for n := range batches { // the import runs again
		storetest.Write(t, s, storetest.Step(n))
		o.Write(storetest.Step(n))
	}
	storetest.SameEmails(t, s, o)
	storetest.Sound(t, s)
}
