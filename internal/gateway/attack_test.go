package gateway

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// attack is a request designed to be expensive.
type attack struct {
	body   string
	header []string
	poured int    // how many bytes of the body are sent before the response; 0 is all
	status int    // of the answer
	says   string // part of it
}

func query(document string) string {
	b, _ := json.Marshal(map[string]string{"query": document})
	return string(b)
}

func times(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

func bomb(t *testing.T, n int) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(bytes.Repeat([]byte(" "), n)); err != nil {
		t.Fatal(err)
	}
	_ = z.Close()
	return b.String()
}

// cpu returns the processor time that this process has used.
func cpu(t *testing.T) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// Each attack is refused with a message that says what to change, costs less than a second of processor time, and
// leaves the gateway responsive. The test does not run in parallel, as it measures the whole process.
func TestAttacksAreCheap(t *testing.T) {
	most := time.Second // of processor time, for each
	if info, ok := debug.ReadBuildInfo(); ok &&
		slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		most *= 8 // with the race detector
	}
	const (
		mega    = 1 << 20
		w       = `window: {last: "P1D"}`
		tooMuch = "QUERY_TOO_EXPENSIVE"
		bad     = "BAD_USER_INPUT"
	)
	p := start(t, "--create", "--data", filepath.Join(t.TempDir(), "empty.db"), "--batch-limit", "10")
	array := func(n int, one string) string { return "[" + strings.Repeat(one+",", n-1) + one + "]" }
	parts := []string{"Accept", "multipart/mixed; deferSpec=20220824, application/graphql-response+json"}
	for name, c := range map[string]attack{
		"10,000 aliases": {
			body: query("{" + times(10_000, " a%d: __typename") + "}"), status: 400, says: "10000 tokens",
		},
		"3,000 aliases": {
			body: query("{" + times(3_000, " a%d: __typename") + "}"), status: 400, says: "3000 fields",
		},
		"1,000 aliases of lists": {
			body: query("{" + times(1_000, " a%d: bounces("+w+") { totalCount }") + "}"), status: 400, says: tooMuch,
		},
		"10,000 fields": {
			body: query("{" + strings.Repeat(" __typename", 9_990) + "}"), status: 400, says: "9990 fields",
		},
		"10,000 fields that are nowhere": {
			body: query("{ bounces(" + w + ") { nodes {" + times(1_900, " nothing%d") + "} } }"), status: 400,
			says: "nothing99",
		},
		"10,000 directives": {
			body: query("{ __typename" + strings.Repeat(" @a", 4_900) + "}"), status: 400, says: "4900 directives",
		},
		"directives on everything": {
			body: query("{" + strings.Repeat(" ... @skip(if: true) { __typename }", 800) + "}"), status: 400,
			says: "800 directives",
		},
		"circular fragments": {
			body: query("{ ...A } fragment A on Query { ...B } fragment B on Query { ...C ...A } " +
				"fragment C on Query { ...A ...B }"), status: 400, says: "spreads itself",
		},
		"fragments all in a circle": {
			body: query("{ ...F0 } " + strings.ReplaceAll(times(60, "fragment F%d on Query { all } "), "all",
				times(60, "...F%d "))), status: 400, says: "spreads itself",
		},
		"doubling fragments": {
			body: query("{ ...F0 } " + doubling(200)), status: 400, says: "fields, counting fragments",
		},
		"3,000 fragments": {
			body: query("{ __typename } " + times(1_200, "fragment F%d on Query { __typename } ")), status: 400,
			says: "1201 operations and fragments",
		},
		"1,000 operations": {
			body: query(times(1_000, "query A%d { __typename } ")), status: 400, says: "1000 operations and fragments",
		},
		"deep fields": {
			body: query(strings.Repeat("{ a ", 2_000) + strings.Repeat("}", 2_000)), status: 400,
			says: "fields may be nested 16 levels",
		},
		"deeper than is taken": {
			body: query("{ users(" + w + ") " + strings.Repeat("{ nodes { senders("+w+") { nodes { user ", 50) +
				"{ id }" + strings.Repeat("}", 201) + "}"), status: 400, says: bad,
		},
		"deep lists": {
			body:   query("{ nodes(ids: " + strings.Repeat("[", 4_000) + strings.Repeat("]", 4_000) + ") { id } }"),
			status: 400, says: "nested more than",
		},
		"deep objects": {
			body: query("{ bounces(window: " + strings.Repeat("{between: ", 900) + "1" + strings.Repeat("}", 900) +
				") { totalCount } }"), status: 400, says: bad,
		},
		"deep types": {
			body: query("query($a: " + strings.Repeat("[", 4_000) + "Int" + strings.Repeat("]", 4_000) +
				") { __typename }"), status: 400, says: "nested more than",
		},
		"deep variables": {
			body: `{"query": "query($w: Window!) { bounces(window: $w) { totalCount } }", "variables": {"w": ` +
				strings.Repeat(`{"between":`, 9_000) + "1" + strings.Repeat("}", 9_000) + "}}", status: 400, says: bad,
		},
		"deep lists in variables": {
			body: `{"query": "query($i: [ID!]!) { nodes(ids: $i) { id } }", "variables": {"i": ` +
				strings.Repeat("[", 9_000) + strings.Repeat("]", 9_000) + "}}", status: 400, says: "$i",
		},
		"many bad variables": {
			body: `{"query": "query($i: [ID!]!) { nodes(ids: $i) { id } }", "variables": {"i": [` +
				strings.Repeat("{},", 9_000) + "1]}}", status: 400, says: "$i[99]",
		},
		"too many variables": {
			body: `{"query": "query($i: [ID!]!) { nodes(ids: $i) { id } }", "variables": {"i": [` +
				strings.Repeat("{},", 300_000) + "1]}}", status: 400, says: "at most 10000 values",
		},
		"a variable of 1 MB": {
			body: `{"query": "query($s: String) { bounces(` + strings.ReplaceAll(w, `"`, `\"`) +
				`, filter: {sender: $s}) { totalCount } }", "variables": {"s": "` + strings.Repeat("x", mega-1000) +
				`"}}`, status: 200, says: "longer than",
		},
		"a string of 1 MB": {
			body: query("{ bounces(" + w + `, filter: {sender: "` + strings.Repeat("x", mega-1000) +
				`"}) { totalCount } }`), status: 200, says: "longer than",
		},
		"a block string of 1 MB": {
			body: query("{ bounces(" + w + `, filter: {sender: """` + strings.Repeat("x\n", mega/3-1000) +
				`"""}) { totalCount } }`), status: 200, says: "longer than",
		},
		"a name of 1 MB": {
			body: query("{ " + strings.Repeat("x", mega-1000) + "}"), status: 400, says: "at most 256",
		},
		"a comment of 1 MB": {
			body: query("# " + strings.Repeat("x", mega-1000) + "\n{ nothing }"), status: 400, says: "nothing",
		},
		"300,000 comments": {
			body: query(strings.Repeat("#\n", 300_000) + "{ __typename }"), status: 400, says: "10000 tokens",
		},
		"an operation name of 1 MB": {
			body: `{"query": "{ __typename }", "operationName": "` + strings.Repeat("x", mega-1000) + `"}`, status: 400,
			says: "has no operation named",
		},
		"a body past 1 MB": {
			body: query("{ __typename } # " + strings.Repeat("x", mega)), status: 413, says: "1048576 bytes",
		},
		"a body of 20 MB": {
			body: query("{ __typename } # " + strings.Repeat("x", 20*mega)), poured: mega + 1, status: 413,
			says: "1048576 bytes",
		},
		"1 MB of white space": {body: strings.Repeat(" ", mega-1), status: 400, says: "empty"},
		"1 MB of brackets":    {body: strings.Repeat("[", mega-1), status: 400, says: "not JSON"},
		"a gzip bomb": {
			body: bomb(t, 100*mega), header: []string{"Content-Encoding", "gzip"}, status: 413, says: "1048576 bytes",
		},
		"NUL":          {body: "{\"query\": \"{ __typename }\x00\"}", status: 400, says: "not JSON"},
		"NUL, escaped": {body: `{"query": "{ __typename }\u0000"}`, status: 400, says: bad},
		"invalid UTF-8": {
			body: "{\"query\": \"{ __typename } # \xff\xfe\"}", status: 400, says: "not JSON",
		},
		"a lone surrogate": {body: `{"query": "{ __typename } # \ud800"}`, status: 400, says: "not JSON"},
		"a lone surrogate in a variable": {
			body: `{"query": "query($i: ID!) { node(id: $i) { id } }", "variables": {"i": "\udfff"}}`, status: 400,
			says: "not JSON",
		},
		"trailing junk": {body: query("{ __typename }") + "x", status: 400, says: "not JSON"},
		"a duplicate key": {
			body: `{"query": "{ __typename }", "query": "{ a }"}`, status: 400, says: "duplicate name",
		},
		"100,000 keys": {
			body: `{"query": "{ nothing }"` + times(60_000, `, "k%d": 1`) + "}", status: 400, says: "nothing",
		},
		"a query that is a list": {
			body: `{"query": ["{ __typename }"]}`, status: 400, says: "must be a string",
		},
		"variables that are a text": {
			body: `{"query": "{ __typename }", "variables": "{}"}`, status: 400, says: "JSON object",
		},
		"a number beyond all": {
			body: `{"query": "query($n: Int) { bounces(` + strings.ReplaceAll(w, `"`, `\"`) +
				`, first: $n) { totalCount } }", "variables": {"n": 1e999999999}}`, status: 400, says: "32-bit",
		},
		"a number of 1 MB": {
			body: `{"query": "query($n: Int) { bounces(` + strings.ReplaceAll(w, `"`, `\"`) +
				`, first: $n) { totalCount } }", "variables": {"n": ` + strings.Repeat("9", mega-1000) + `}}`,
			status: 400, says: "32-bit",
		},
		"fields that overlap": {
			body: query("{" + strings.Repeat(" bounces("+w+") { nodes { id id id id } }", 40) +
				times(9, " a: bounces("+w+", first: %d) { totalCount }") + "}"), status: 400, says: "conflict",
		},
		"introspection of introspection": {
			body: query("{ __schema { types " + strings.Repeat("{ fields { type { ofType ", 4) +
				"{ fields { name args { name } } }" + strings.Repeat("} } }", 4) +
				times(60, " a%d: types { fields { name args { name type { name } } } }") + "} }"), status: 400,
			says: tooMuch,
		},
		"500 details in 500 senders": {
			body: query("{ senders(" + w + ", first: 500) { nodes { bounces(" + w +
				", first: 500) { nodes { detail { fullContent } } } } } }"), status: 400, says: tooMuch,
		},
		"an array of 200,000 requests": {body: array(200_000, "{}"), status: 400, says: "at most 10 requests"},
		"an array of arrays": {
			body:   strings.Repeat("[", 9_000) + strings.Repeat("]", 9_000),
			header: []string{"Accept", "application/json"}, status: 200, says: "must be a JSON object",
		},
		"an array of dear requests": {
			body: array(10,
				query("{ senders("+w+", first: 500) { nodes { bounces("+w+
					", first: 500) { nodes { detail { fullContent } } } } } }")),
			header: []string{"Accept", "application/json"}, status: 200, says: tooMuch,
		},
		"an array of large requests": {
			body:   array(10, query("{"+strings.Repeat(" __typename", 9_000)+"}")),
			header: []string{"Accept", "application/json"}, status: 200, says: "9000 fields",
		},
		"@defer 5,000 times": {
			body: query("{" + strings.Repeat(" ... @defer { __typename }", 1_600) + "}"), header: parts, status: 400,
			says: "1600 directives",
		},
		"@defer within @defer": {
			body: query("{ " + strings.Repeat("... @defer { ", 240) + "stats(" + w + ") { sent }" +
				strings.Repeat(" }", 241)), header: parts, status: 200, says: `"hasNext":false`,
		},
		"@defer by doubling fragments": {
			body: query("{ ...F0 @defer } " + doubling(200)), header: parts, status: 400,
			says: "fields, counting fragments",
		},
		"many headers": {
			body: query("{ __typename }"), header: manyHeaders(2_000), status: 431, says: "",
		},
		"huge headers": {
			body: query("{ __typename }"), header: []string{"X-Long", strings.Repeat("x", 200_000)}, status: 431,
			says: "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			before := cpu(t)
			header := append([]string{
				"Content-Type", "application/json", "Accept", "application/graphql-response+json",
			}, c.header...)
			var resp *http.Response
			var body string
			if c.poured > 0 {
				resp, body = p.pour(c.body, c.poured, header...)
			} else {
				resp, body = p.do(http.MethodPost, p.graphql, c.body, header...)
			}
			if took := cpu(t) - before; took > most {
				t.Errorf("it cost %v", took)
			}
			if resp.StatusCode != c.status || !strings.Contains(body, c.says) {
				t.Errorf("status %d: %.500s", resp.StatusCode, body)
			}
			if len(body) > 100_000 {
				t.Errorf("an answer of %d bytes", len(body))
			}
			for _, never := range []string{
				"json:", "jsontext", "interface", "struct", "strconv", "goroutine", "runtime", "panic", "INTERNAL",
			} {
				if strings.Contains(body, never) {
					t.Errorf("%q in the answer: %.500s", never, body)
				}
			}
			if got := p.query("{ __typename }", nil); got["__typename"] != "Query" {
				t.Errorf("afterwards: %v", got)
			}
		})
	}
}

// pour sends a body up to so many bytes, which must be answered, and then continues: the rest may not be read. A client
// that sends everything before the response can lose it when the server closes the connection.
func (p *program) pour(body string, first int, header ...string) (*http.Response, string) {
	p.t.Helper()
	u, err := url.Parse(p.graphql)
	if err != nil {
		p.t.Fatal(err)
	}
	c, err := (&net.Dialer{}).DialContext(p.t.Context(), "tcp", u.Host)
	if err != nil {
		p.t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	head := fmt.Sprintf("POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n", len(body))
	for i := 0; i < len(header); i += 2 {
		head += header[i] + ": " + header[i+1] + "\r\n"
	}
	if _, err := io.WriteString(c, head+"\r\n"+body[:first]); err != nil {
		p.t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	if n, err := io.WriteString(c, body[first:]); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		p.t.Errorf("%d bytes after the answer were taken: %v", n, err)
	}
	return resp, string(text)
}

func manyHeaders(n int) (pairs []string) {
	for i := range n {
		pairs = append(pairs, fmt.Sprintf("X-Header-%d", i), strings.Repeat("x", 20))
	}
	return pairs
}

func doubling(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "fragment F%d on Query { ...F%[2]d ...F%[2]d } ", i, i+1)
	}
	return b.String() + fmt.Sprintf("fragment F%d on Query { __typename }", n)
}

// Memory stays limited, however many distinct queries arrive.
func TestDistinctQueriesDoNotFillMemory(t *testing.T) {
	p := start(t, "--create", "--data", filepath.Join(t.TempDir(), "empty.db"))
	end := time.Now().Add(-time.Hour).Unix()
	flood := func(from, n int) uint64 {
		for i := from; i < from+n; i++ {
			document := fmt.Sprintf(`{ stats(window: {between: {start: %d, end: %d}}) { sent } a%d: __typename } # %s`,
				end-int64(i), end, i, strings.Repeat("x", 100_000))
			sum := sha256.Sum256([]byte(document))
			body, _ := json.Marshal(map[string]any{
				"query": document, "extensions": map[string]any{
					"persistedQuery": map[string]any{"version": 1, "sha256Hash": hex.EncodeToString(sum[:])},
				},
			})
			if resp, text := p.do(http.MethodPost, p.graphql, string(body), "Content-Type",
				"application/json"); resp.StatusCode != 200 || strings.Contains(text, `"errors":`) {
				t.Fatal(text)
			}
		}
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	few := flood(1, 50)
	if many := flood(1_000, 200); many > few+12<<20 { // 20 MB of text
		t.Errorf("the heap grew from %d to %d bytes", few, many)
	}
}
