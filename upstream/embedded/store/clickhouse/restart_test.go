package clickhouse_test

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/embedded/store/clickhouse"
	"deliverygraph/upstream/embedded/store/storetest"
)

// process is a server of its own, which a test may kill.
type process struct {
	*exec.Cmd
	ended chan struct{}
	port  int
}

// startServer starts a server on a port, or on a free one if it is 0. What it stores lies in dir.
func startServer(t *testing.T, dir string, port int) *process {
	t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	for {
		p := &process{ended: make(chan struct{}), port: port}
		if port == 0 {
			p.port = freePort(t)
		}
		if p.start(t, dir, deadline) {
			return p
		}
		if time.Now().After(deadline) { // otherwise another process has taken the port
			text, _ := os.ReadFile(filepath.Join(dir, "log"))
			t.Fatalf("the server does not answer:\n%s", text)
		}
	}
}

// start returns false if the server does not answer before it ends, or before a deadline.
func (p *process) start(t *testing.T, dir string, deadline time.Time) bool {
	t.Helper()
	p.Cmd = exec.Command("../../../../deploy/clickhouse/start", dir, strconv.Itoa(p.port))
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	p.Stdout, p.Stderr = log, log
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		_ = p.Wait()
	}()
	conn, err := driver.Open(&driver.Options{Addr: []string{"127.0.0.1:" + strconv.Itoa(p.port)}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for conn.Ping(t.Context()) != nil && time.Now().Before(deadline) {
		select {
		case <-p.ended:
			return false
		case <-time.After(50 * time.Millisecond):
		}
	}
	if time.Now().After(deadline) {
		p.kill()
		return false
	}
	return true
}

// kill ends a server as a failure of the machine would, except that the disk keeps what was written.
func (p *process) kill() {
	_ = p.Process.Kill()
	<-p.ended
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
	dir := t.TempDir()
	running := startServer(t, dir, 0)
	defer func() { running.kill() }()
	name := clickhouse.Scheme + "127.0.0.1:" + strconv.Itoa(running.port) + "/metrics"
	if _, err := clickhouse.Migrate(ctx, name, ""); err != nil {
		t.Fatal(err)
	}
	s, err := clickhouse.Open(ctx, name)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()

	const batches, some = 40, 3
	begun, killed := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(killed)
		<-begun
		running.kill()
	}()
	var failed error
	written := 0
	for failed == nil && written < batches {
		if written == some {
			close(begun)
		}
		if _, failed = s.Write(ctx, storetest.Step(written)); failed == nil {
			written++
		}
	}
	if written < some {
		close(begun)
		t.Errorf("only %d batches were written: %v", written, failed)
	}
	<-killed
	if failed != nil && upstream.CodeOf(failed) != upstream.Unavailable {
		t.Errorf("a write while the server is killed fails with %v", failed)
	}
	if _, err := s.Info(ctx); upstream.CodeOf(err) != upstream.Unavailable {
		t.Errorf("while the server is down, Info returns %v", err)
	}

	running = startServer(t, dir, running.port)
	o := &storetest.Model{}
	if rows := storetest.Must[store.Info](t)(s.Info(ctx)).Emails.Rows; rows < 10*int64(written) {
		t.Errorf("there are %d rows after %d batches of 10", rows, written)
	}
	for n := range batches { // the import runs again
		storetest.Write(t, s, storetest.Step(n))
		o.Write(storetest.Step(n))
	}
	storetest.SameEmails(t, s, o)
	storetest.Sound(t, s)
}
