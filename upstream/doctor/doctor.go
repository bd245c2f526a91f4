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

// Options selects the server to examine and how to reach it.
type Options struct {
	// BaseURL is the URL that the API's paths follow, such as "https://example.com/v4".
	BaseURL string
	// Key is the API key to send; if empty, none is sent. Reports never contain it.
	Key string
	// Transport makes the requests. It must not follow redirects. The default uses TCP
	// and honors the proxy settings of the environment.
	Transport http.RoundTripper
	// CAFile is a PEM file of certificate authorities that the default transport trusts instead of the system's.
	CAFile string
	// Window limits the examination to events of that time. The zero Window finds the latest days that hold data.
	Window upstream.Window
	// Timeout limits each request. Default 15 s.
	Timeout time.Duration
	// MaxBodyBytes limits the size of an answer. Default 32 MiB, as in the gateway.
	MaxBodyBytes int64
	// Now is the clock. Default time.Now.
	Now func() time.Time
}

// Examine examines a server. The report says everything that is wrong with the server, even that it cannot be reached.
// Examine returns an error only if the options are invalid or ctx ends.
func Examine(ctx context.Context, o Options) (Report, error) {
	base, err := parseBase(o.BaseURL)
	if err != nil {
		return Report{}, err
	}
	if strings.ContainsFunc(o.Key, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return Report{}, errors.New("the key must be printable ASCII without spaces or line breaks, such as 3f0c9a52d1")
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
		ask: &asker{
			base: base, key: o.Key, transport: o.Transport, timeout: o.Timeout, maxBody: o.MaxBodyBytes,
			answers: map[string]answer{},
		},
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

// exam is one running examination.
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
	e.groups(ctx, samples[upstream.Bounces])
	e.details(ctx, samples[upstream.Bounces])
	e.timeForms(ctx, samples)
	e.refusals(ctx, samples)
	e.wrongKey(ctx)
	e.errorBodies()
	e.duplicates(ctx, samples)
	for _, s := range samples {
		e.holdStill(ctx, s)
	}
	e.reportShapes()
	if e.ask.gone {
		e.report.Trouble = "The server stopped answering: " + e.ask.silence + "."
	}
}

// parseBase normalizes the server's URL. Its errors do not quote the URL, which may contain a password.
func parseBase(s string) (string, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "":
		return "", errors.New("the server's URL must begin with http:// or https:// and name a host, " +
			"such as https://metrics.example.com/v4")
	case u.User != nil:
		return "", errors.New("the server's URL must not contain a user name or password: the API uses a key")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "", errors.New("the server's URL must not have a query or fragment: remove everything from the ? or #")
	}
	return strings.TrimSuffix(u.JoinPath("/").String(), "/"), nil
}

func newTransport(caFile string) (*http.Transport, error) {
	trust := &tls.Config{MinVersion: tls.VersionTLS12}
	if caFile != "" {
		pem, err := os.ReadFile(caFile)
		if err != nil {
			return nil, fmt.Errorf("cannot read the file of CA certificates: %w", err)
		}
		if trust.RootCAs = x509.NewCertPool(); !trust.RootCAs.AppendCertsFromPEM(pem) {
			return nil, errors.New("the file of CA certificates contains none: it must be PEM, " +
				"with lines such as -----BEGIN CERTIFICATE-----")
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
