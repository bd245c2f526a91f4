package redis_test

import (
	"bytes"
	"context"
	"flag"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"deliverygraph/internal/redis"
	"deliverygraph/internal/redis/redistest"
)

func TestMain(m *testing.M) {
	_ = flag.Set("test.parallel", "8") // the tests wait for Redis
	goleak.VerifyTestMain(m)
}

// text is what a logger has written.
type text struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (t *text) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.Write(p)
}

// count returns how often it says something.
func (t *text) count(what string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.Count(t.b.String(), what)
}

// open returns a client that watches Redis until the test ends, and its log.
func open(t *testing.T, o redis.Options) (*redis.Client, *text) {
	t.Helper()
	said := &text{}
	o.Logger = slog.New(slog.NewTextHandler(said, nil))
	c, err := redis.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var watching sync.WaitGroup
	watching.Go(func() { c.Follow(ctx) })
	t.Cleanup(func() { cancel(); watching.Wait(); _ = c.Close() })
	return c, said
}

// eventually waits until something holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within a minute: %s", what)
		}
	}
}

func TestUpFollowsTheServer(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	c, said := open(t, redis.Options{URL: s.URL()})
	eventually(t, "it is up", c.Up)
	s.Kill()
	eventually(t, "it is down", func() bool { return !c.Up() })
	if err := c.Set(t.Context(), "a", 1, 0).Err(); err == nil {
		t.Error("a command succeeded without a server")
	}
	s.Restart()
	eventually(t, "it is up again", c.Up)
	eventually(t, "commands succeed again", func() bool { return c.Set(t.Context(), "a", 1, 0).Err() == nil })
	if n, m := said.count("redis answers"), said.count("redis does not answer"); n != 2 || m != 1 {
		t.Errorf("logged %d times that it answers and %d times that it does not, want 2 and 1", n, m)
	}
}

func TestUpMeansAllServersOfACluster(t *testing.T) {
	t.Parallel()
	nodes, url := redistest.Cluster(t, 3)
	c, _ := open(t, redis.Options{URL: url})
	eventually(t, "it is up", c.Up)
	for _, key := range []string{"a", "b", "c", "d", "e", "f"} {
		if err := c.Set(t.Context(), key, 1, 0).Err(); err != nil {
			t.Fatal(err)
		}
	}
	nodes[1].Kill()
	eventually(t, "it is down", func() bool { return !c.Up() })
}

// A cluster whose servers were not joined takes no keys.
func TestClusterWithoutSlotsIsDown(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, "--cluster-enabled", "yes")
	c, said := open(t, redis.Options{URL: "redis+cluster://" + s.Addr + redistest.Patient})
	eventually(t, "it is logged", func() bool { return said.count("redis does not answer") == 1 })
	if c.Up() || said.count("CLUSTERDOWN") == 0 {
		t.Error("it is up, or the log does not say why not")
	}
}

// A server that hangs costs the first commands their timeout. The others fail at once.
func TestCommandsDoNotWaitForAServerThatHangs(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	url := "redis://" + s.Addr + "?read_timeout=300ms&dial_timeout=20s"
	c, err := redis.Open(redis.Options{URL: url, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	eventually(t, "commands succeed", func() bool { return c.Set(t.Context(), "a", 1, 0).Err() == nil })
	s.Pause()
	defer s.Resume()
	began := time.Now()
	for range 100 {
		if err := c.Set(t.Context(), "a", 2, 0).Err(); err == nil {
			t.Fatal("a command succeeded while the server hung")
		}
	}
	if took := time.Since(began); took > 50*time.Second { // 100 timeouts are longer
		t.Errorf("100 commands took %v", took)
	}
}

func TestURLs(t *testing.T) {
	for url, message := range map[string]string{
		"redis://127.0.0.1:6379":                          "",
		"redis://:secret@127.0.0.1/3?read_timeout=100ms":  "",
		"rediss://user:secret@redis.example.com:6380":     "",
		"redis+cluster://127.0.0.1:7000,127.0.0.1:7001":   "",
		"redis+cluster://[::1]:7000,redis.example.com":    "",
		"redis+sentinel://127.0.0.1,127.0.0.2:26379/main": "",
		"rediss+sentinel://u:secret@127.0.0.1/main/2":     "",
		"localhost:6379":                                      "redis://host:6379",
		"http://localhost:6379":                               "redis://host:6379",
		"redis://":                                            "is not a host",
		"redis://:secret@127.0.0.1:no":                        `"127.0.0.1:no" is not a host`,
		"redis://127.0.0.1:63790":                             "",
		"redis://127.0.0.1:637900":                            "from 1 to 65535",
		"redis://:x@127.0.0.1:0":                              `"127.0.0.1:0" is not a host`,
		"redis://user:secret":                                 "and user:password@ before it",
		"redis://user:secret,host:1":                          "and user:password@ before it",
		"redis://user:sec%et@host":                            "must escape: write %25",
		"redis://user:sec et@host":                            "must escape: write %25",
		"redis://:secret@127.0.0.1:6379,127.0.0.1:6380":       "redis+cluster",
		"redis://:secret@127.0.0.1/first":                     "a database that is not a number",
		"redis://user:12/secret":                              "%2F for a / in the password",
		"redis://:a/secret@127.0.0.1":                         "%2F",
		"redis://:secret@127.0.0.1?pool_fifo=true":            `the option "pool_fifo": there are only client_name`,
		"redis://:secret@127.0.0.1?pool_size=many":            "pool_size=many: write it once, such as pool_size=20",
		"redis://:secret@127.0.0.1?pool_size=-1":              "a number from 0 to 10000, such as pool_size=20",
		"redis://:secret@127.0.0.1?min_idle_conns=2000000000": "a number from 0 to 10000, such as min_idle_conns=2",
		"redis://:secret@127.0.0.1?max_retries=-1":            "",
		"redis://:secret@127.0.0.1?sentinel_username=u":       "sentinel_username",
		"redis://:secret@127.0.0.1?protocol=3&protocol=2":     "protocol",
		"redis+cluster://127.0.0.1:7000/1":                    "no databases",
		"redis+sentinel://:secret@127.0.0.1":                  "name that Sentinel",
		"redis://:secret@127.0.0.1?read_timeout=soon": "read_timeout=soon: write it once, " +
			"such as read_timeout=50ms",
		"redis://:secret@127.0.0.1?timeout=1s":              "timeout",
		"redis+cluster://:secret@127.0.0.1:7000,a b/":       "not a",
		"redis+cluster://:secret@127.0.0.1:7000,,127.0.0.2": "not a host",
	} {
		c, err := redis.Open(redis.Options{URL: url, Logger: slog.New(slog.DiscardHandler)})
		if err == nil {
			_ = c.Close()
		}
		switch {
		case message == "" && err != nil:
			t.Errorf("%s: %v", url, err)
		case message != "" && (err == nil || !strings.Contains(err.Error(), message)):
			t.Errorf("%s: %v, want an error with %q", url, err, message)
		case err != nil && strings.Contains(err.Error(), "sec"):
			t.Errorf("the error shows the password: %v", err)
		}
	}
}
