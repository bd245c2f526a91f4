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
	"syscall"
	"time"

	"github.com/dustin/go-humanize"

	"deliverygraph/upstream"
)

const (
	maxRequests     = 80      // per examination
	maxRememberBody = 4 << 20 // larger answers are not remembered
	maxLost         = 3       // after this many consecutive requests without an answer, the server counts as gone
	maxRetryWait    = 5 * time.Second
)

// asker makes the requests one after the other. It remembers answers and sends equal requests only once.
type asker struct {
	base      string // scheme, host and path, without a trailing slash
	key       string
	transport http.RoundTripper
	plain     string        // the server's host and port if requests go there in clear text, otherwise empty
	timeout   time.Duration // of one request
	maxBody   int64         // bytes of one answer

	sent    int
	lost    int    // consecutive requests without an answer
	over    string // why no more requests are made; empty while they are
	gone    bool   // no more requests are made because the server is gone or ctx has ended
	silence string // why the last request to a server that is gone got no answer
	answers map[string]answer
}

// request is an HTTP request. Empty fields stand for GET, no query, JSON and the own key.
type request struct{ method, path, query, accept, key string }

// answer holds the parts of an HTTP response that checks examine.
type answer struct {
	shown  string // the request, as messages show it
	status int
	header http.Header
	body   []byte
	fault  string // why it cannot be judged: no answer, not 200, not JSON or not the expected data
	err    error  // why there was no answer at all
	unsent bool   // the request was not sent
}

// get requests a path and query. An answer that is not JSON with status 200 has a fault.
func (a *asker) get(ctx context.Context, path, query string) answer {
	id := path + "?" + query
	if known, ok := a.answers[id]; ok {
		return known
	}
	got := a.do(ctx, request{path: path, query: query})
	if got.fault == "" {
		got.fault = a.unusable(got)
	}
	if !got.unsent && len(got.body) <= maxRememberBody {
		a.answers[id] = got
	}
	return got
}

// forget makes the next get for this question send a request again.
func (a *asker) forget(q upstream.Question) { delete(a.answers, q.Path()+"?"+q.Encode()) }

// do makes a request. If the server is busy, do waits and tries once more.
func (a *asker) do(ctx context.Context, r request) answer {
	if a.over == "" && a.sent >= maxRequests {
		a.over = requestsSpent
	}
	if ctx.Err() != nil {
		a.over, a.gone = "not requested: the examination was stopped", true
	}
	if a.over != "" {
		return answer{shown: a.show(r), unsent: true, fault: a.over}
	}
	a.sent++
	got := a.send(ctx, r)
	switch got.status {
	case http.StatusAccepted, http.StatusTooManyRequests, http.StatusServiceUnavailable:
		if a.sent < maxRequests {
			select {
			case <-time.After(retryAfter(got.header)):
				a.sent++
				got = a.send(ctx, r)
			case <-ctx.Done():
			}
		}
	}
	if got.err == nil {
		a.lost = 0
	} else if a.lost++; a.lost >= maxLost {
		a.over, a.gone = "not requested: the server had stopped answering", true
		a.silence = got.fault
	}
	return got
}

// requestsSpent is the reason to make no more requests after maxRequests.
var requestsSpent = fmt.Sprintf("not requested: the examination had reached its limit of %d requests", maxRequests)

// twice makes the same request twice at the same time. Both are unsent if no more requests are made.
func (a *asker) twice(ctx context.Context, r request) (both [2]answer) {
	if a.over != "" || a.sent+len(both) > maxRequests {
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

// send makes one request. Like the gateway, it does not follow redirects.
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
		got.fault = a.describe(err)
		return got
	}
	req, err := http.NewRequestWithContext(ctx, r.method, url, nil)
	if err != nil {
		return fail(err)
	}
	req.Header = http.Header{"Accept": {cmp.Or(r.accept, "application/json")}, "User-Agent": {"deliverygraph-doctor"}}
	if key := cmp.Or(r.key, a.key); key != "" {
		req.Header.Set("Authorization", "apikey="+key)
	}
	if r.method == http.MethodPost {
		req.Header.Set("Content-Length", "0")
	}
	res, err := a.transport.RoundTrip(req)
	if err != nil {
		return fail(err)
	}
	defer res.Body.Close()
	got.status, got.header = res.StatusCode, res.Header
	got.body, err = io.ReadAll(io.LimitReader(res.Body, a.maxBody+1))
	if err != nil {
		return fail(err)
	}
	if int64(len(got.body)) > a.maxBody {
		got.fault, got.body = "an answer of more than "+humanize.IBytes(uint64(a.maxBody)), nil
	}
	return got
}

// unusable returns why an answer is not JSON with status 200, or "" if it is.
func (a *asker) unusable(got answer) string {
	if got.status != http.StatusOK {
		return a.statusAndMessage(got)
	}
	if e := got.header.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return "an answer with the content encoding " + strconv.Quote(a.clean(e)) + ", which was not requested"
	}
	switch t := contentType(got.header); {
	case t == "", t == "application/json", t == "text/json", strings.HasSuffix(t, "+json"):
	default:
		return "an answer of type " + a.clean(t) + " instead of JSON"
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

// describe says in words why there was no answer.
func (a *asker) describe(err error) string {
	var (
		host        *net.DNSError
		certificate *tls.CertificateVerificationError
		notTLS      tls.RecordHeaderError
		wire        net.Error
	)
	switch {
	case errors.As(err, &host) && host.IsNotFound:
		return "no such host"
	case errors.As(err, &certificate):
		return "its certificate is not trusted: " + a.clean(certificate.Err.Error())
	case errors.As(err, &notTLS):
		return "it does not speak TLS: perhaps the URL should begin with http://"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &wire) && wire.Timeout():
		return fmt.Sprintf("there was no answer within %v", a.timeout)
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens at that address (connection refused)"
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return "the connection was closed before the answer was complete"
	}
	return a.clean(err.Error())
}

// speaksTLS reports whether a server that is asked in clear text speaks TLS. It sends no request.
func (a *asker) speaksTLS(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	dialer := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}} // any certificate shows it
	conn, err := dialer.DialContext(ctx, "tcp", a.plain)
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}

// retryAfter returns how long a busy server asks to wait, at most maxRetryWait.
func retryAfter(h http.Header) time.Duration {
	if s, err := strconv.ParseUint(h.Get("Retry-After"), 10, 16); err == nil {
		return min(time.Duration(s)*time.Second, maxRetryWait)
	}
	return time.Second
}
