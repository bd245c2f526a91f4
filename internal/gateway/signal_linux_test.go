package gateway

import (
	"bufio"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
)

// A gateway goes on when the reader of its log ends, as journald does when it restarts, and a terminal that is closed
// stops it like any other request to stop: what is in progress finishes.
func TestGatewayOutlivesTheReaderOfItsLog(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), self, "serve", "--listen", "127.0.0.1:0", "--create", "--data",
		filepath.Join(t.TempDir(), "metrics.db"))
	c.Env, c.Stderr = append(os.Environ(), "TEST_GATEWAY=1"), w
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	var url string
	for lines := bufio.NewScanner(r); url == "" && lines.Scan(); {
		if m := regexp.MustCompile(`msg=ready graphql=(\S+)`).FindStringSubmatch(lines.Text()); m != nil {
			url = m[1]
		}
	}
	_ = r.Close()
	p := &program{t: t, graphql: url}
	for range 3 { // each is logged
		if resp, _ := p.do(http.MethodGet, url+"/nowhere", "", "Accept", "application/json"); resp.StatusCode != 404 {
			t.Errorf("status %d", resp.StatusCode)
		}
		p.query("{ __typename }", nil)
	}
	hangUp := syscall.SIGHUP
	if signal.Ignored(hangUp) { // the tests run under nohup
		hangUp = syscall.SIGTERM
	}
	if err := c.Process.Signal(hangUp); err != nil {
		t.Fatal(err)
	}
	if hangUp == syscall.SIGHUP { // the shell sends one, and the kernel when the shell ends
		_ = c.Process.Signal(hangUp)
	}
	if err := c.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
}
