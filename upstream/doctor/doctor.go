// Package doctor checks whether a server of the metrics REST API behaves as the gateway needs: as the API's document
// says or, where that is silent, as this project has settled. Operators of such a server run it before they put the
// gateway in front of it, and authors of one to find out what differs.
//
// [Examine] calls each of the nine endpoints and finds days that hold data. It reads a small part of them in full, the
// sample, and compares every other answer with it: filters, windows, offsets, counts, time series, details. It sends
// invalid requests too, and compares the refusals with the document. It only reads. It makes at most 80 requests, one
// at a time, except for a pair that shows what the server does with identical requests. The result is a [Report], which
// prints as a table and has a [Verdict].
//
// Not every difference is fatal: the gateway reads an unsorted list in another way, for example. Each difference
// therefore says whether the gateway copes with it. That repeats knowledge of upstream/rest, upstream/cached and
// resolvers/page: when you change what they tolerate, update the texts here.
//
// This package makes the requests and examines statuses and headers. The codecs of package upstream decode the rows, as
// they do for the gateway. Start reading at [Examine]; list.go and counts.go hold the most important checks.
package doctor

import (
	"context"
	"net/http"
	"time"

	"deliverygraph/upstream"
	"deliverygraph/upstream/rest"
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
}

// Examine examines a server. The report says everything that is wrong with the server, even that it cannot be reached.
// Examine returns an error only if ctx ends or options are invalid; see [rest.OptionError].
func Examine(ctx context.Context, o Options) (Report, error) {
	base, transport, err := rest.Connect(rest.Options{
		BaseURL: o.BaseURL, Key: o.Key, Transport: o.Transport, CAFile: o.CAFile,
	})
	if err != nil {
		return Report{}, err
	}
	if t, ok := transport.(interface{ CloseIdleConnections() }); ok && o.Transport == nil {
		defer t.CloseIdleConnections()
	}
	if o.Timeout <= 0 {
		o.Timeout = 15 * time.Second
	}
	if o.MaxBodyBytes <= 0 {
		o.MaxBodyBytes = 32 << 20
	}
	began := time.Now()
	e := &exam{
		ask: &asker{
			base: base.String(), key: o.Key, transport: transport, timeout: o.Timeout, maxBody: o.MaxBodyBytes,
			answers: map[string]answer{},
		},
		report: Report{URL: base.String()},
	}
	if base.Scheme == "http" && o.Transport == nil {
		e.ask.plain = base.Host
	}
	e.examine(ctx, o.Window, began)
	if ctx.Err() != nil {
		return Report{}, ctx.Err()
	}
	e.report.Requests, e.report.Took = e.ask.sent, time.Since(began)
	return e.report, nil
}

// exam is one running examination.
type exam struct {
	ask     *asker
	report  Report
	repeats [len(upstream.Kinds)]repeats // in the lists of each kind
	refused []refusal
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
	e.duplicates(ctx, samples[upstream.Emails])
	for _, s := range samples {
		e.holdStill(ctx, s)
	}
	e.formats()
	if e.ask.gone {
		e.report.Trouble = "The server stopped answering: " + e.ask.silence + "."
	}
}
