package gateway

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"deliverygraph/internal/redis/redistest"
)

// TestMain runs the program instead of the tests in the processes that [site.process] starts.
func TestMain(m *testing.M) {
	if os.Getenv("TEST_GATEWAY") != "" {
		os.Exit(Main(os.Args[1:], Streams{os.Stdin, os.Stdout, os.Stderr}))
	}
	_ = flag.Set("test.parallel", "6") // many tests wait for processes
	m.Run()
}

// site is several gateways side by side: over one upstream, and with a Redis cluster of three.
type site struct {
	t        *testing.T
	data     *program // the upstream
	upstream string   // URL at which its calls are counted
	redis    []*redistest.Server
	url      string // of the cluster

	mu     sync.Mutex
	calls  map[string]int // by path and query, without those that were refused as equal to one under way
	before func()         // runs before the upstream answers a call
}

// newSite starts Redis, and counts the calls of an upstream, by default one with demo data. As the real API does, it
// answers only the first of equal calls at the same time.
func newSite(t *testing.T, data *program) *site {
	t.Helper()
	s := &site{t: t, calls: map[string]int{}, before: func() {}, data: data}
	s.redis, s.url = redistest.Cluster(t, 3)
	if data == nil {
		s.data = start(t, "--rest-listen", "127.0.0.1:0", "--rest-duplicate-202", "--batch-limit", "1000")
	}
	to, err := url.Parse(s.data.rest)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(to)
	proxy.ErrorLog = log.New(io.Discard, "", 0)
	proxy.ModifyResponse = func(resp *http.Response) error {
		if resp.StatusCode == http.StatusAccepted { // another gateway's equal call is under way
			s.mu.Lock()
			defer s.mu.Unlock()
			s.calls[resp.Request.URL.RequestURI()]--
		}
		return nil
	}
	counting := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.calls[r.URL.RequestURI()]++
		before := s.before
		s.mu.Unlock()
		before()
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(counting.Close)
	s.upstream = counting.URL
	return s
}

// gateway starts a gateway of the site.
func (s *site) gateway(args ...string) *program {
	s.t.Helper()
	return launch(s.t, append(s.args(), args...)...)
}

func (s *site) args() []string {
	return []string{
		"--upstream", s.upstream, "--redis", s.url, "--batch-limit", "1000", "--max-operations", "5000",
		"--cache-settle", "1m",
	}
}

// process starts a gateway of the site as a process of its own, which stop kills.
func (s *site) process() *program {
	s.t.Helper()
	return launchBy(s.t, func(ctx context.Context, args []string, log io.Writer) int {
		self, err := os.Executable()
		if err != nil {
			s.t.Error(err)
			return -1
		}
		c := exec.CommandContext(ctx, self, args...)
		c.Env, c.Stderr = append(os.Environ(), "TEST_GATEWAY=1"), log
		_ = c.Run() // fails, since it is killed
		return exitFailure
	}, s.args()...)
}

// answers sends operations to a gateway in one request, which runs them at the same time.
func (s *site) answers(p *program, operations []string) (all []string, err error) {
	var batch []map[string]string
	for _, o := range operations {
		batch = append(batch, map[string]string{"query": o})
	}
	body, err := json.Marshal(batch)
	if err != nil {
		return nil, err
	}
	resp, err := client.Post(p.graphql, "application/json", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var answers []json.RawMessage
	if err := json.NewDecoder(resp.Body).Decode(&answers); err != nil {
		return nil, err
	}
	for _, a := range answers {
		all = append(all, string(a))
	}
	return all, nil
}

// want checks that all gateways, asked at the same time, give these answers to the operations.
func (s *site) want(operations, answers []string, gateways ...*program) {
	s.t.Helper()
	var all sync.WaitGroup
	for i, p := range gateways {
		all.Go(func() {
			got, err := s.answers(p, operations)
			if d := cmp.Diff(answers, got); d != "" || err != nil {
				s.t.Errorf("gateway %d: %v %s", i, err, d)
			}
		})
	}
	all.Wait()
}

// called checks that each question was asked at most n times since the last check.
func (s *site) called(n int) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for question, calls := range s.calls {
		if calls > n && question != "/bounce/categories" { // gateways ask this when they start
			s.t.Errorf("%d calls of %s, want at most %d", calls, question, n)
		}
	}
	s.calls = map[string]int{}
}

// hold makes calls wait from now until release, and returns a channel that is closed when the first does.
func (s *site) hold() (waiting <-chan struct{}, release func()) {
	came, end := make(chan struct{}), make(chan struct{})
	var first sync.Once
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before = func() {
		first.Do(func() { close(came) })
		<-end
	}
	return came, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.before = func() {}
		close(end)
	}
}

// statsOf returns operations that ask different questions about settled events. Each day has others.
func statsOf(day int) (operations []string) {
	end := time.Now().Add(-48*time.Hour).Unix() - int64(day)*3600
	for i := range int64(10) {
		operations = append(operations, fmt.Sprintf(
			`{ stats(window: {between: {start: %d, end: %d}}) { sent hardBounced blocked } }`,
			end-3600*(i+1), end-600*i))
	}
	return operations
}

func TestGatewaysMakeOneCallForEqualQuestions(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	a, b, c := s.gateway(), s.gateway(), s.gateway()
	operations := slices.Repeat(statsOf(0)[:1], 64) // as many as run at once on one processor
	answers, err := s.answers(s.data, operations)
	if err != nil || strings.Contains(strings.Join(answers, ""), "errors") {
		t.Fatal(err, answers)
	}
	s.want(operations, answers, a, b, c)
	s.called(1)
}

// Whatever happens to a gateway or to Redis, the other gateways answer correctly, and repeat a call at most once.
func TestGatewaysAnswerDespiteFailures(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	a, b, doomed := s.gateway(), s.gateway(), s.process()
	for i, fails := range []func(){
		func() { doomed.stop() },
		s.redis[0].Kill,
		func() { s.redis[0].Restart(); s.redis[1].Kill(); s.redis[2].Kill() },
		func() { s.redis[1].Restart(); s.redis[2].Restart() },
	} {
		operations := statsOf(i)
		answers, err := s.answers(s.data, operations)
		if err != nil {
			t.Fatal(err)
		}
		waiting, release := s.hold()
		var all sync.WaitGroup
		if i == 0 {
			all.Go(func() { _, _ = s.answers(doomed, operations) })
			<-waiting
		}
		all.Go(func() { s.want(operations, answers, a, b) })
		<-waiting
		fails()
		release()
		all.Wait()
		s.called(2)
	}
}

// A caller's limit holds over all gateways together.
func TestGatewaysLimitCallersTogether(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	const limit = 600
	began := time.Now()
	var all sync.WaitGroup
	var passed atomic.Int64
	for range 3 {
		p := s.gateway("--cost-per-minute", strconv.Itoa(limit))
		all.Go(func() {
			answers, err := s.answers(p, slices.Repeat([]string{"{ __typename }"}, limit/2))
			if err != nil {
				t.Error(err)
			}
			for _, a := range answers {
				if !strings.Contains(a, `"errors"`) {
					passed.Add(1)
				} else if !strings.Contains(a, `"code":"RATE_LIMITED"`) || !strings.Contains(a, `"retryAfterMs":`) {
					t.Error(a)
				}
			}
		})
	}
	all.Wait()
	restored := time.Since(began).Minutes() * limit
	if n := float64(passed.Load()); n < 0.98*limit || n > 1.02*limit+restored {
		t.Errorf("%v operations passed, want %d, and at most %.1f for the time that they took", n, limit, restored)
	}
}

// readers read one subscription at each gateway.
type readers struct {
	mu  sync.Mutex
	got [][]string // the ids of the emails that bounced, by reader
}

// subscribe begins to read at each gateway.
func (s *site) subscribe(gateways ...*program) *readers {
	s.t.Helper()
	r := &readers{got: make([][]string, len(gateways))}
	for i, p := range gateways {
		req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet,
			p.graphql+"?query="+url.QueryEscape("subscription { bounces { node { emailId } } }"), nil)
		if err != nil {
			s.t.Fatal(err)
		}
		req.Header.Set("Accept", "text/event-stream")
		resp, err := http.DefaultTransport.RoundTrip(req) // without a time limit
		if err != nil || resp.StatusCode != http.StatusOK {
			s.t.Fatal(resp, err)
		}
		s.t.Cleanup(func() { _ = resp.Body.Close() })
		go func() {
			for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
				if _, id, ok := strings.Cut(lines.Text(), `"emailId":"`); ok {
					id, _, _ = strings.Cut(id, `"`)
					r.mu.Lock()
					r.got[i] = append(r.got[i], id)
					r.mu.Unlock()
				}
			}
		}()
	}
	return r
}

// have reports whether all readers have got the bounce of an email, or fails if one has got any bounce twice.
func (r *readers) have(t *testing.T, id string) bool {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	all := true
	for i, got := range r.got {
		all = all && slices.Contains(got, id)
		sorted := slices.Sorted(slices.Values(got))
		if len(slices.Compact(sorted)) != len(got) {
			t.Fatalf("reader %d got a bounce twice: %q", i, got)
		}
	}
	return all
}

// One gateway polls for subscribers at all of them.
func TestGatewaysShareAPoll(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	var gateways []*program
	for range 3 {
		gateways = append(gateways, s.gateway("--subscription-poll", "24h"))
	}
	s.subscribe(gateways...)
	s.called(1)
}

// Each bounce reaches the subscribers of each gateway once, also while gateways come and go and Redis fails.
func TestSubscribersGetEachBounceOnceFromAnyGateway(t *testing.T) {
	t.Parallel()
	data, bounce := otherProcess(t, "--rest-listen", "127.0.0.1:0", "--rest-duplicate-202")
	s := newSite(t, data)
	const poll = "100ms"
	r := s.subscribe(s.gateway("--subscription-poll", poll), s.gateway("--subscription-poll", poll))
	third := s.gateway("--subscription-poll", poll)
	s.subscribe(third)
	for i, happens := range []func(){
		func() {},
		func() { third.stop() },
		func() { s.redis[0].Kill(); s.redis[1].Kill(); s.redis[2].Kill() },
		func() { s.redis[0].Restart(); s.redis[1].Restart(); s.redis[2].Restart() },
	} {
		happens()
		for n := range 5 {
			bounce(10*i + n)
		}
		for n := range 5 {
			for !r.have(t, fmt.Sprint("m", 10*i+n)) {
				time.Sleep(20 * time.Millisecond)
			}
		}
	}
}
