package embedded_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded"
	"deliverygraph/upstream/grouped"
	"deliverygraph/upstream/upstreamtest"
)

// Windows as parameters: the sample has a few events in day and more than two pages in crowdDay.
const (
	day      = "start_time=1479772800&end_time=1479859200"
	crowdDay = "start_time=1480118400&end_time=1480204800"
)

// faulty is a store.Reader of the sample whose bounces come from a function.
type faulty struct {
	upstreamtest.Backend
	bounces func(ctx context.Context) ([]upstream.Bounce, error)
}

func (f faulty) Ask(
	ctx context.Context, only []upstream.ID, q *upstream.Question, p *grouped.Providers,
) (any, error) {
	if q.Shape == upstream.ShapeList && q.Kind == upstream.Bounces {
		return f.bounces(ctx)
	}
	return f.Backend.Ask(ctx, only, q, p)
}

func sampleBackend() upstreamtest.Backend {
	return upstreamtest.Backend{Model: upstreamtest.NewModel(upstreamtest.Sample())}
}

// get requests a path and query string from h. header lists names and values in turn.
func get(t testing.TB, h http.Handler, pathAndQuery string, header ...string) *http.Response {
	t.Helper()
	return getContext(context.Background(), h, pathAndQuery, header...)
}

func getContext(ctx context.Context, h http.Handler, pathAndQuery string, header ...string) *http.Response {
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "http://api.example.com"+pathAndQuery, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func bodyOf(t testing.TB, r *http.Response) string {
	t.Helper()
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestAllAnswersHaveTheSameHeaders(t *testing.T) {
	h := embedded.New(sampleBackend(), embedded.Options{})
	for pathAndQuery, status := range map[string]int{
		"/bounces?" + day: 200, "/bounce/categories": 200, "/bounces": 452, "/nothing": 404,
	} {
		r := get(t, h, pathAndQuery)
		if r.StatusCode != status {
			t.Errorf("%s: status %d, want %d", pathAndQuery, r.StatusCode, status)
		}
		got := map[string]string{}
		for _, name := range []string{"Content-Type", "Content-Length", "Cache-Control", "X-Content-Type-Options"} {
			got[name] = r.Header.Get(name)
		}
		want := map[string]string{
			"Content-Type": "application/json", "Content-Length": fmt.Sprint(len(bodyOf(t, r))),
			"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: headers (-want +got)\n%s", pathAndQuery, diff)
		}
	}
}

func TestInternalErrorsGet500WithoutDetails(t *testing.T) {
	const secret = "secret-of-the-store"
	for name, bounces := range map[string]func(context.Context) ([]upstream.Bounce, error){
		"an error": func(context.Context) ([]upstream.Bounce, error) { return nil, errors.New(secret) },
		"an upstream.Error": func(context.Context) ([]upstream.Bounce, error) {
			return nil, &upstream.Error{Code: upstream.Internal, Message: secret}
		},
		"a wrapped error": func(context.Context) ([]upstream.Bounce, error) {
			return nil, &upstream.Error{Code: upstream.Internal, Err: errors.New(secret)}
		},
		"a panic": func(context.Context) ([]upstream.Bounce, error) { panic(secret) },
		"a nil dereference": func(context.Context) ([]upstream.Bounce, error) {
			var b *upstream.Bounce
			return []upstream.Bounce{*b}, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			var logged bytes.Buffer
			h := embedded.New(faulty{sampleBackend(), bounces},
				embedded.Options{Logger: slog.New(slog.NewJSONHandler(&logged, nil))})
			r := get(t, h, "/bounces?"+day+"&recipient=somebody@example.com")
			if got, want := bodyOf(t, r), `{"error":{"code":500,"message":"internal error"}}`; r.StatusCode != 500 ||
				got != want {
				t.Errorf("status %d, %s; want 500, %s", r.StatusCode, got, want)
			}
			lines := logged.String()
			if strings.Count(lines, "\n") != 1 || !strings.Contains(lines, `"level":"ERROR"`) ||
				!strings.Contains(lines, `"path":"/bounces"`) {
				t.Errorf("want one error line with the path: %s", lines)
			}
			if strings.Contains(lines, "somebody") {
				t.Errorf("the log names a recipient: %s", lines)
			}
			if r := get(t, h, "/emails?"+day); r.StatusCode != 200 {
				t.Errorf("the next request: status %d", r.StatusCode)
			}
		})
	}
}

func TestUnavailableBackendGets503WithRetryAfter(t *testing.T) {
	h := embedded.New(faulty{sampleBackend(), func(context.Context) ([]upstream.Bounce, error) {
		err := &upstream.Error{
			Code: upstream.Unavailable, Message: "the store is being repaired", RetryAfter: 7 * time.Second,
		}
		return nil, fmt.Errorf("list: %w", err)
	}}, embedded.Options{})
	r := get(t, h, "/bounces?"+day)
	got, want := bodyOf(t, r), `{"error":{"code":503,"message":"the store is being repaired"}}`
	if retry := r.Header.Get("Retry-After"); r.StatusCode != 503 || got != want || retry != "7" {
		t.Errorf("status %d, %s, Retry-After %s; want 503, %s, 7", r.StatusCode, got, retry, want)
	}
}

func TestCanceledRequestsAreNotLogged(t *testing.T) {
	var logged bytes.Buffer
	ctx, cancel := context.WithCancel(t.Context())
	h := embedded.New(faulty{sampleBackend(), func(ctx context.Context) ([]upstream.Bounce, error) {
		cancel()
		return nil, fmt.Errorf("read rows: %w", ctx.Err())
	}}, embedded.Options{Logger: slog.New(slog.NewTextHandler(&logged, nil))})
	if r := getContext(ctx, h, "/bounces?"+day); r.StatusCode != 503 {
		t.Errorf("status %d, want 503", r.StatusCode)
	}
	if logged.Len() != 0 {
		t.Errorf("logged %s", logged.String())
	}
}

func TestDebugLogHasNoKeysOrRecipients(t *testing.T) {
	var logged bytes.Buffer
	const key = "a-key-that-opens-all-users"
	h := embedded.New(sampleBackend(), embedded.Options{
		Keys:   keys(t, key),
		Logger: slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	get(t, h, "/emails?"+day+"&recipient=edge4@example.com", "Authorization", "apikey="+key)
	get(t, h, "/bounce/20/21/1479772800/20161122000000.edge4=example.com@mail6", "Authorization", "apikey="+key)
	line := logged.String()
	for _, want := range []string{
		"level=DEBUG", "method=GET", "path=/emails", "path=/bounce/…", "status=200", "bytes=", "ms=",
	} {
		if !strings.Contains(line, want) {
			t.Errorf("no %s in %s", want, line)
		}
	}
	for _, secret := range []string{key, "edge4", "recipient"} {
		if strings.Contains(line, secret) {
			t.Errorf("%s in %s", secret, line)
		}
	}
}

func TestLongURLsGet414(t *testing.T) {
	h := embedded.New(sampleBackend(), embedded.Options{})
	long := strings.Repeat("a", embedded.MaxURL)
	for _, pathAndQuery := range []string{"/" + long, "/bounces?" + day + "&local=" + long} {
		r := get(t, h, pathAndQuery)
		if got := bodyOf(t, r); r.StatusCode != 414 || !strings.Contains(got, `{"error":{"code":414,`) {
			t.Errorf("status %d, %.200s; want 414", r.StatusCode, got)
		}
	}
	if r := get(t, h, "/bounces?"+day+"&local="+strings.Repeat("a", embedded.MaxURL-100)); r.StatusCode != 200 {
		t.Errorf("just below the limit: status %d, want 200", r.StatusCode)
	}
}

func TestErrorsQuoteOnlyTheStartOfLongNames(t *testing.T) {
	h := embedded.New(sampleBackend(), embedded.Options{})
	long := strings.Repeat("ü", 2000)
	for _, pathAndQuery := range []string{
		"/" + long,
		"/bounces?" + day + "&" + long + "=1",
		"/bounce/categories?" + long + "=1",
		"/bounces?" + day + "&X-" + long + "=1",
	} {
		if got := bodyOf(t, get(t, h, pathAndQuery)); len(got) > 600 {
			t.Errorf("%.20s…: an error of %d bytes", pathAndQuery, len(got))
		}
	}
}

func TestRequestsOverMaxConcurrentGet503(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	h := embedded.New(faulty{sampleBackend(), func(context.Context) ([]upstream.Bounce, error) {
		entered <- struct{}{}
		<-release
		return nil, nil
	}}, embedded.Options{MaxConcurrent: 2})
	statuses := make(chan int, 2)
	for range 2 {
		go func() { statuses <- get(t, h, "/bounces?"+day).StatusCode }()
		<-entered
	}
	r := get(t, h, "/emails?"+day)
	got, retry := bodyOf(t, r), r.Header.Get("Retry-After")
	if r.StatusCode != 503 || retry == "" || !strings.Contains(got, `"code":503`) {
		t.Errorf("the third: status %d, Retry-After %q, %s; want 503", r.StatusCode, retry, got)
	}
	close(release)
	for range 2 {
		if got := <-statuses; got != 200 {
			t.Errorf("one of the first two: status %d, want 200", got)
		}
	}
	if r := get(t, h, "/emails?"+day); r.StatusCode != 200 {
		t.Errorf("after they are done: status %d, want 200", r.StatusCode)
	}
}

func TestDetailsHaveHostAndTimesInEnvelope(t *testing.T) {
	b := upstreamtest.Sample().Bounces[0]
	now := time.Unix(1_479_772_800, 0)
	clock := func() time.Time { now = now.Add(250 * time.Millisecond); return now }
	for name, test := range map[string]struct{ option, want string }{
		"the request's host": {"", "api.example.com"},
		"APIHost":            {"metrics.example.net", "metrics.example.net"},
	} {
		t.Run(name, func(t *testing.T) {
			now = time.Unix(1_479_772_800, 0)
			h := embedded.New(sampleBackend(), embedded.Options{APIHost: test.option, Now: clock})
			got := bodyOf(t, get(t, h, b.Key().Path()))
			begin := `{"processing_time":0.25,"resp_time":1479772800.5,"data":{`
			end := `},"api_host":"` + test.want + `","recv_time":1479772800.25}`
			if !strings.HasPrefix(got, begin) || !strings.HasSuffix(got, end) {
				t.Errorf("got %s, want %s…%s", got, begin, end)
			}
		})
	}
}
