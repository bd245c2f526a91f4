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
	"deliverygraph/upstream/grouped"
	"deliverygraph/upstream/upstreamtest"
)

// sampleDays are all days of the sample.
var sampleDays = upstream.Window{Start: upstreamtest.SampleDay - 2*86400, End: upstreamtest.SampleCrowd + 86400}

// backend is a store of the sample with faults. Each func that is not nil is a fault.
type backend struct {
	upstreamtest.Backend
	query  func(*upstream.ListQuery)                         // changes list queries
	list   func(upstream.Kind, upstream.ListQuery, rows) any // replaces lists
	count  func(upstream.Kind, *upstream.CountQuery)         // changes counts queries
	counts func(upstream.Kind, upstream.CountQuery, []upstream.Count) []upstream.Count
	series seriesFault
	detail func(upstream.BounceKey, upstream.BounceDetail, error) (upstream.BounceDetail, error)
}

func newEmpty() *upstreamtest.Model { return upstreamtest.NewModel(upstreamtest.Rows{}) }

// rows returns a page of the list without the fault.
type rows func(upstream.ListQuery) any

func newBackend() *backend { return &backend{Backend: upstreamtest.Backend{Model: sampleModel}} }

// sampleModel is shared by all backends over the sample. Its answers are remembered, since tests ask the same and the
// model looks at all rows each time.
var (
	sampleModel = upstreamtest.NewModel(upstreamtest.Sample())
	remembered  sync.Map
)

// answer returns the answer without faults, which the caller may modify. It remembers answers of the sample's model.
func (b *backend) answer(ctx context.Context, only []upstream.ID, q upstream.Question) any {
	recalled := b.Model == sampleModel && only == nil
	answer, ok := remembered.Load(q)
	if !ok || !recalled {
		var err error
		if answer, err = b.Backend.Ask(ctx, only, &q, grouped.DefaultProviders()); err != nil {
			panic(err)
		}
		if recalled {
			remembered.Store(q, answer)
		}
	}
	switch answer := answer.(type) {
	case []upstream.Count:
		return slices.Clone(answer)
	case []upstream.Series:
		series := slices.Clone(answer)
		for i := range series {
			series[i].Points = slices.Clone(series[i].Points)
		}
		return series
	}
	return upstream.PageOf(answer).Clone().Rows()
}

// Ask answers with b's faults.
func (b *backend) Ask(
	ctx context.Context, only []upstream.ID, q *upstream.Question, p *grouped.Providers,
) (any, error) {
	switch q.Shape {
	case upstream.ShapeList:
		query := q.ListQuery
		list := func(query upstream.ListQuery) any { return b.answer(ctx, only, query.Question(q.Kind)) }
		if b.query != nil {
			b.query(&query)
		}
		if b.list == nil {
			return list(query), nil
		}
		return b.list(q.Kind, query, list), nil
	case upstream.ShapeCounts, upstream.ShapeSeries:
		query := q.Counts()
		if b.count != nil {
			b.count(q.Kind, &query)
		}
		found := b.answer(ctx, only, query.Question(q.Kind))
		switch {
		case q.Shape == upstream.ShapeCounts && b.counts != nil:
			return b.counts(q.Kind, query, found.([]upstream.Count)), nil
		case q.Shape == upstream.ShapeSeries && b.series != nil:
			return b.series(query, found.([]upstream.Series)), nil
		}
		return found, nil
	}
	answer, err := b.Backend.Ask(ctx, only, q, p)
	if q.Shape == upstream.ShapeDetail && b.detail != nil {
		d, _ := answer.(upstream.BounceDetail)
		return b.detail(q.Detail(), d, err)
	}
	return answer, err
}

// handler returns a server over the backend.
func (b *backend) handler() http.Handler { return embedded.New(b, embedded.Options{}) }

// sample returns a server over the sample without faults.
func sample() http.Handler { return newBackend().handler() }

// answers changes the answers to paths that begin with to.
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

// replaced replaces strings in the bodies of answers with status 200.
func replaced(to string, oldnew ...string) http.Handler {
	return answers(to, func(_ *http.Request, status int, body []byte) (int, string) {
		if status == http.StatusOK {
			return status, strings.NewReplacer(oldnew...).Replace(string(body))
		}
		return status, string(body)
	})
}

// failing answers paths that begin with to with a status and {}.
func failing(to string, status int) http.Handler {
	return answers(to, func(*http.Request, int, []byte) (int, string) { return status, "{}" })
}

// instead replaces answers that have one of these statuses.
func instead(of []int, status int, body string) http.Handler {
	return answers("/", func(_ *http.Request, was int, good []byte) (int, string) {
		if slices.Contains(of, was) {
			return status, body
		}
		return was, string(good)
	})
}

// changed changes requests before they are answered.
func changed(change func(*http.Request)) http.Handler {
	next := sample()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = r.Clone(r.Context())
		change(r)
		next.ServeHTTP(w, r)
	})
}

// replacedQuery replaces a string in the query of requests.
func replacedQuery(old, new string) http.Handler {
	return changed(func(r *http.Request) { r.URL.RawQuery = strings.Replace(r.URL.RawQuery, old, new, 1) })
}

// without returns a server that ignores the parameters for which ignore returns true.
func without(ignore func(path, name string) bool) http.Handler {
	return changed(func(r *http.Request) {
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

// transport serves h below /v4.
func transport(h http.Handler) http.RoundTripper {
	return embedded.Transport(http.StripPrefix("/v4", h))
}

func table(t *testing.T, r doctor.Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := r.WriteTable(&b, false); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
