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

// failure is the result of a try that did not get its answer.
type failure struct {
	err   *upstream.Error
	again bool // another try may help
	large bool // the answer exceeds MaxBodyBytes

	granted bool          // another try will be made
	wait    time.Duration // how long to wait before it
}

// errTryTimeout is the cause that ends a try's context when the try takes too long.
var errTryTimeout = errors.New("the try took too long")

// broken returns the failure of a request without a response: no connection, or one that broke.
func broken(ctx context.Context, err error) *failure {
	if context.Cause(ctx) == errTryTimeout {
		return &failure{
			err:   &upstream.Error{Code: upstream.Timeout, Message: "the metrics API did not answer in time", Err: err},
			again: true,
		}
	}
	var (
		certificate *tls.CertificateVerificationError
		notTLS      tls.RecordHeaderError
		noHost      *net.DNSError
		protocol    textproto.ProtocolError
	)
	switch {
	case errors.As(err, &protocol),
		strings.Contains(err.Error(), "malformed HTTP"), // net/http has no error types for these
		strings.Contains(err.Error(), "response headers exceeded"),
		strings.Contains(err.Error(), "response header list larger"):
		return invalid("the metrics API did not answer in proper HTTP", err)
	case errors.As(err, &notTLS):
		return &failure{err: unreachable(fmt.Errorf("%w: perhaps the URL should begin with http://", err))}
	case errors.As(err, &certificate), errors.As(err, &noHost) && noHost.IsNotFound:
		return &failure{err: unreachable(err)} // a configuration error, which waiting does not fix
	}
	return &failure{err: unreachable(err), again: true}
}

func unreachable(err error) *upstream.Error {
	return &upstream.Error{
		Code: upstream.Unavailable, Message: "the metrics API cannot be reached; try again later", Err: err,
	}
}

// cutOff returns the failure of a body that could not be read to its end.
func cutOff(ctx context.Context, err error) *failure {
	var corrupt flate.CorruptInputError
	if errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) || errors.As(err, &corrupt) ||
		strings.Contains(err.Error(), "malformed chunked") || strings.Contains(err.Error(), "invalid byte in chunk") {
		return invalid("the metrics API's answer cannot be decoded", err)
	}
	if errors.Is(err, io.ErrUnexpectedEOF) && context.Cause(ctx) != errTryTimeout {
		return &failure{
			err: &upstream.Error{
				Code: upstream.Unavailable, Message: "the metrics API's answer broke off; try again later", Err: err,
			}, again: true,
		}
	}
	return broken(ctx, err)
}

// invalid returns the failure of a response that breaks the API's contract.
func invalid(message string, err error) *failure {
	return &failure{err: &upstream.Error{Code: upstream.InvalidResponse, Message: message, Err: err}}
}

func tooLarge(limit int64) *failure {
	f := invalid(fmt.Sprintf("the metrics API's answer is larger than %d bytes, the most that is read", limit), nil)
	f.large = true
	return f
}

// undecodable returns the error for a body that cannot be decoded. The decoders say where it is wrong without repeating
// the body.
func undecodable(err error) error {
	e := &upstream.Error{
		Code: upstream.InvalidResponse, Message: "the metrics API's answer is not in its contract", Err: err,
	}
	var reported *upstream.Error
	if errors.As(err, &reported) {
		*e = *reported
		if !strings.HasPrefix(e.Message, "the metrics API") {
			e.Message = "the metrics API's answer is not in its contract: " + e.Message
		}
	}
	e.Status = http.StatusOK
	return e
}

// unreadable returns the reason to reject a response by its header, or nil.
func unreadable(h http.Header) *failure {
	if e := h.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return invalid("the metrics API's answer is in an encoding that was not asked for",
			fmt.Errorf("Content-Encoding: %.40q", e))
	}
	t := h.Get("Content-Type")
	switch t {
	case "": // let the decoder decide
		return nil
	case "application/json", "application/json; charset=utf-8", "application/json;charset=utf-8": // the usual case
		return nil
	}
	if m, _, err := mime.ParseMediaType(t); err == nil || errors.Is(err, mime.ErrInvalidMediaParameter) {
		if m == "application/json" || m == "text/json" || strings.HasSuffix(m, "+json") {
			return nil
		}
	}
	return invalid("the metrics API's answer is not JSON", fmt.Errorf("Content-Type: %.40q", t))
}

// refused returns the failure for a status other than 200.
func (c *Client) refused(call *Call, res *http.Response, body string) *failure {
	status := res.StatusCode
	e := &upstream.Error{
		Code: upstream.CodeOfStatus(status), Status: status, RetryAfter: retryAfter(res.Header, time.Now()),
	}
	f := &failure{
		err: e, again: status == http.StatusAccepted || status == http.StatusTooManyRequests ||
			status == http.StatusServiceUnavailable,
	}
	switch {
	case status == http.StatusAccepted:
		e.Message = "the metrics API is still answering an identical request; try again shortly"
	case status == http.StatusTooManyRequests:
		e.Message = "the metrics API asks for fewer calls; try again later"
	case status == http.StatusServiceUnavailable:
		e.Message = "the metrics API is unavailable, overloaded or in maintenance; try again later"
	case status >= 300 && status < 400:
		e.Code = upstream.InvalidResponse
		e.Message = fmt.Sprintf("the metrics API answered with a redirect (status %d), which is not followed", status)
	case e.Code == upstream.InvalidArgument:
		e.Message = fmt.Sprintf("the metrics API refused the request (status %d)", status)
		if reported := upstream.DecodeError(body); c.presentable(reported) {
			e.Parameter, e.Message = reported.Parameter, "the metrics API refused the request: "+reported.Message
		} else if c.base.Scheme == "http" && strings.Contains(body, "HTTPS") { // of servers in Go, nginx and Apache
			e.Err = errors.New("perhaps the URL should begin with https://")
		}
	case e.Code == upstream.Unauthenticated:
		e.Message = fmt.Sprintf("the metrics API did not accept the gateway's API key (status %d)", status)
	case e.Code == upstream.NotFound && call.Question.Shape == upstream.ShapeDetail:
		e.Message = "the metrics API has no such bounce"
	case e.Code == upstream.NotFound:
		e.Message = fmt.Sprintf("the metrics API has no %s; a base URL with a wrong path answers so",
			call.Question.Endpoint())
	case e.Code == upstream.Unavailable || e.Code == upstream.Timeout:
		e.Message = fmt.Sprintf("the metrics API cannot be reached through its proxy (status %d); try again later",
			status)
	case status >= 500:
		e.Message = fmt.Sprintf("the metrics API failed (status %d)", status)
	default:
		e.Message = fmt.Sprintf("the metrics API answered with status %d, which is not in its contract", status)
	}
	return f
}

// presentable reports whether the API's own message may be shown to callers: it is short and printable, and contains no
// URL, host or key.
func (c *Client) presentable(e *upstream.Error) bool {
	return len(e.Message) <= 300 && len(e.Parameter) <= 100 && e.Message != "" &&
		printable(e.Message) && printable(e.Parameter) &&
		!strings.Contains(e.Message, "://") && !strings.Contains(e.Message, c.host) &&
		(c.o.Key == "" || !strings.Contains(e.Message, c.o.Key))
}

func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

// retryAfter parses the Retry-After header, in seconds or as a date. It returns 0 if there is none or it is invalid. A
// date is compared with the response's own Date, because the server's clock may be wrong.
func retryAfter(h http.Header, now time.Time) time.Duration {
	const most = 24 * time.Hour // bounds it, so that arithmetic on it cannot overflow
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
