package doctor_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"deliverygraph/upstream"
	"deliverygraph/upstream/doctor"
	"deliverygraph/upstream/embedded"
	"deliverygraph/upstream/upstreamtest"
)

// sampleDays are all days of the sample.
var sampleDays = upstream.Window{Start: upstreamtest.SampleDay - 2*86400, End: upstreamtest.SampleCrowd + 86400}

// backend is a model of the sample as a Backend, with faults. What is nil is as it
// should be.
type backend struct {
	*upstreamtest.Model
	query  func(*upstream.ListQuery)                                                   // before a list is made
	list   func(upstream.Kind, upstream.ListQuery, rows) any                           // a list instead
	count  func(upstream.Kind, *upstream.CountQuery)                                   // before counts are made
	counts func(upstream.Kind, upstream.CountQuery, []upstream.Count) []upstream.Count // counts instead
	series func(upstream.SeriesQuery, []upstream.Series) []upstream.Series
	before func(*upstream.SeriesQuery)
	detail func(upstream.BounceKey, upstream.BounceDetail, error) (upstream.BounceDetail, error)
}

func newEmpty() *upstreamtest.Model { return upstreamtest.NewModel(upstreamtest.Rows{}) }

// rows gives any page of the list that a backend would have given.
type rows func(upstream.ListQuery) any

func newBackend() *backend { return &backend{Model: sampleModel} }

// sampleModel is shared by all backends over the sample, and what it has been asked
// is remembered: they are asked the same things, and it sorts all rows for each.
var (
	sampleModel = upstreamtest.NewModel(upstreamtest.Sample())
	remembered  sync.Map
)

// recall gives an answer of the model, that the caller may write to.
func recall[R any](m *upstreamtest.Model, only []upstream.ID, what string, ask func() ([]R, error)) ([]R, error) {
	if m != sampleModel || only != nil {
		return ask()
	}
	known, ok := remembered.Load(what)
	if !ok {
		found, err := ask()
		if err != nil {
			return nil, err
		}
		known, _ = remembered.LoadOrStore(what, found)
	}
	return slices.Clone(known.([]R)), nil
}

func listed[R any](ctx context.Context, b *backend, only []upstream.ID, k upstream.Kind, q upstream.ListQuery, ask func(context.Context, upstream.ListQuery) ([]R, error)) ([]R, error) {
	list := func(ctx context.Context, q upstream.ListQuery) ([]R, error) {
		return recall(b.Model, only, k.ListPath()+"?"+q.Encode(k), func() ([]R, error) { return ask(ctx, q) })
	}
	if b.query != nil {
		b.query(&q)
	}
	if b.list == nil {
		return list(ctx, q)
	}
	page := func(q upstream.ListQuery) any {
		found, err := list(ctx, q)
		if err != nil {
			panic(err)
		}
		return found
	}
	return b.list(k, q, page).([]R), nil
}

func (b *backend) Bounces(ctx context.Context, only []upstream.ID, q upstream.ListQuery) ([]upstream.Bounce, error) {
	return listed(ctx, b, only, upstream.Bounces, q, b.Limit(only).Bounces)
}

func (b *backend) Emails(ctx context.Context, only []upstream.ID, q upstream.ListQuery) ([]upstream.Email, error) {
	return listed(ctx, b, only, upstream.Emails, q, b.Limit(only).Emails)
}

func (b *backend) BlockedEmails(ctx context.Context, only []upstream.ID, q upstream.ListQuery) ([]upstream.BlockedEmail, error) {
	return listed(ctx, b, only, upstream.BlockedEmails, q, b.Limit(only).BlockedEmails)
}

func (b *backend) Bounce(ctx context.Context, only []upstream.ID, k upstream.BounceKey) (upstream.BounceDetail, error) {
	d, err := b.Limit(only).Bounce(ctx, k)
	if b.detail != nil {
		return b.detail(k, d, err)
	}
	return d, err
}

func (b *backend) Counts(ctx context.Context, only []upstream.ID, k upstream.Kind, q upstream.CountQuery) ([]upstream.Count, error) {
	if b.count != nil {
		b.count(k, &q)
	}
	found, err := recall(b.Model, only, k.CountsPath()+"?"+q.Encode(), func() ([]upstream.Count, error) { return b.Limit(only).Counts(ctx, k, q) })
	if b.counts != nil {
		found = b.counts(k, q, found)
	}
	return found, err
}

func (b *backend) Series(ctx context.Context, only []upstream.ID, k upstream.Kind, q upstream.SeriesQuery) ([]upstream.Series, error) {
	if b.count != nil {
		b.count(k, &q.CountQuery)
	}
	if b.before != nil {
		b.before(&q)
	}
	found, err := recall(b.Model, only, k.CountsPath()+"?"+q.Encode(), func() ([]upstream.Series, error) { return b.Limit(only).Series(ctx, k, q) })
	for i := range found {
		found[i].Points = slices.Clone(found[i].Points)
	}
	if b.series != nil {
		found = b.series(q, found)
	}
	return found, err
}

// handler is the server over the backend.
func (b *backend) handler() http.Handler { return embedded.New(b, embedded.Options{}) }

// sample is the server over the sample, without faults.
func sample() http.Handler { return newBackend().handler() }

// answers changes the answers of a server to the paths that begin so.
func answers(to string, change func(r *http.Request, status int, body []byte) (int, string)) http.Handler {
	next := sample()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, to) {
			next.ServeHTTP(w, r)
			return
		}
		got := httptest.NewRecorder()
		next.ServeHTTP(got, r)
		status, body := change(r, got.Code, got.Body.Bytes())
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	})
}

// replaced changes bodies of status 200 alone, by words.
func replaced(to string, oldnew ...string) http.Handler {
	return answers(to, func(_ *http.Request, status int, body []byte) (int, string) {
		if status == http.StatusOK {
			return status, strings.NewReplacer(oldnew...).Replace(string(body))
		}
		return status, string(body)
	})
}

// instead answers these statuses by another status and body.
func instead(of []int, status int, body string) http.Handler {
	return answers("/", func(_ *http.Request, was int, good []byte) (int, string) {
		if slices.Contains(of, was) {
			return status, body
		}
		return was, string(good)
	})
}

// asked changes requests before they are answered.
func asked(change func(*http.Request)) http.Handler {
	next := sample()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = r.Clone(r.Context())
		change(r)
		next.ServeHTTP(w, r)
	})
}

// without is a server that does not heed parameters whose name ignore is true for.
func without(ignore func(path, name string) bool) http.Handler {
	return asked(func(r *http.Request) {
		kept := strings.FieldsFunc(r.URL.RawQuery, func(c rune) bool { return c == '&' })
		kept = slices.DeleteFunc(kept, func(pair string) bool {
			name, _, _ := strings.Cut(pair, "=")
			return ignore(r.URL.Path, name)
		})
		r.URL.RawQuery = strings.Join(kept, "&")
	})
}

// examine examines a handler in process, over the days of the sample.
func examine(t *testing.T, h http.Handler, change ...func(*doctor.Options)) doctor.Report {
	t.Helper()
	o := doctor.Options{BaseURL: "http://metrics.example.com/v4", Window: sampleDays, Transport: transport(h)}
	for _, f := range change {
		f(&o)
	}
	report, err := doctor.Examine(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// transport reaches a handler below /v4.
func transport(h http.Handler) http.RoundTripper {
	return embedded.Transport(http.StripPrefix("/v4", h))
}

func table(t *testing.T, r doctor.Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := r.WriteTable(&b, doctor.Layout{}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
