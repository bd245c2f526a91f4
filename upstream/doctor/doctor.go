package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"deliverygraph/upstream"
)

// Options say which server to examine, and how.
type Options struct {
	// BaseURL is where the server's paths begin, such as "https://example.com/v4".
	BaseURL string
	// Key is the API key to give; empty gives none. No report holds it.
	Key string
	// Transport makes the requests. It may not follow redirects. The default goes over
	// TCP, by proxies from the environment.
	Transport http.RoundTripper
	// CAFile names a file of certificates, in PEM, of the authorities that the default
	// transport trusts instead of the system's.
	CAFile string
	// Window is where to look. The zero Window looks for the latest days that hold data.
	Window upstream.Window
	// Timeout is for one request. Default 15 s.
	Timeout time.Duration
	// MaxBodyBytes is how large an answer may be. Default 32 MiB, as of the gateway.
	MaxBodyBytes int64
	// Now is the clock: time.Now where it is nil.
	Now func() time.Time
}

// Examine examines a server. What is wrong with the server, be it that there is none,
// is in the report; an error is about the options, or ctx's own if that ends first.
func Examine(ctx context.Context, o Options) (Report, error) {
	base, err := parseBase(o.BaseURL)
	if err != nil {
		return Report{}, err
	}
	if strings.ContainsFunc(o.Key, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return Report{}, errors.New("the key must be visible ASCII without spaces or a line's end, such as 3f0c9a52d1")
	}
	if o.Transport == nil {
		t, err := newTransport(o.CAFile)
		if err != nil {
			return Report{}, err
		}
		defer t.CloseIdleConnections()
		o.Transport = t
	}
	if o.Timeout <= 0 {
		o.Timeout = 15 * time.Second
	}
	if o.MaxBodyBytes <= 0 {
		o.MaxBodyBytes = 32 << 20
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	began := o.Now()
	e := &exam{
		ask:    &asker{base: base, key: o.Key, transport: o.Transport, timeout: o.Timeout, most: o.MaxBodyBytes, known: map[string]answer{}},
		report: Report{URL: base},
		shapes: shapes{envelopes: map[string][]string{}, headers: map[string][]string{}},
	}
	e.examine(ctx, o.Window, began)
	if ctx.Err() != nil {
		return Report{}, ctx.Err()
	}
	e.report.Requests, e.report.Took = e.ask.sent, o.Now().Sub(began)
	return e.report, nil
}

// exam is an examination under way.
type exam struct {
	ask          *asker
	report       Report
	shapes       shapes
	refusalsSeen []refusal
	repeats      [len(upstream.Kinds)]repeat
}

func (e *exam) examine(ctx context.Context, window upstream.Window, now time.Time) {
	if e.report.Trouble = e.contact(ctx); e.report.Trouble != "" {
		return
	}
	e.catalogues(ctx)
	samples := e.samples(ctx, window, now)
	for _, s := range samples {
		e.lists(ctx, s)
		e.counts(ctx, s)
	}
	e.details(ctx, samples[upstream.Bounces])
	e.timeForms(ctx, samples)
	e.refusals(ctx, samples)
	e.wrongKey(ctx)
	e.errorBodies()
	e.duplicates(ctx, samples)
	for _, s := range samples {
		e.holdStill(ctx, s)
	}
	e.tellShapes()
	if e.ask.gone {
		e.report.Trouble = "The server stopped answering: " + e.ask.silence + "."
	}
}

// parseBase reads the server's URL. Its messages do not repeat it: it may hold a
// password.
func parseBase(s string) (string, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "":
		return "", errors.New("the server's URL must begin with http:// or https:// and name a host, such as https://metrics.example.com/v4")
	case u.User != nil:
		return "", errors.New("the server's URL must not hold a user name or password: the API takes a key")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "", errors.New("the server's URL must end with its path: leave out what follows the ? or #")
	}
	return strings.TrimSuffix(u.JoinPath("/").String(), "/"), nil
}

func newTransport(caFile string) (*http.Transport, error) {
	trust := &tls.Config{MinVersion: tls.VersionTLS12}
	if caFile != "" {
		pem, err := os.ReadFile(caFile)
		if err != nil {
			return nil, fmt.Errorf("the file of certificates cannot be read: %w", err)
		}
		if trust.RootCAs = x509.NewCertPool(); !trust.RootCAs.AppendCertsFromPEM(pem) {
			return nil, errors.New("the file of certificates has none in it: they must be in PEM, with lines such as -----BEGIN CERTIFICATE-----")
		}
	}
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		TLSClientConfig:        trust,
		TLSHandshakeTimeout:    10 * time.Second,
		ForceAttemptHTTP2:      true,
		MaxResponseHeaderBytes: 64 << 10,
	}, nil
}
