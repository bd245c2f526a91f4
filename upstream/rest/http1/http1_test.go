package http1_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"deliverygraph/upstream/rest/http1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// dialing gives a transport, and how many connections it has opened.
func dialing(t testing.TB) (*http1.Transport, *atomic.Int64) {
	var dials atomic.Int64
	tr := &http1.Transport{
		Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			dials.Add(1)
			return (&net.Dialer{}).DialContext(ctx, network, address)
		},
		MaxIdle: 4, IdleTimeout: time.Minute, MaxHeaderBytes: 4 << 10,
	}
	t.Cleanup(tr.CloseIdleConnections)
	return tr, &dials
}

// raw is a server that answers each request with the next of the texts, and closes
// the connection after one that ends in "|".
func raw(t testing.TB, texts ...string) (url string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	over, end := context.WithCancel(context.Background())
	t.Cleanup(func() { end(); l.Close(); wg.Wait() })
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close()
				defer context.AfterFunc(over, func() { c.Close() })()
				var buf [4 << 10]byte
				for {
					if _, err := c.Read(buf[:]); err != nil {
						return
					}
					text := texts[min(int(next.Add(1)), len(texts))-1]
					io.WriteString(c, strings.TrimSuffix(text, "|"))
					if strings.HasSuffix(text, "|") {
						return
					}
				}
			})
		}
	})
	return "http://" + l.Addr().String()
}

func get(t testing.TB, tr http.RoundTripper, url string) (int, http.Header, string, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := tr.RoundTrip(req)
	if err != nil {
		return 0, nil, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, resp.Header, string(text), err
}

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

// Whatever a server sends, the answer is the one that net/http gives, or both are
// errors.
func TestAnswersAreThoseOfNetHTTP(t *testing.T) {
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	io.WriteString(z, "zipped text")
	z.Close()
	head := "HTTP/1.1 200 OK\r\n"
	for _, text := range []string{
		ok, ok + "|", head + "\r\nto the end|", head + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Trailer: y\r\n\r\n",
		head + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n|", head + "Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n|",
		head + "Transfer-Encoding: chunked\r\nContent-Length: 9\r\n\r\n3\r\nabc\r\n0\r\n\r\n", head + "Transfer-Encoding: odd\r\n\r\nabc|",
		head + "Content-Length: 9\r\n\r\nshort|", head + "Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc|", head + "Content-Length: -1\r\n\r\nabc|",
		head + "Content-Length: 2\r\n\r\nok and more|", head + "Connection: close\r\nContent-Length: 2\r\n\r\nok|",
		"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok|", "HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 304 Not Modified\r\n\r\n", "HTTP/1.1 503 \r\nRetry-After: 5\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + ok, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n" + ok, strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", 9) + ok + "|",
		"|", "H|", "HTTP/1.1 200|", "HTTP/1.1 200 OK\r\n|", "HTTP/1.1 2000 OK\r\n\r\n|", "HTTP/9 200 OK\r\n\r\n|", "<html>|", "\r\n\r\n|", head + "no colon\r\n\r\n|", head + " folded: x\r\n\r\n|", head + "X: a\r\n b\r\nContent-Length: 2\r\n\r\nok",
		head + "X-Large: " + strings.Repeat("x", 5<<10) + "\r\nContent-Length: 2\r\n\r\nok|", strings.Repeat("x", 9<<10) + "|",
		head + "Content-Encoding: gzip\r\nContent-Length: " + fmt.Sprint(zipped.Len()) + "\r\n\r\n" + zipped.String(),
		head + "Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope", head + "Content-Encoding: gzip\r\n\r\n" + zipped.String()[:20] + "|", head + "Content-Encoding: br\r\nContent-Length: 2\r\n\r\nok",
	} {
		theirs := &http.Transport{MaxResponseHeaderBytes: 4 << 10}
		ours, _ := dialing(t)
		wantStatus, wantHeader, want, wantErr := get(t, theirs, raw(t, text))
		theirs.CloseIdleConnections()
		status, header, got, err := get(t, ours, raw(t, text))
		if status != wantStatus || got != want || fmt.Sprint(header) != fmt.Sprint(wantHeader) || (err != nil) != (wantErr != nil) {
			t.Errorf("%.80q: %d %v %q %v, want %d %v %q %v", text, status, header, got, err, wantStatus, wantHeader, want, wantErr)
		}
	}
}

// One connection is enough for one request after the other, unless the server, or
// what came over it, says otherwise.
func TestConnectionsAreKept(t *testing.T) {
	for name, c := range map[string]struct {
		texts []string
		dials int64
	}{
		"a length":                 {[]string{ok}, 1},
		"chunks":                   {[]string{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"}, 1},
		"no body":                  {[]string{"HTTP/1.1 204 No Content\r\n\r\n"}, 1},
		"close":                    {[]string{"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"}, 4},
		"HTTP/1.0":                 {[]string{"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"}, 4},
		"more than was said":       {[]string{ok + "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong"}, 4},
		"closed while it was idle": {[]string{ok + "|"}, 4},
		"closed when it is used":   {[]string{ok, "|", ok}, 2},
	} {
		tr, dials := dialing(t)
		url := raw(t, c.texts...)
		for i := range 4 {
			if _, _, body, err := get(t, tr, url); err != nil || body != "ok" && body != "" {
				t.Errorf("%s: request %d: %q, %v", name, i, body, err)
			}
		}
		if n := dials.Load(); n != c.dials {
			t.Errorf("%s: %d connections, want %d", name, n, c.dials)
		}
	}
}

// A server that has ended its side of an idle connection, and still listens on it, is asked
// over another: it would never answer.
func TestHalfClosedConnections(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	defer l.Close()
	closed := make(chan struct{})
	wg.Go(func() {
		for range 2 {
			c, err := l.Accept()
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			var buf [4 << 10]byte
			if _, err := c.Read(buf[:]); err != nil {
				t.Error(err)
			}
			io.WriteString(c, ok)
			if err := c.(*net.TCPConn).CloseWrite(); err != nil {
				t.Error(err)
			}
			closed <- struct{}{}
		}
	})
	tr, dials := dialing(t)
	for range 2 {
		if _, _, body, err := get(t, tr, "http://"+l.Addr().String()); err != nil || body != "ok" {
			t.Errorf("%q, %v", body, err)
		}
		<-closed
	}
	if n := dials.Load(); n != 2 {
		t.Errorf("%d connections, want 2", n)
	}
}

// A request that is larger than what a connection takes at once is sent whole, also over
// one that was used before.
func TestLargeRequests(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, len(r.Header.Get("X-Large")))
	}))
	s.Config.MaxHeaderBytes = 4 << 20
	s.Start()
	defer s.Close()
	tr, dials := dialing(t)
	dial := tr.Dial
	tr.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dial(ctx, network, address)
		if err == nil {
			err = c.(*net.TCPConn).SetWriteBuffer(4 << 10)
		}
		return c, err
	}
	for _, size := range []int{1, 2 << 20, 1, 2 << 20} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Large", strings.Repeat("a", size))
		resp, err := tr.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		if body, err := io.ReadAll(resp.Body); err != nil || string(body) != fmt.Sprint(size) {
			t.Errorf("%s of %d, %v", body, size, err)
		}
	}
	if n := dials.Load(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
}

// Many at once take a connection each, and no more are kept than may be.
func TestIdleConnectionsAreBounded(t *testing.T) {
	var together sync.WaitGroup
	together.Add(8)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		together.Done()
		together.Wait()
	}))
	defer s.Close()
	tr, dials := dialing(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, _, _, err := get(t, tr, s.URL); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	together.Add(8)
	for range 8 {
		wg.Go(func() {
			if _, _, _, err := get(t, tr, s.URL); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := dials.Load(); n != 8+4 {
		t.Errorf("%d connections for 8 requests at once, twice, with 4 kept", n)
	}
}

// A context that ends ends a request, and a body that is being read, with its cause.
func TestContexts(t *testing.T) {
	cause := errors.New("its cause")
	for name, text := range map[string]string{
		"before the answer": "",
		"in the header":     "HTTP/1.1 200 OK\r\nContent-",
		"in the body":       "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nok",
	} {
		sent := make(chan struct{})
		tr, _ := dialing(t)
		dial := tr.Dial
		tr.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := dial(ctx, network, address)
			return told{c, sync.OnceFunc(func() { close(sent) })}, err
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		go func() { <-sent; cancel(cause) }()
		req, _ := http.NewRequestWithContext(ctx, http.MethodGet, raw(t, text), nil)
		resp, err := tr.RoundTrip(req)
		if err == nil {
			_, err = io.ReadAll(resp.Body)
			resp.Body.Close()
		}
		if !errors.Is(err, cause) {
			t.Errorf("%s: %v", name, err)
		}
	}
	tr, dials := dialing(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	req, _ := http.NewRequestWithContext(ctx, http.MethodGet, raw(t, ok), nil)
	if _, err := tr.RoundTrip(req); err != cause || dials.Load() != 0 {
		t.Errorf("%v and %d connections for a context that has ended", err, dials.Load())
	}
}

// told is a connection that tells of the first request that was written.
type told struct {
	net.Conn
	tell func()
}

func (c told) Write(p []byte) (int, error) {
	defer c.tell()
	return c.Conn.Write(p)
}

// What cannot be written safely, or repeated, is not sent.
func TestWhatIsNotSent(t *testing.T) {
	for name, change := range map[string]func(*http.Request){
		"a line's end in a value":         func(r *http.Request) { r.Header.Set("X", "a\r\nY: b") },
		"a bare line feed in a value":     func(r *http.Request) { r.Header.Set("X", "a\nY: b") },
		"a bare return in a value":        func(r *http.Request) { r.Header.Set("X", "a\rY: b") },
		"a NUL in a value":                func(r *http.Request) { r.Header.Set("X", "a\x00") },
		"a space in a name":               func(r *http.Request) { r.Header["X Y"] = []string{"a"} },
		"a colon in a name":               func(r *http.Request) { r.Header["X:Y"] = []string{"a"} },
		"a line's end in a name":          func(r *http.Request) { r.Header["X\r\nY"] = []string{"a"} },
		"a letter that is none in a name": func(r *http.Request) { r.Header["X\u00e9"] = []string{"a"} },
		"no name":                         func(r *http.Request) { r.Header[""] = []string{"a"} },
		"a length":                        func(r *http.Request) { r.Header["content-length"] = []string{"5"} },
		"an encoding":                     func(r *http.Request) { r.Header.Set("Transfer-Encoding", "chunked") },
		"another host":                    func(r *http.Request) { r.Header.Set("Host", "b.example.com") },
		"a connection's fate":             func(r *http.Request) { r.Header.Set("Connection", "X") },
		"another protocol":                func(r *http.Request) { r.Header.Set("Upgrade", "h2c") },
		"a space in the URL":              func(r *http.Request) { r.URL.RawQuery = "a b" },
		"a line's end in the URL":         func(r *http.Request) { r.URL.RawQuery = "a\r\nX: b" },
		"a line's end in a host":          func(r *http.Request) { r.Host = "a\r\nX: b" },
		"https":                           func(r *http.Request) { r.URL.Scheme = "https" },
		"a body":                          func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader("x")) },
		"what may not be repeated":        func(r *http.Request) { r.Method = http.MethodPost },
		"a method of two words":           func(r *http.Request) { r.Method = "GET /a HTTP/1.1\r\nX:" },
	} {
		tr, _ := dialing(t)
		var written atomic.Int64
		dial := tr.Dial
		tr.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := dial(ctx, network, address)
			return told{c, func() { written.Add(1) }}, err
		}
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, raw(t, ok), nil)
		change(req)
		if _, err := tr.RoundTrip(req); err == nil || !strings.Contains(err.Error(), "http1: ") || written.Load() != 0 {
			t.Errorf("%s: %v, written %d times", name, err, written.Load())
		}
	}
}

// HEAD has the header of an answer and no body, and leaves the connection as it was.
func TestHead(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "5")
		if r.Method != http.MethodHead {
			io.WriteString(w, "hello")
		}
	}))
	defer s.Close()
	tr, dials := dialing(t)
	for range 3 {
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodHead, s.URL, nil)
		resp, err := tr.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || len(text) != 0 || resp.ContentLength != 5 {
			t.Errorf("%q of %d bytes, %v", text, resp.ContentLength, err)
		}
		if _, _, body, err := get(t, tr, s.URL); body != "hello" || err != nil {
			t.Errorf("after it: %q, %v", body, err)
		}
	}
	if n := dials.Load(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
}

// A server sees what was asked, with the header of the request.
func TestRequests(t *testing.T) {
	seen := make(chan *http.Request, 1)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { seen <- r }))
	defer s.Close()
	tr, _ := dialing(t)
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/a%2Fb/@c?q=1&r=%2B", nil)
	req.Header = http.Header{"Authorization": {"apikey=k"}, "Accept": {"a", "b"}}
	resp, err := tr.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	r := <-seen
	if r.RequestURI != "/a%2Fb/@c?q=1&r=%2B" || r.Host != req.URL.Host || r.Header.Get("Authorization") != "apikey=k" || len(r.Header["Accept"]) != 2 || r.Header.Get("Accept-Encoding") != "gzip" {
		t.Errorf("%s of %s with %v", r.RequestURI, r.Host, r.Header)
	}
}

// same is a connection on which every request is answered by the same text.
type same struct {
	net.Conn
	text    string
	pending string
}

func (s *same) Write(p []byte) (int, error) { s.pending = s.text; return len(p), nil }

func (s *same) Read(p []byte) (int, error) {
	n := copy(p, s.pending)
	s.pending = s.pending[n:]
	return n, nil
}

func (s *same) Close() error { return nil }

// TestRequestsTakeFewAllocations bounds them, where a context can end.
func TestRequestsTakeFewAllocations(t *testing.T) {
	const most = 9
	tr := &http1.Transport{MaxIdle: 1, MaxHeaderBytes: 64 << 10, Dial: func(context.Context, string, string) (net.Conn, error) {
		return &same{text: "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: Tue, 22 Nov 2016 00:00:00 GMT\r\nContent-Length: 2\r\n\r\nok"}, nil
	}}
	defer tr.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://api.example.com/", nil)
	if err != nil {
		t.Fatal(err)
	}
	room := make([]byte, 10)
	n := testing.AllocsPerRun(50, func() {
		resp, err := tr.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := resp.Body.Read(room); n != 2 || err != io.EOF {
			t.Fatal(n, err)
		}
	})
	if n > most {
		t.Errorf("%v allocations, want at most %d", n, most)
	}
}

func BenchmarkGet(b *testing.B) {
	url := raw(b, ok)
	ours, _ := dialing(b)
	theirs := &http.Transport{}
	defer theirs.CloseIdleConnections()
	for name, tr := range map[string]http.RoundTripper{"http1": ours, "net-http": theirs} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, _, err := get(b, tr, url); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
