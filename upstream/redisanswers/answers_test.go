package redisanswers_test

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"

	"deliverygraph/internal/redis"
	"deliverygraph/internal/redis/redistest"
	"deliverygraph/upstream"
	"deliverygraph/upstream/cached"
	"deliverygraph/upstream/redisanswers"
	"deliverygraph/upstream/upstreamtest"
)

func TestMain(m *testing.M) {
	_ = flag.Set("test.parallel", "16") // the tests wait for Redis
	goleak.VerifyTestMain(m)
}

// everything is a window that contains all events.
var everything = upstream.Window{Start: 0, End: 4e9}

// sampleAPI returns an upstream with sample data that counts its calls.
func sampleAPI() *upstreamtest.Counting {
	return &upstreamtest.Counting{API: upstreamtest.NewModel(upstreamtest.Sample())}
}

// settings of a cache that keeps all for longer than a test takes.
var settings = cached.Options{
	Bytes: cached.DefaultBytes, Settle: time.Hour, Sealed: time.Hour, Fresh: time.Hour, Catalogue: time.Hour,
}

// gateway is what a gateway has between its resolvers and the upstream.
type gateway struct {
	*cached.Cache
	upstream.API
	redis *redis.Client
}

// open returns a gateway that uses the Redis of a URL, and whose leases outlast any pause of the test.
func open(t testing.TB, url string, api upstream.Asker, o cached.Options) gateway {
	t.Helper()
	return openWith(t, url, api, o, time.Hour)
}

// openWith is open with another lease.
func openWith(t testing.TB, url string, api upstream.Asker, o cached.Options, lease time.Duration) gateway {
	t.Helper()
	client, err := redis.Open(redis.Options{URL: url, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	o.Shared = redisanswers.New(client, lease)
	c, err := cached.New(api, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); _ = client.Close() })
	return gateway{c, upstream.API{Asker: c}, client}
}

// question is a call of the API by name.
type question struct {
	name string
	*upstream.Question
}

func (q question) ask(ctx context.Context, a upstream.Asker) (any, error) {
	return a.Ask(ctx, q.Question)
}

// questions returns one question of each shape and kind.
func questions() (all []question) {
	for _, q := range upstreamtest.Questions(everything, upstreamtest.Sample().Bounces[0].Key()) {
		all = append(all, question{fmt.Sprint(q.Endpoint(), " ", q.Shape), q})
	}
	return all
}

func TestGatewaysShareAnswers(t *testing.T) {
	t.Parallel()
	server, api := redistest.Start(t), sampleAPI()
	var looked atomic.Int32
	o := settings
	o.Observe = func(_ context.Context, l cached.Lookup) {
		if l.Result() == "shared" {
			looked.Add(1)
		}
	}
	first, second := open(t, server.URL(), api, settings), open(t, server.URL(), api, o)
	for _, q := range questions() {
		want, err := q.ask(t.Context(), first.API)
		if err != nil {
			t.Fatalf("%s: %v", q.name, err)
		}
		calls := api.Total()
		got, err := q.ask(t.Context(), second.API)
		if err != nil {
			t.Fatalf("%s: %v", q.name, err)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: -first +second\n%.2000s", q.name, diff)
		}
		if n := api.Total() - calls; n != 0 {
			t.Errorf("%s: the second gateway made %d calls", q.name, n)
		}
	}
	if looked.Load() == 0 {
		t.Error("no lookup was reported as shared")
	}
}

func TestKeysAndScopesShareNothing(t *testing.T) {
	t.Parallel()
	server, api := redistest.Start(t), sampleAPI()
	one, other := settings, settings
	one.Realm, other.Realm = "https://metrics.example.com key1", "https://metrics.example.com key2"
	first := open(t, server.URL(), api, one)
	for _, q := range questions() {
		ask := func(name string, a upstream.Asker) {
			before := api.Total()
			if _, err := q.ask(t.Context(), a); err != nil {
				t.Fatal(err)
			}
			if api.Total() == before {
				t.Errorf("%s: %s got the answer of another", q.name, name)
			}
		}
		ask("the first", first)
		ask("another key", open(t, server.URL(), api, other))
		other := one
		other.Fresh++
		ask("a cache that keeps answers differently", open(t, server.URL(), api, other))
		ask("another scope", open(t, server.URL(), api, one).For("a"))
		ask("a third scope", open(t, server.URL(), api, one).For("b"))
	}
}

// 1,000 equal questions at once from three gateways make one call.
func TestEqualQuestionsMakeOneCall(t *testing.T) {
	t.Parallel()
	_, url := redistest.Cluster(t, 3)
	api := sampleAPI()
	api.Before = func(context.Context, string) error { time.Sleep(20 * time.Millisecond); return nil }
	var gateways []gateway
	for range 3 {
		gateways = append(gateways, open(t, url, api, settings))
	}
	for _, q := range questions() {
		api.Reset()
		var asking sync.WaitGroup
		for i := range 1000 {
			asking.Go(func() {
				if _, err := q.ask(t.Context(), gateways[i%3].API); err != nil {
					t.Errorf("%s: %v", q.name, err)
				}
			})
		}
		asking.Wait()
		for call, n := range api.Calls() {
			if n != 1 {
				t.Errorf("%s: %d calls of %s", q.name, n, call)
			}
		}
		if api.Total() == 0 {
			t.Errorf("%s: no call", q.name)
		}
	}
}

var (
	bounces    = question{"bounces", upstreamtest.Question(upstream.Bounces, upstream.ListQuery{Window: everything})}
	categories = question{"categories", &upstream.Question{Shape: upstream.ShapeCatalogue, Kind: upstream.Bounces}}
)

// loads asks the question, so that Redis knows the scripts.
func (q question) loads(t *testing.T, g gateway) {
	t.Helper()
	if _, err := q.ask(t.Context(), g.API); err != nil {
		t.Fatal(err)
	}
}

// While Redis is down, each gateway makes its calls; afterwards they share again, though Redis has lost all.
func TestGatewaysWorkWithoutRedis(t *testing.T) {
	t.Parallel()
	server, api := redistest.Start(t), sampleAPI()
	first, second := open(t, server.URL(), api, settings), open(t, server.URL(), api, settings)
	all := slices.DeleteFunc(questions(), func(q question) bool { // those that take two calls
		return q.Shape == upstream.ShapeCounts || q.Shape == upstream.ShapeSeries
	})
	askBoth := func(qs []question) {
		t.Helper()
		for _, q := range qs {
			for _, g := range []gateway{first, second} {
				if _, err := q.ask(t.Context(), g.API); err != nil {
					t.Errorf("%s: %v", q.name, err)
				}
			}
		}
	}
	askBoth(all[:2])
	if n := api.Total(); n != 2 {
		t.Errorf("%d calls with Redis, want 2", n)
	}
	server.Kill()
	api.Reset()
	askBoth(all[:4])
	if n := api.Total(); n != 4 {
		t.Errorf("%d calls without Redis, want 4: two questions were in memory", n)
	}
	server.Restart()
	for _, g := range []gateway{first, second} {
		for g.redis.Set(t.Context(), "a", 1, 0).Err() != nil { // until the breaker tries again
			time.Sleep(10 * time.Millisecond)
		}
	}
	api.Reset()
	askBoth(all[4:6])
	if n := api.Total(); n != 2 {
		t.Errorf("%d calls with Redis again, want 2", n)
	}
}

func TestClusterMayLoseANode(t *testing.T) {
	t.Parallel()
	nodes, url := redistest.Cluster(t, 3)
	api := sampleAPI()
	first, second := open(t, url, api, settings), open(t, url, api, settings)
	all := questions()
	for i, q := range all {
		if i == len(all)/2 {
			nodes[1].Kill()
		}
		for _, g := range []gateway{first, second} {
			if _, err := q.ask(t.Context(), g.API); err != nil {
				t.Errorf("%s: %v", q.name, err)
			}
		}
	}
	for call, n := range api.Calls() {
		if n > 2 {
			t.Errorf("%d calls of %s by two gateways", n, call)
		}
	}
}

// Counts of a long window are a sum that grows. A gateway that has none takes the shared one, and asks only for what
// came later.
func TestGatewaysShareSums(t *testing.T) {
	t.Parallel()
	server, api := redistest.Start(t), sampleAPI()
	midnight := upstream.Day.Floor(upstreamtest.Sample().Bounces[0].BounceTime) + 86400
	at := func(minutes upstream.Time) gateway {
		o := settings
		o.Now = func() time.Time { return time.Unix(int64(midnight+12*3600+60*minutes), 0) }
		return open(t, server.URL(), api, o)
	}
	ask := func(g gateway, minutes upstream.Time) []upstream.Count {
		t.Helper()
		counts, err := g.Counts(t.Context(), upstream.Bounces, upstream.CountQuery{
			Window: upstream.Window{Start: midnight - 20*86400, End: midnight + 12*3600 + 60*minutes},
			Rollup: upstream.ByUser,
		})
		if err != nil {
			t.Fatal(err)
		}
		return counts
	}
	want := ask(at(0), 0)
	api.Reset()
	if got := ask(at(10), 10); !cmp.Equal(want, got) || len(got) == 0 {
		t.Errorf("got %v, want %v", got, want)
	}
	for call := range api.Calls() {
		_, query, _ := strings.Cut(call, "?")
		values, _ := url.ParseQuery(query)
		start, err := strconv.ParseInt(values.Get("start_time"), 10, 64)
		if err != nil || start < int64(midnight) {
			t.Errorf("the second gateway asked for settled counts again: %s", call)
		}
	}
	api.Reset()
	ask(at(10), 10)
	if n := api.Total(); n != 0 {
		t.Errorf("a third gateway made %d calls for what the second has just asked", n)
	}
}

// With SharedCounts, nothing about recipients reaches Redis.
func TestCountsAloneAreShared(t *testing.T) {
	t.Parallel()
	server, api := redistest.Start(t), sampleAPI()
	o := settings
	o.SharedCounts = true
	first, second := open(t, server.URL(), api, o), open(t, server.URL(), api, o)
	keys := server.Client()
	for _, q := range questions() {
		counted := q.Shape != upstream.ShapeList && q.Shape != upstream.ShapeDetail
		before := keys.DBSize(t.Context()).Val()
		for _, g := range []gateway{first, second} {
			if _, err := q.ask(t.Context(), g.API); err != nil {
				t.Fatal(err)
			}
		}
		if kept := keys.DBSize(t.Context()).Val() > before; kept != counted {
			t.Errorf("%s: kept is %v", q.name, kept)
		}
	}
}

// Polls are made once for all gateways, but by each gateway if only counts are shared.
func TestPollsAreSharedUnlessOnlyCountsAre(t *testing.T) {
	t.Parallel()
	for _, counts := range []bool{false, true} {
		server, api := redistest.Start(t), sampleAPI()
		o, want := settings, 1
		if o.SharedCounts = counts; counts {
			want = 2
		}
		for range 2 {
			polls := open(t, server.URL(), api, o).Polls(time.Hour)
			if _, err := bounces.ask(t.Context(), upstream.API{Asker: polls}); err != nil {
				t.Fatal(err)
			}
		}
		if n := api.Total(); n != want {
			t.Errorf("only counts: %v: two gateways made %d calls, want %d", counts, n, want)
		}
		if n := server.Client().DBSize(t.Context()).Val(); (n == 0) != counts {
			t.Errorf("only counts: %v: Redis keeps %d values", counts, n)
		}
	}
}
