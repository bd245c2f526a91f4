package rest

import (
	"compress/flate"
	"compress/gzip"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"deliverygraph/upstream"
)

// failure is a try without the answer that was wanted.
type failure struct {
	err   *upstream.Error
	again bool // another try may help
	large bool // the answer is more than is read

	granted bool          // another try will be made
	wait    time.Duration // before that
}

// errTryTimeout is why a try's context ends when the try takes too long.
var errTryTimeout = errors.New("the try took too long")

// broken is a request without an answer: no connection, or one that broke.
func broken(ctx context.Context, err error) *failure {
	if context.Cause(ctx) == errTryTimeout {
		return &failure{err: &upstream.Error{Code: upstream.Timeout, Message: "the metrics API did not answer in time", Err: err}, again: true}
	}
	var (
		certificate *tls.CertificateVerificationError
		notTLS      tls.RecordHeaderError
		noHost      *net.DNSError
		protocol    textproto.ProtocolError
	)
	switch {
	case errors.As(err, &protocol),
		strings.Contains(err.Error(), "malformed HTTP"), // net/http has no types for these
		strings.Contains(err.Error(), "response headers exceeded"),
		strings.Contains(err.Error(), "response header list larger"):
		return invalid("the metrics API did not answer in proper HTTP", err)
	case errors.As(err, &certificate), errors.As(err, &notTLS), errors.As(err, &noHost) && noHost.IsNotFound:
		return &failure{err: unreachable(err)} // a matter of settings, which no wait puts right
	}
	return &failure{err: unreachable(err), again: true}
}

func unreachable(err error) *upstream.Error {
	return &upstream.Error{Code: upstream.Unavailable, Message: "the metrics API cannot be reached; try again later", Err: err}
}

// cutOff is a body that could not be read to its end.
func cutOff(ctx context.Context, err error) *failure {
	var corrupt flate.CorruptInputError
	if errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) || errors.As(err, &corrupt) ||
		strings.Contains(err.Error(), "malformed chunked") || strings.Contains(err.Error(), "invalid byte in chunk") {
		return invalid("the metrics API's answer cannot be decoded", err)
	}
	if errors.Is(err, io.ErrUnexpectedEOF) && context.Cause(ctx) != errTryTimeout {
		return &failure{err: &upstream.Error{Code: upstream.Unavailable, Message: "the metrics API's answer broke off; try again later", Err: err}, again: true}
	}
	return broken(ctx, err)
}

// invalid is an answer that is not in the API's contract.
func invalid(message string, err error) *failure {
	return &failure{err: &upstream.Error{Code: upstream.InvalidResponse, Message: message, Err: err}}
}

func tooLarge(limit int64) *failure {
	f := invalid(fmt.Sprintf("the metrics API's answer is larger than %d bytes, the most that is read", limit), nil)
	f.large = true
	return f
}

// undecodable is the error for a body that does not mean what was asked for. The
// codecs say where it went wrong without repeating the body.
func undecodable(err error) error {
	e := &upstream.Error{Code: upstream.InvalidResponse, Message: "the metrics API's answer is not in its contract", Err: err}
	var told *upstream.Error
	if errors.As(err, &told) {
		*e = *told
		if !strings.HasPrefix(e.Message, "the metrics API") {
			e.Message = "the metrics API's answer is not in its contract: " + e.Message
		}
	}
	e.Status = http.StatusOK
	return e
}

// unreadable says why a body is not even looked at, by its header; or nil.
func unreadable(h http.Header) *failure {
	if e := h.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return invalid("the metrics API's answer is in an encoding that was not asked for", fmt.Errorf("Content-Encoding: %.40q", e))
	}
	t := h.Get("Content-Type")
	switch t {
	case "": // the decoder will tell
		return nil
	case "application/json", "application/json; charset=utf-8", "application/json;charset=utf-8": // nearly always
		return nil
	}
	if m, _, err := mime.ParseMediaType(t); err == nil || errors.Is(err, mime.ErrInvalidMediaParameter) {
		if m == "application/json" || m == "text/json" || strings.HasSuffix(m, "+json") {
			return nil
		}
	}
	return invalid("the metrics API's answer is not JSON", fmt.Errorf("Content-Type: %.40q", t))
}

// refused says what a status other than 200 means.
func (c *Client) refused(r request, res *http.Response, body string) *failure {
	status := res.StatusCode
	e := &upstream.Error{Code: upstream.CodeOfStatus(status), Status: status, RetryAfter: retryAfter(res.Header, time.Now())}
	f := &failure{err: e, again: status == http.StatusAccepted || status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable}
	switch {
	case status == http.StatusAccepted:
		e.Message = "the metrics API is still answering an identical request; try again shortly"
	case status == http.StatusTooManyRequests:
		e.Message = "the metrics API asks for fewer calls; try again later"
	case status == http.StatusServiceUnavailable:
		e.Message = "the metrics API is overloaded or in maintenance; try again later"
	case status >= 300 && status < 400:
		e.Code = upstream.InvalidResponse
		e.Message = fmt.Sprintf("the metrics API answered with a redirect (status %d), which is not followed", status)
	case e.Code == upstream.InvalidArgument:
		e.Message = fmt.Sprintf("the metrics API refused the request (status %d)", status)
		if told := upstream.DecodeError(body); c.presentable(told) {
			e.Parameter, e.Message = told.Parameter, "the metrics API refused the request: "+told.Message
		}
	case e.Code == upstream.Unauthenticated:
		e.Message = fmt.Sprintf("the metrics API did not accept the gateway's API key (status %d)", status)
	case e.Code == upstream.NotFound && r.question.Shape == upstream.ShapeDetail:
		e.Message = "the metrics API has no such bounce"
	case e.Code == upstream.NotFound:
		e.Message = fmt.Sprintf("the metrics API has no %s; a base URL with a wrong path answers so", r.question.Endpoint())
	case e.Code == upstream.Unavailable || e.Code == upstream.Timeout:
		e.Message = fmt.Sprintf("the metrics API cannot be reached through its proxy (status %d); try again later", status)
	case status >= 500:
		e.Message = fmt.Sprintf("the metrics API failed (status %d)", status)
	default:
		e.Message = fmt.Sprintf("the metrics API answered with status %d, which is not in its contract", status)
	}
	return f
}

// presentable says whether the API's words may be shown to callers: in the form
// of an API error, short, printable, and without what is nobody's business.
func (c *Client) presentable(e *upstream.Error) bool {
	return len(e.Message) <= 300 && len(e.Parameter) <= 100 && e.Message != "" &&
		printable(e.Message) && printable(e.Parameter) &&
		!strings.Contains(e.Message, "://") && !strings.Contains(e.Message, c.host) &&
		(c.o.Key == "" || !strings.Contains(e.Message, c.o.Key))
}

func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

// retryAfter reads the header of that name, in seconds or as a date; 0 if there
// is none that makes sense. A date is by the server's clock, which may be wrong:
// it is held against the date of the answer, where there is one.
func retryAfter(h http.Header, now time.Time) time.Duration {
	const most = 24 * time.Hour // so that no arithmetic on it overflows
	v := h.Get("Retry-After")
	if v == "" {
		return 0
	}
	if s, err := strconv.ParseUint(v, 10, 32); err == nil {
		return min(time.Duration(s)*time.Second, most)
	}
	if t, err := http.ParseTime(v); err == nil {
		if theirs, err := http.ParseTime(h.Get("Date")); err == nil {
			now = theirs
		}
		return min(max(t.Sub(now), 0), most)
	}
	return 0
}
