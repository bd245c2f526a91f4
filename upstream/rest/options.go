package rest

import (
	"cmp"
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

	"deliverygraph/internal/web"
)

// Options configure a [Client]. Only BaseURL is required: the zero value of every other field stands for its default.
// Numbers must not be negative.
type Options struct {
	// BaseURL is the root of the API, such as "https://api.example.com" or "https://example.com/metrics/v4". The paths
	// of the endpoints are appended to it.
	BaseURL string

	// Key is the API key. Without one, requests have no Authorization header.
	Key string

	// Transport makes the requests. The default pools TCP connections, offers HTTP/2, requires TLS 1.2, and takes
	// proxies from the environment. Another transport must decompress responses, limit their header, and not follow
	// redirects.
	Transport http.RoundTripper

	// Around, if not nil, wraps the transport, to watch its requests or to add headers.
	Around func(http.RoundTripper) http.RoundTripper

	// CAFile names a PEM file of certificate authorities to trust instead of the system's. It must be empty if
	// Transport is set.
	CAFile string

	// MaxConcurrent and MinConcurrent bound the number of concurrent requests. The limit begins at MaxConcurrent, falls
	// when the server sheds load (429, 502, 503, 504, no connection, timeouts) or its latency climbs, and rises again.
	// Defaults: 16, and the smaller of 2 and MaxConcurrent.
	MaxConcurrent, MinConcurrent int

	// MaxWaiting is how many requests may wait for a slot. Callers (see [upstream.WithCaller]) take turns. When the
	// queue is full, the newest request of the caller with the most waiting fails with [upstream.Unavailable] and a
	// RetryAfter. Default 1024.
	MaxWaiting int

	// Timeout limits one try, from sending the request to the last byte of the response. Default 10 s. FirstByteTimeout
	// limits its part up to the end of the response's header. Default Timeout; larger values have no effect.
	Timeout, FirstByteTimeout time.Duration

	// CallTimeout limits a whole call, including waits and retries, if the context has no deadline. Default 30 s.
	CallTimeout time.Duration

	// MaxBodyBytes limits the size of a response after decompression. The default of 32 MiB has room for 500 rows with
	// 60 KiB of headers each, and for the message of a bounce that returns an attachment of 20 MiB.
	MaxBodyBytes int64

	// Retry configures when a failed call is tried again, and Breaker when calls are not tried at all.
	Retry   Retry
	Breaker Breaker

	// Logger gets a debug line per call, and a line when the circuit breaker opens or closes. The default logs nothing.
	Logger *slog.Logger

	// Answered, if not nil, is called with the HTTP status of every response as soon as its header has arrived.
	Answered func(status int)

	// Observe, if not nil, is called after every call; see [Call]. It gets the call's context, which may have
	// ended. It is called concurrently, and the call waits for it.
	Observe func(context.Context, Call)
}

// withDefaults fills in the defaults and parses BaseURL, or returns an error for each wrong option.
func (o Options) withDefaults() (Options, *url.URL, error) {
	base, err := parseBaseURL(o.BaseURL)
	errs := []error{err}
	if o.MaxConcurrent < 0 {
		errs = append(errs, wrongOption("MaxConcurrent", "must be positive, such as 16"))
	}
	o.MaxConcurrent = cmp.Or(o.MaxConcurrent, 16)
	o.MinConcurrent = cmp.Or(o.MinConcurrent, min(2, o.MaxConcurrent))
	o.MaxWaiting = cmp.Or(o.MaxWaiting, 1024)
	o.Timeout = cmp.Or(o.Timeout, 10*time.Second)
	o.FirstByteTimeout = cmp.Or(o.FirstByteTimeout, o.Timeout)
	o.CallTimeout = cmp.Or(o.CallTimeout, 30*time.Second)
	o.MaxBodyBytes = cmp.Or(o.MaxBodyBytes, 32<<20)
	o.Retry, o.Breaker = o.Retry.withDefaults(), o.Breaker.withDefaults()
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if err := o.withTransport(base); err != nil {
		errs = append(errs, err)
	} else if o.Around != nil {
		o.Transport = o.Around(o.Transport)
	}
	if err := errors.Join(append(errs, checkKey(o.Key))...); err != nil {
		return o, nil, err
	}
	return o, trimmed(base), nil
}

// OptionError reports a wrong option, and what would be right.
type OptionError struct {
	Option  string // name of the field of [Options]
	Message string // follows the name
	Err     error  // the cause, if any
}

// Error names the package, the option and what is wrong.
func (e *OptionError) Error() string { return "rest: " + e.Option + " " + e.Message }

// Unwrap returns the cause.
func (e *OptionError) Unwrap() error { return e.Err }

// wrongOption returns an [*OptionError]. Its cause is what the format's %w wraps, if any.
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

// withTransport sets the default transport unless one is given.
func (o *Options) withTransport(base *url.URL) (err error) {
	var roots *x509.CertPool
	switch {
	case o.Transport != nil && o.CAFile != "":
		return wrongOption("CAFile", "must be empty where Transport is given: that one decides whom it trusts")
	case o.Transport != nil:
		return nil
	case o.CAFile != "":
		if roots, err = web.ReadAuthorities(o.CAFile); err != nil {
			return wrongOption("CAFile", "cannot be read: %w; give a PEM file such as authorities.pem", err)
		}
	}
	if base != nil {
		o.Transport = newTransport(base, o.MaxConcurrent, roots)
	}
	return nil
}

// parseBaseURL parses the BaseURL option. Its messages never repeat the whole URL, which may contain a password.
func parseBaseURL(s string) (*url.URL, error) {
	wrong := func(what string) error {
		return wrongOption("BaseURL", "%s, such as \"https://api.example.com\" or \"https://example.com/metrics/v4\"",
			what)
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
		return nil, wrong("must not hold a user name or password: the API takes a key, which is a setting of its own")
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
