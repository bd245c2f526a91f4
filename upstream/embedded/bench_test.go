package embedded_test

import (
	"io"
	"net/http"
	"testing"

	"deliverygraph/upstream/embedded"
	"deliverygraph/upstream/upstreamtest"
)

// BenchmarkInProcess measures requests per second of one caller to each endpoint, in
// process over a store with the sample, including reading the body.
func BenchmarkInProcess(b *testing.B) {
	sample := upstreamtest.Sample()
	h := embedded.New(openStore(b, sample), embedded.Options{})
	c := &http.Client{Transport: embedded.Transport(h)}
	for _, bench := range []struct{ name, pathAndQuery string }{
		{"bounces", "/bounces?" + crowdDay},
		{"emails", "/emails?" + crowdDay},
		{"blocked-emails", "/blocked-emails?" + crowdDay},
		{"bounce", sample.Bounces[0].Key().Path()},
		{"bounce-counts", "/bounce/counts?" + crowdDay},
		{"email-counts", "/email/counts?" + crowdDay},
		{"blocked-email-counts", "/blocked-email/counts?" + crowdDay},
		{"email-counts-hour", "/email/counts?" + crowdDay + "&timeseries=hour"},
		{"bounce-categories", "/bounce/categories"},
		{"blocked-email-reasons", "/blocked-email/reasons"},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				resp, err := c.Get("http://embedded" + bench.pathAndQuery)
				if err != nil {
					b.Fatal(err)
				}
				n, err := io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				if err != nil || resp.StatusCode != http.StatusOK {
					b.Fatal(resp.Status, err)
				}
				b.SetBytes(n)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
		})
	}
}

// BenchmarkTransport measures the cost of Transport itself.
func BenchmarkTransport(b *testing.B) {
	rt := embedded.Transport(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"data":[]}`)
	}))
	b.ReportAllocs()
	req, err := http.NewRequestWithContext(b.Context(), http.MethodGet, "http://embedded/bounces?"+day, nil)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		resp, err := rt.RoundTrip(req)
		if err != nil {
			b.Fatal(err)
		}
		resp.Body.Close()
	}
}
