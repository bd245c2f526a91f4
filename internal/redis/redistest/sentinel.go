package redistest

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Sentinel starts a server with a replica, and a Sentinel that watches them, calls the server "main" and replaces it
// by the replica when it dies. It returns the server, and the URL by which clients find both through Sentinel.
func Sentinel(t testing.TB) (server *Server, url string) {
	t.Helper()
	server = Start(t, "--repl-diskless-sync-delay", "0")
	host, port, _ := net.SplitHostPort(server.Addr)
	replica := Start(t, "--replicaof", host, port).Client()
	sentinel := startWith(t, func(own string) []string {
		file := filepath.Join(t.TempDir(), "sentinel.conf")
		text := fmt.Appendf(nil, "port %s\nbind 127.0.0.1\nsentinel monitor main %s %s 1\n"+
			"sentinel down-after-milliseconds main 500\nsentinel failover-timeout main 2000\n", own, host, port)
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return []string{file, "--sentinel"}
	})
	watched := sentinel.Client()
	for { // Sentinel finds replicas in what the server says of them, every ten seconds
		role, err := replica.Do(t.Context(), "role").Slice()
		found, _ := watched.Do(t.Context(), "sentinel", "replicas", "main").Slice()
		if err == nil && len(role) > 3 && role[3] == "connected" && len(found) > 0 {
			break
		}
		if t.Context().Err() != nil {
			t.Fatal("Sentinel does not find the replica")
		}
		time.Sleep(20 * time.Millisecond)
	}
	return server, "redis+sentinel://" + sentinel.Addr + "/main" + Patient
}
