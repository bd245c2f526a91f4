package writev_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"deliverygraph/graph/writev"
)

// serve serves in the clear through the package.
func serve(t testing.TB, h http.Handler) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Listener = writev.Listener{Listener: s.Listener}
	s.Start()
	t.Cleanup(s.Close)
	return s
}

// However an answer is written, it arrives as it was, and so does the next one on the
// connection.
func TestAnswersArriveAsTheyAre(t *testing.T) {
	t.Parallel()
	type answer struct {
		pieces        []int
		told          bool // its length
		flushed, copy bool
	}
	var asked atomic.Pointer[answer]
	body := func(a answer) []byte {
		var b []byte
		for i, n := range a.pieces {
			b = append(b, bytes.Repeat([]byte{byte('a' + i)}, n)...)
		}
		return b
	}
	s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		now := *asked.Load()
		whole := body(now)
		if now.told {
			w.Header().Set("Content-Length", strconv.Itoa(len(whole)))
		}
		for i, n := range now.pieces {
			if now.copy && i == len(now.pieces)-1 {
				_, _ = io.Copy(w, io.LimitReader(strings.NewReader(string(whole)), int64(n)))
				continue
			}
			_, _ = w.Write(whole[:n])
			whole = whole[n:]
			if now.flushed {
				w.(http.Flusher).Flush()
			}
		}
	}))
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.OneOf(rapid.IntRange(0, 10_000), rapid.IntRange(3700, 4200), rapid.SampledFrom([]int{4096, 8192, 100_000}))
		for range 2 {
			now := answer{rapid.SliceOfN(size, 1, 3).Draw(t, "pieces"), rapid.Bool().Draw(t, "told"), rapid.Bool().Draw(t, "flushed"), rapid.Bool().Draw(t, "copied")}
			asked.Store(&now)
			resp, err := s.Client().Get(s.URL)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if err != nil || !bytes.Equal(got, body(now)) {
				t.Fatalf("%+v: %d bytes, %v", now, len(got), err)
			}
		}
	})
}

// An answer that breaks off is seen to, with what was sent of it.
func TestAnAnswerThatBreaksOff(t *testing.T) {
	t.Parallel()
	s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100000")
		_, _ = w.Write(bytes.Repeat([]byte("a"), 3000))
		_, _ = w.Write(bytes.Repeat([]byte("b"), 2000)) // fills the first piece, so that it is written
		panic(http.ErrAbortHandler)
	}))
	resp, err := s.Client().Get(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err == nil || len(got) < 3000 {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// A long answer is sent once, head and all; whatever is not the beginning of one is sent
// at once.
func TestALongAnswerIsSentAtOnce(t *testing.T) {
	t.Parallel()
	head := func(length int) string {
		h := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\nContent-Type: text/plain\r\n\r\n", length)
		return h + strings.Repeat("a", 4096-len(h))
	}
	long := head(10_000)
	for _, c := range []struct {
		name           string
		written, after []string // what is written, and what has been sent after each
	}{
		{"long", []string{long, "rest"}, []string{"", long + "rest"}},
		{"two", []string{long, "rest", long, "rest"}, []string{"", long + "rest", long + "rest", long + "rest" + long + "rest"}},
		{"short", []string{long[:1000]}, []string{long[:1000]}},
		{"all of it", []string{head(3900)}, []string{head(3900)}},
		{"a failure", []string{strings.Replace(long, "200 OK", "500 No", 1)}, []string{strings.Replace(long, "200 OK", "500 No", 1)}},
		{"no length", []string{strings.Replace(long, "Content-Length", "Content-Langth", 1)}, []string{strings.Replace(long, "Content-Length", "Content-Langth", 1)}},
		{"no head", []string{strings.Repeat("a", 4096)}, []string{strings.Repeat("a", 4096)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var sent recorder
			conn, err := writev.Listener{Listener: &sent}.Accept()
			if err != nil {
				t.Fatal(err)
			}
			var after []string
			for _, w := range c.written {
				if n, err := io.WriteString(conn, w); n != len(w) || err != nil {
					t.Fatalf("%d bytes of %d, %v", n, len(w), err)
				}
				after = append(after, string(sent.bytes))
			}
			if !slices.Equal(after, c.after) {
				t.Errorf("sent %.60q, want %.60q", after, c.after)
			}
		})
	}
}

// recorder is what was sent on the connection of a listener.
type recorder struct {
	net.Listener
	bytes []byte
}

func (r *recorder) Accept() (net.Conn, error) { return recorded{to: r}, nil }

type recorded struct {
	net.Conn
	to *recorder
}

func (r recorded) Write(p []byte) (int, error) {
	r.to.bytes = append(r.to.bytes, p...)
	return len(p), nil
}
