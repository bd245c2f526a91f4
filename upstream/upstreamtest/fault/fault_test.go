package fault_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"deliverygraph/upstream/upstreamtest/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const rows = `[{"email_id":"a","user_id":21,"xheaders":{"X-B":"1","X-A":"<2>"}},` +
	`{"email_id":"b","user_id":21,"xheaders":null}]`

var truth = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/bounces":
		io.WriteString(w, rows)
	case "/email/counts":
		io.WriteString(w, `{"data":{"20":[{"sent_count":5,"timestamp":1}],"21":[{"sent_count":6,"timestamp":1}]}}`)
	case "/bounce/categories":
		io.WriteString(w, `{"data":["one","two"]}`)
	default:
		http.NotFound(w, r)
	}
})

// through returns the answer with a fault.
func through(t *testing.T, name, target string) *httptest.ResponseRecorder {
	t.Helper()
	f, ok := fault.Named(name)
	if !ok {
		t.Fatalf("there is no fault %q", name)
	}
	w := httptest.NewRecorder()
	f.Wrap(truth).ServeHTTP(w, httptest.NewRequest("GET", target, nil))
	return w
}

func TestFaultsChangeOnlyWhatTheirNameSays(t *testing.T) {
	for _, test := range []struct{ name, target, want string }{
		{"wrong type of email_id", "/bounces", strings.Replace(rows, `"b"`, "7", 1)},
		{
			"wrong type of user_id", "/bounces",
			strings.Replace(rows, `21,"xheaders":null`, `"seven","xheaders":null`, 1),
		},
		{"wrong type of xheaders", "/bounces", strings.Replace(rows, "null", "7", 1)},
		{"wrong type of data", "/bounces", "7"},
		{"wrong type of data", "/email/counts", `{"data":7}`},
		{"wrong type of a code", "/bounce/categories", `{"data":["one",7]}`},
		{"wrong type of a code", "/bounces", rows},
		{"wrong type of timestamp", "/bounces", rows},
		{"rows of another user", "/bounces", strings.Replace(rows, `21,"xheaders":null`, `219,"xheaders":null`, 1)},
		{
			"rows of another user", "/email/counts?rollup_to=user",
			`{"data":{"20":[{"sent_count":5,"timestamp":1}],"219":[{"sent_count":6,"timestamp":1}]}}`,
		},
		{
			"rows of another user", "/email/counts",
			`{"data":{"20":[{"sent_count":5,"timestamp":1}],"21":[{"sent_count":6,"timestamp":1}]}}`,
		},
		{
			"negative counts", "/email/counts",
			`{"data":{"20":[{"sent_count":-7,"timestamp":1}],"21":[{"sent_count":-7,"timestamp":1}]}}`,
		},
		{"unsorted rows", "/bounce/categories", `{"data":["one","two"]}`},
	} {
		got := through(t, test.name, test.target)
		if body := strings.ReplaceAll(strings.ReplaceAll(got.Body.String(), `\u003c`, "<"), `\u003e`,
			">"); got.Code != 200 || body != test.want {
			t.Errorf("%s of %s: %d %s\nwant %s", test.name, test.target, got.Code, body, test.want)
		}
	}
}

func TestFaultsDoNotChangeErrors(t *testing.T) {
	if got := through(t, "truncated JSON", "/nowhere"); got.Code != 404 {
		t.Errorf("status %d, want 404", got.Code)
	}
}

func TestConnectionFaultsAbortHandlerIfHijackFails(t *testing.T) {
	defer func() {
		if p := recover(); p != http.ErrAbortHandler {
			t.Errorf("panic %v, want http.ErrAbortHandler", p)
		}
	}()
	through(t, "reset before the answer", "/bounces")
}

func TestFaultsThatHappenOnceDoSoForEachURL(t *testing.T) {
	f, _ := fault.Named("503 once")
	h := f.Wrap(truth)
	for _, test := range []struct {
		target string
		want   int
	}{
		{"/bounces?a=1", 503}, {"/bounces?a=2", 503}, {"/bounces?a=1", 200}, {"/bounces?a=1", 200},
		{"/bounces?a=2", 200},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", test.target, nil))
		if w.Code != test.want {
			t.Errorf("%s: %d, want %d", test.target, w.Code, test.want)
		}
	}
}

func TestNamesAreUnique(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range fault.All {
		if seen[f.Name] || f.Name == "" {
			t.Errorf("name %q is empty or a duplicate", f.Name)
		}
		seen[f.Name] = true
		if g, ok := fault.Named(f.Name); !ok || g.Name != f.Name {
			t.Errorf("Named does not find %q", f.Name)
		}
	}
	if _, ok := fault.Named("none of them"); ok {
		t.Error("Named finds a fault that does not exist")
	}
}

func TestRandomInjectsTheShareAndDependsOnTheSeed(t *testing.T) {
	draw := func(seed uint64, share float64) (names []string) {
		a, _ := fault.Named("451")
		b, _ := fault.Named("500")
		h := fault.Random(truth, seed, share, []fault.Fault{a, b}, func(_ *http.Request, f fault.Fault) {
			names = append(names, f.Name)
		})
		hits := 0
		for range 1000 {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest("GET", "/bounces", nil))
			if w.Code != 200 {
				hits++
			}
		}
		if hits != len(names) {
			t.Errorf("%d faults, but injected was called %d times", hits, len(names))
		}
		return names
	}
	one := draw(1, 0.3)
	if n := len(one); n < 250 || n > 350 {
		t.Errorf("%d faults in 1000 requests, want about 300", n)
	}
	if !slices.Equal(one, draw(1, 0.3)) || slices.Equal(one, draw(2, 0.3)) {
		t.Error("equal seeds give different faults, or different seeds equal ones")
	}
	if len(draw(1, 0)) != 0 || len(draw(1, 1)) != 1000 {
		t.Error("share 0 injects faults, or share 1 omits some")
	}
}

// A server can refuse connections, fail and recover at the same address.
func TestServerKeepsItsAddress(t *testing.T) {
	s := fault.NewServer(truth)
	defer s.Close()
	c := &http.Client{Transport: &http.Transport{}}
	defer c.CloseIdleConnections()
	get := func() (int, error) {
		res, err := c.Get(s.URL + "/bounces")
		if err != nil {
			return 0, err
		}
		defer res.Body.Close()
		_, err = io.Copy(io.Discard, res.Body)
		return res.StatusCode, err
	}
	inject := func(name string) {
		f, ok := fault.Named(name)
		if !ok {
			t.Fatal(name)
		}
		s.Inject(f)
	}
	for range 2 {
		if code, err := get(); code != 200 || err != nil {
			t.Error(code, err)
		}
		inject("refused")
		if _, err := get(); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Error(err)
		}
		inject("500")
		if code, err := get(); code != 500 || err != nil {
			t.Error(code, err)
		}
		inject("reset in the body")
		if _, err := get(); !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Error(err)
		}
		s.Heal()
	}
}
