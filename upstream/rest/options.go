package rest

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Options say which server a [Client] asks, and how. Only BaseURL is required:
// the zero value of every other field stands for its default.
type Options struct {
	// BaseURL is where the API begins, such as "https://api.example.com" or
	// "https://example.com/metrics/v4": an endpoint's path is appended to its path.
	BaseURL string

	// Key is the API key. Without one, requests have no Authorization header.
	Key string

	// Transport makes the requests. The default is one of the client's own, over
	// TCP, with pooled connections, HTTP/2 where the server offers it, and proxies
	// from the environment, and TLS 1.2 or later. Compressed answers are its task,
	// bounding their header is too, and it may not follow redirects.
	Transport http.RoundTripper

	// Around, if not nil, makes the transport that is used of the one above: to watch
	// its requests, or to add headers.
	Around func(http.RoundTripper) http.RoundTripper

	// CAFile names a file of certificates, in PEM, of the authorities to trust instead
	// of the system's. It is for the client's own transport.
	CAFile string

	// MaxConcurrent and MinConcurrent bound how many requests may be under way at
	// once. The limit begins at MaxConcurrent, falls when the server sheds load (429,
	// 502, 503, 504, no connection, timeouts) or its latency climbs, and rises again.
	// Defaults 16, and 2 or MaxConcurrent if that is less.
	MaxConcurrent, MinConcurrent int

	// MaxWaiting is how many requests may wait for their turn; callers (see
	// [WithCaller]) take turns. Where more would wait, the newest of the caller with
	// most is refused: [upstream.Unavailable], with RetryAfter. Default 1024.
	MaxWaiting int

	// Timeout is for one try, from sending the request to the last byte of the
	// answer. Default 10 s. FirstByteTimeout is for its part up to the end of the
	// answer's header. Default Timeout; more is of no use.
	Timeout, FirstByteTimeout time.Duration

	// CallTimeout is for a whole call, waiting and retries included, made under a
	// context that has no deadline. Default 30 s.
	CallTimeout time.Duration

	// MaxBodyBytes is how large an answer may be, after decompression. The default
	// of 32 MiB has room for 500 rows with 60 KiB of headers each, and for the
	// message of a bounce that returns an attachment of 20 MiB.
	MaxBodyBytes int64

	// Retry says when a failed call is tried again, and Breaker when it is not even
	// tried.
	Retry   Retry
	Breaker Breaker

	// Logger gets one debug line a call, and a line when the circuit breaker opens or
	// closes. The default logs nothing.
	Logger *slog.Logger

	// Answered, if not nil, is called with the HTTP status of every answer, as soon as its
	// header is there.
	Answered func(status int)

	// Observe, if not nil, is told of every call when it has ended: see [Call].
	// The context has the values of the caller's, but is never cancelled. It is
	// called by many goroutines at once and holds up the call while it runs.
	Observe func(context.Context, Call)
}

// withDefaults fills in what is left out, or says which option is wrong. base is where
// BaseURL points; nil if that is wrong itself.
func (o Options) withDefaults(base *url.URL) (Options, error) {
	var errs []error
	o.MaxConcurrent = int(orDefault("MaxConcurrent", int64(o.MaxConcurrent), 16, "such as 16", &errs))
	o.MinConcurrent = int(orDefault("MinConcurrent", int64(o.MinConcurrent), int64(min(2, max(o.MaxConcurrent, 1))), "such as 2", &errs))
	if o.MinConcurrent > o.MaxConcurrent && o.MaxConcurrent > 0 {
		errs = append(errs, wrongOption("MinConcurrent", "must be at most MaxConcurrent, which is %d", o.MaxConcurrent))
	}
	o.MaxWaiting = int(orDefault("MaxWaiting", int64(o.MaxWaiting), 1024, "such as 1024", &errs))
	o.Timeout = time.Duration(orDefault("Timeout", int64(o.Timeout), int64(10*time.Second), "such as 10s", &errs))
	o.FirstByteTimeout = time.Duration(orDefault("FirstByteTimeout", int64(o.FirstByteTimeout), int64(o.Timeout), "such as 10s", &errs))
	o.CallTimeout = time.Duration(orDefault("CallTimeout", int64(o.CallTimeout), int64(30*time.Second), "such as 30s", &errs))
	o.MaxBodyBytes = orDefault("MaxBodyBytes", o.MaxBodyBytes, 32<<20, "such as 33554432 (32 MiB)", &errs)
	o.Retry = o.Retry.withDefaults(&errs)
	o.Breaker = o.Breaker.withDefaults(&errs)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if err := o.withTransport(base); err != nil {
		errs = append(errs, err)
	} else if o.Around != nil {
		o.Transport = o.Around(o.Transport)
	}
	if err := checkKey(o.Key); err != nil {
		errs = append(errs, err)
	}
	return o, errors.Join(errs...)
}

// OptionError says of an option that it is wrong, and what would be right.
type OptionError struct {
	Option  string // its name in [Options]
	Message string // goes on behind the name
	Err     error  // the cause; nil is none but what the message says
}

// Error names the package, the option and what is wrong.
func (e *OptionError) Error() string { return "rest: " + e.Option + " " + e.Message }

// Unwrap gives the cause.
func (e *OptionError) Unwrap() error { return e.Err }

// wrongOption makes an [*OptionError] with the cause that is among args, if any.
func wrongOption(name, format string, args ...any) error {
	message := fmt.Errorf(format, args...)
	return &OptionError{Option: name, Message: message.Error(), Err: errors.Unwrap(message)}
}

func checkKey(key string) error {
	if i := strings.IndexFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }); i >= 0 {
		return wrongOption("Key", "has a character at position %d that a header cannot carry: "+
			"it must be visible ASCII without spaces or a line's end, such as \"3f0c9a52d1\"", i+1)
	}
	return nil
}

// withTransport makes the client's own transport unless there is another.
func (o *Options) withTransport(base *url.URL) (err error) {
	var roots *x509.CertPool
	switch {
	case o.Transport != nil && o.CAFile != "":
		return wrongOption("CAFile", "must be empty where Transport is given: that one decides whom it trusts")
	case o.Transport != nil:
		return nil
	case o.CAFile != "":
		if roots, err = readCAs(o.CAFile); err != nil {
			return err
		}
	}
	if base != nil {
		o.Transport = newTransport(o.MaxConcurrent, roots)
	}
	return nil
}

// orDefault gives v, or the default where v is zero; a negative one is an error.
func orDefault(name string, v, standard int64, example string, errs *[]error) int64 {
	if v < 0 {
		*errs = append(*errs, wrongOption(name, "must be positive, %s", example))
	}
	if v == 0 {
		return standard
	}
	return v
}

// parseBaseURL reads the BaseURL option. Its messages never repeat the whole
// URL, in which there may be a password.
func parseBaseURL(s string) (*url.URL, error) {
	wrong := func(what string) error {
		return wrongOption("BaseURL", "%s, such as \"https://api.example.com\" or \"https://example.com/metrics/v4\"", what)
	}
	if s == "" {
		return nil, wrong("is required")
	}
	u, err := url.Parse(s)
	if err != nil {
		var e *url.Error
		if errors.As(err, &e) {
			err = e.Err
		}
		if strings.Contains(s, "@") {
			return nil, wrong("must be a URL without user name and password")
		}
		return nil, wrong(fmt.Sprintf("must be a URL (%v)", err))
	}
	switch {
	case u.User != nil:
		return nil, wrong("must not hold a user name or password: the API takes a key, which is given apart")
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, wrong("must begin with http:// or https://")
	case u.Hostname() == "":
		return nil, wrong("must name a host")
	case u.RawQuery != "" || u.ForceQuery:
		return nil, wrong("must not have a query")
	case u.Fragment != "" || strings.HasSuffix(s, "#"):
		return nil, wrong("must not have a fragment")
	}
	if p := u.Port(); p != "" {
		if n, err := strconv.Atoi(p); err != nil || n < 1 || n > 65535 {
			return nil, wrong("must have a port from 1 to 65535, if any")
		}
	}
	return u.JoinPath("/"), nil // a clean path that ends in a slash
}
