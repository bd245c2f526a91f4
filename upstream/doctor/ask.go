package doctor

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/dustin/go-humanize"
)

const (
	mostRequests = 70      // that an examination makes
	mostKept     = 4 << 20 // of an answer that is kept
	mostLost     = 3       // requests in a row without an answer: the server is gone then
	mostPatience = 5 * time.Second
)

// asker makes the requests, one after the other, and keeps the answers: what is asked
// twice is sent once.
type asker struct {
	base      string // scheme, host and path, without a / at its end
	key       string
	transport http.RoundTripper
	timeout   time.Duration // of one request
	most      int64         // bytes of one answer

	sent    int
	lost    int    // requests in a row without an answer
	over    string // why no more requests are made; empty while they are
	gone    bool   // over because the server is
	silence string // why the last request of a server that is gone had no answer
	known   map[string]answer
}

// request is what is asked. The zero values of accept and key stand for the usual.
type request struct {
	method, path, query string
	accept, key         string
}

// answer is all that a check looks at of an answer.
type answer struct {
	shown  string // the request, as messages show it
	status int
	header http.Header
	body   []byte
	fault  string // why it is none that can be judged: no answer, not 200, not JSON, not what was asked
	err    error  // why there was no answer at all
	unsent bool   // it was not even asked
}

// get asks for a path and a query, and takes nothing but JSON and 200 for an answer.
func (a *asker) get(ctx context.Context, path, query string) answer {
	id := path + "?" + query
	if known, ok := a.known[id]; ok {
		return known
	}
	got := a.do(ctx, request{method: http.MethodGet, path: path, query: query})
	if got.fault == "" {
		got.fault = a.unusable(got)
	}
	if !got.unsent && len(got.body) <= mostKept {
		a.known[id] = got
	}
	return got
}

// forget makes the next get of this path and query ask again.
func (a *asker) forget(path, query string) { delete(a.known, path+"?"+query) }

// do makes a request; once more after a while if the server says that it is busy.
func (a *asker) do(ctx context.Context, r request) answer {
	if a.over == "" && a.sent >= mostRequests {
		a.over = fmt.Sprintf("not asked: %d requests had been made, the most of an examination", mostRequests)
	}
	if ctx.Err() != nil {
		a.over, a.gone = "not asked: the examination was stopped", true
	}
	if a.over != "" {
		return answer{shown: a.show(r), unsent: true, fault: a.over}
	}
	a.sent++
	got := a.send(ctx, r)
	switch got.status {
	case http.StatusAccepted, http.StatusTooManyRequests, http.StatusServiceUnavailable:
		if a.sent < mostRequests && wait(ctx, patience(got.header)) {
			a.sent++
			got = a.send(ctx, r)
		}
	}
	if got.err == nil {
		a.lost = 0
	} else if a.lost++; a.lost >= mostLost {
		a.over, a.gone = "not asked: the server had stopped answering", true
		a.silence = got.fault
	}
	return got
}

// twice makes the same request two times at once.
func (a *asker) twice(ctx context.Context, path, query string) (both [2]answer) {
	r := request{method: http.MethodGet, path: path, query: query}
	if a.over != "" || a.sent+len(both) > mostRequests {
		return [2]answer{{unsent: true}, {unsent: true}}
	}
	a.sent += len(both)
	var sending sync.WaitGroup
	for i := range both {
		sending.Go(func() { both[i] = a.send(ctx, r) })
	}
	sending.Wait()
	return both
}

// send makes one request. It follows no redirects, like the gateway.
func (a *asker) send(ctx context.Context, r request) (got answer) {
	got.shown = a.show(r)
	ctx, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	url := a.base + r.path
	if r.query != "" {
		url += "?" + r.query
	}
	fail := func(err error) answer {
		got.err = err
		got.fault = a.lostFor(err)
		return got
	}
	req, err := http.NewRequestWithContext(ctx, r.method, url, nil)
	if err != nil {
		return fail(err)
	}
	req.Header = http.Header{"Accept": {"application/json"}, "User-Agent": {"deliverygraph-doctor"}}
	if r.accept != "" {
		req.Header.Set("Accept", r.accept)
	}
	if key := cmp.Or(r.key, a.key); key != "" {
		req.Header.Set("Authorization", "apikey="+key)
	}
	res, err := a.transport.RoundTrip(req)
	if err != nil {
		return fail(err)
	}
	defer res.Body.Close()
	got.status, got.header = res.StatusCode, res.Header
	got.body, err = io.ReadAll(io.LimitReader(res.Body, a.most+1))
	if err != nil {
		return fail(err)
	}
	if int64(len(got.body)) > a.most {
		got.fault, got.body = "an answer of more than "+humanize.IBytes(uint64(a.most)), nil
	}
	return got
}

// unusable says why an answer is not a JSON text of status 200; empty if it is.
func (a *asker) unusable(got answer) string {
	if got.status != http.StatusOK {
		return a.statusAndWords(got)
	}
	if e := got.header.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return "an answer in the encoding " + strconv.Quote(a.clean(e)) + ", which was not asked for"
	}
	if kind := contentType(got.header); kind != "" && kind != "application/json" && kind != "text/json" && !strings.HasSuffix(kind, "+json") {
		return "an answer of the type " + a.clean(kind) + ", and not JSON"
	}
	if len(got.body) == 0 {
		return "an empty answer"
	}
	return ""
}

func contentType(h http.Header) string {
	t := h.Get("Content-Type")
	if m, _, err := mime.ParseMediaType(t); err == nil || errors.Is(err, mime.ErrInvalidMediaParameter) {
		return m
	}
	return t
}

// lostFor says why there was no answer, in words.
func (a *asker) lostFor(err error) string {
	var (
		host        *net.DNSError
		certificate *tls.CertificateVerificationError
		notTLS      tls.RecordHeaderError
		wire        net.Error
	)
	switch {
	case errors.As(err, &host) && host.IsNotFound:
		return "there is no host of that name"
	case errors.As(err, &certificate):
		return "its certificate is not to be trusted: " + a.clean(certificate.Err.Error())
	case errors.As(err, &notTLS):
		return "it does not speak TLS there: perhaps the URL should begin with http://"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &wire) && wire.Timeout():
		return fmt.Sprintf("there was no answer within %v", a.timeout)
	case isRefused(err):
		return "nothing listens there (connection refused)"
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return "the connection was closed before the answer was complete"
	}
	return a.clean(err.Error())
}

// patience is how long a busy server asks to wait, within reason.
func patience(h http.Header) time.Duration {
	if s, err := strconv.ParseUint(h.Get("Retry-After"), 10, 16); err == nil {
		return min(time.Duration(s)*time.Second, mostPatience)
	}
	return time.Second
}

func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
