package cached_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"deliverygraph/upstream"
	"deliverygraph/upstream/cached"
	"deliverygraph/upstream/rest"
)

// once is a server that, as the API's documentation says, gives the result only to the first of identical concurrent
// requests.
type once struct {
	took time.Duration

	mu       sync.Mutex
	underWay map[string]int
	calls    int
	twice    int
}

func (o *once) begin(uri string) (first bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.calls++
	if o.underWay[uri]++; o.underWay[uri] > 1 {
		o.twice++
		return false
	}
	return true
}

func (o *once) end(uri string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.underWay[uri]--
}

func (o *once) RoundTrip(r *http.Request) (*http.Response, error) {
	uri := r.URL.String()
	defer o.end(uri)
	res := &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, ContentLength: -1,
		Body: io.NopCloser(strings.NewReader(`{"data":[]}`))}
	if !o.begin(uri) {
		res.StatusCode = http.StatusAccepted
		return res, nil
	}
	select {
	case <-time.After(o.took):
		return res, nil
	case <-r.Context().Done():
		time.Sleep(5 * time.Millisecond) // ending a request may take a moment
		return nil, r.Context().Err()
	}
}

// Identical requests are never in progress together, however callers come and go and whether or not answers are kept,
// and every caller that waits long enough is answered.
func TestNeverTwoIdenticalRequests(t *testing.T) {
	for name, o := range map[string]cached.Options{
		"with memory": {Bytes: 1 << 20, Fresh: time.Millisecond}, "without": {},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &once{took: 50 * time.Millisecond, underWay: map[string]int{}}
				client, err := rest.New(rest.Options{BaseURL: "http://metrics.example.com", Transport: server})
				if err != nil {
					t.Fatal(err)
				}
				c, err := cached.New(client, o)
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				views := []upstream.API{{Asker: c}, {Asker: c.Live()}, {Asker: c.For("")}}
				var wg sync.WaitGroup
				for i := range 300 {
					wg.Go(func() {
						time.Sleep(time.Duration(i*7919%997) * time.Millisecond)
						patience := time.Duration(i*104729%61) * time.Millisecond
						if i%3 == 0 {
							patience = time.Minute
						}
						ctx, cancel := context.WithTimeout(t.Context(), patience)
						defer cancel()
						a, b := upstream.Header{Name: "X-A", Value: "1"}, upstream.Header{Name: "X-B", Value: "2"}
						q := upstream.ListQuery{UserID: upstream.ID(i % 2), XHeaders: upstream.HeaderFilters{a, b}}
						if i%5 == 0 { // the same question in another form
							q.XHeaders = upstream.HeaderFilters{b, a}
						}
						_, err := views[i%len(views)].Emails(ctx, q)
						if i%3 == 0 && err != nil {
							t.Errorf("caller %d: %v", i, err)
						}
						if err != nil && upstream.CodeOf(err) != upstream.Timeout {
							t.Errorf("caller %d: %v", i, err)
						}
					})
				}
				wg.Wait()
				if server.twice != 0 {
					t.Errorf("%d requests were sent while an identical one was in progress", server.twice)
				}
				if server.calls < 10 || server.calls > 100 {
					t.Errorf("%d calls of 300 callers, want them joined", server.calls)
				}
			})
		})
	}
}
