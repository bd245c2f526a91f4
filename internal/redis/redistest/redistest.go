// Package redistest starts Redis servers for tests. The tests are skipped where Redis is not installed.
package redistest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
)

// Patient is what to add to the URLs of clients in tests: on a busy machine even Redis takes a while.
const Patient = "?dial_timeout=20s&read_timeout=20s"

// Server is a Redis server on a port of its own, which keeps nothing on disk.
type Server struct {
	Addr string // such as 127.0.0.1:49152

	t     testing.TB
	args  []string
	stdin io.Closer // its end kills the process, also when the test is killed
	cmd   *exec.Cmd
	pid   int
}

// Start starts a server with further settings, such as "--maxmemory", "100mb". It ends with the test.
func Start(t testing.TB, settings ...string) *Server {
	t.Helper()
	return startWith(t, func(port string) []string {
		args := append([]string{
			"--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", t.TempDir(),
		}, settings...)
		if slices.Contains(settings, "--cluster-enabled") {
			args = append(args, "--cluster-port", strconv.Itoa(freePort(t)))
		}
		return args
	})
}

// startWith starts a server with the arguments for a port.
func startWith(t testing.TB, args func(port string) []string) *Server {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("redis-server is not installed")
	}
	for range 5 { // another process may take a port
		s := &Server{t: t, Addr: "127.0.0.1:" + strconv.Itoa(freePort(t))}
		_, port, _ := net.SplitHostPort(s.Addr)
		if s.args = args(port); s.start() {
			t.Cleanup(s.Kill)
			return s
		}
	}
	t.Fatal("no Redis server could be started")
	return nil
}

// URL returns the URL of the server, for clients that are patient.
func (s *Server) URL() string { return "redis://" + s.Addr + Patient }

// Kill ends the process, as a crash does. What it kept is lost.
func (s *Server) Kill() {
	_ = s.stdin.Close()
	_ = s.cmd.Wait()
}

// Restart starts the server again after Kill, without its data.
func (s *Server) Restart() {
	s.t.Helper()
	if !s.start() {
		s.t.Fatal("the Redis server could not be started again")
	}
}

// Pause makes the server hang until Resume.
func (s *Server) Pause() { _ = syscall.Kill(s.pid, syscall.SIGSTOP) }

// Resume ends Pause.
func (s *Server) Resume() { _ = syscall.Kill(s.pid, syscall.SIGCONT) }

// Client returns a client of the server, for what tests look up and change.
func (s *Server) Client() *redis.Client {
	c := redis.NewClient(&redis.Options{Addr: s.Addr, ReadTimeout: time.Minute})
	s.t.Cleanup(func() { _ = c.Close() })
	return c
}

// start starts the process and returns whether it answers.
func (s *Server) start() bool {
	s.t.Helper()
	s.cmd = exec.Command("sh", append([]string{
		"-c", `redis-server "$@" >/dev/null & echo $!; read -r _; kill -9 $!`, "sh",
	}, s.args...)...)
	in, err := s.cmd.StdinPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	logging.Disable()
	s.stdin = in
	line, _ := bufio.NewReader(out).ReadString('\n')
	s.pid, _ = strconv.Atoi(strings.TrimSpace(line))
	c := redis.NewClient(&redis.Options{Addr: s.Addr, MaxRetries: -1, DialerRetries: 1, DisableIdentity: true})
	defer c.Close()
	for range 3000 { // 30 s
		if info, err := c.Info(context.Background(), "server").Result(); err == nil {
			if strings.Contains(info, "process_id:"+strconv.Itoa(s.pid)+"\r\n") {
				return true
			}
			break // the port belongs to another
		}
		if syscall.Kill(s.pid, 0) != nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.Kill()
	return false
}

// Cluster starts a cluster of servers, each with a part of the keys and without replicas, and returns its URL.
func Cluster(t testing.TB, servers int, settings ...string) (nodes []*Server, url string) {
	t.Helper()
	var hosts []string
	var clients []*redis.Client
	for i := range servers {
		s := Start(t, append([]string{"--cluster-enabled", "yes"}, settings...)...)
		c := s.Client()
		nodes, hosts, clients = append(nodes, s), append(hosts, s.Addr), append(clients, c)
		const slots = 16384
		if err := c.ClusterAddSlotsRange(t.Context(), slots*i/servers, slots*(i+1)/servers-1).Err(); err != nil {
			t.Fatal(err)
		}
		if err := c.Do(t.Context(), "cluster", "set-config-epoch", i+1).Err(); err != nil {
			t.Fatal(err)
		}
	}
	// Servers hear of each other by gossip, which takes longer than if each meets all.
	for i, c := range clients {
		for _, other := range nodes[:i] {
			host, port, _ := net.SplitHostPort(other.Addr)
			bus := other.args[slices.Index(other.args, "--cluster-port")+1]
			if err := c.Do(t.Context(), "cluster", "meet", host, port, bus).Err(); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, c := range clients { // each must know all
		for {
			info, err := c.ClusterInfo(t.Context()).Result()
			if err == nil && strings.Contains(info, "cluster_state:ok") &&
				strings.Contains(info, fmt.Sprintf("cluster_known_nodes:%d\r", servers)) {
				break
			}
			if t.Context().Err() != nil {
				t.Fatal("the cluster does not form")
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	return nodes, "redis+cluster://" + strings.Join(hosts, ",") + Patient
}

// freePort returns a port that is free, and below those that the system gives to connections and to servers that take
// any: so none of them takes it while a server is down.
func freePort(t testing.TB) int {
	t.Helper()
	for range 100 {
		port := 10_000 + rand.N(20_000)
		l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port))
		if err == nil {
			_ = l.Close()
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}
