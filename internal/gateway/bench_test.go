package gateway

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// readyLog waits for the line with the endpoint's URL, and discards all others.
type readyLog struct{ address chan string }

var readyAt = regexp.MustCompile(`msg=ready graphql=http://([^/]+)/`)

// Write implements io.Writer.
func (l *readyLog) Write(lines []byte) (int, error) {
	if l.address != nil {
		if m := readyAt.FindSubmatch(lines); m != nil {
			l.address <- string(m[1])
			l.address = nil
		}
	}
	return len(lines), nil
}

// served runs the whole program in front of an upstream without rows. It returns a function that sends one request on a
// kept-alive connection and reads the response, without allocations of its own.
func served(t testing.TB, query string, headers ...string) (ask func()) {
	t.Helper()
	empty := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "[]")
	}))
	t.Cleanup(empty.Close)
	ctx, cancel := context.WithCancel(context.Background())
	address, ended := make(chan string, 1), make(chan int, 1)
	go func() {
		ended <- Run(ctx, []string{"serve", "--listen", "127.0.0.1:0", "--upstream", empty.URL, "--cache-size", "0"},
			Streams{strings.NewReader(""), io.Discard, &readyLog{address}})
	}()
	t.Cleanup(func() { cancel(); <-ended })
	c, err := net.Dial("tcp", <-address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	body, _ := json.Marshal(map[string]string{"query": query})
	request := fmt.Appendf(nil,
		"POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n\r\n%s",
		strings.Join(append(headers, ""), "\r\n"), len(body), body)
	in := bufio.NewReaderSize(c, 1<<16)
	return func() {
		if _, err := c.Write(request); err != nil {
			t.Fatal(err)
		}
		length := -1
		for {
			line, err := in.ReadSlice('\n')
			if err != nil {
				t.Fatal(err)
			}
			if line = bytes.TrimSpace(line); len(line) == 0 {
				break
			}
			if value, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
				length = 0
				for _, digit := range value {
					length = 10*length + int(digit-'0')
				}
			}
		}
		if n, err := in.Discard(length); err != nil || n != length {
			t.Fatal(strconv.Itoa(n), err)
		}
	}
}

// BenchmarkServed measures an operation that makes no upstream calls, over loopback.
func BenchmarkServed(b *testing.B) {
	for name, headers := range map[string][]string{
		"plain": nil,
		"browser": {
			"Accept: application/graphql-response+json, application/json;q=0.9",
			"Accept-Encoding: gzip, deflate, br, zstd", "Origin: http://localhost:3000", "Sec-Fetch-Site: same-site",
			"User-Agent: Mozilla/5.0",
		},
	} {
		b.Run(name, func(b *testing.B) {
			ask := served(b, "{ __typename }", headers...)
			b.ReportAllocs()
			for b.Loop() {
				ask()
			}
		})
	}
}
