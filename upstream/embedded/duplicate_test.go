package embedded_test

import (
	"context"
	"testing"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/grouped"
	"deliverygraph/upstream/upstreamtest"
)

// blocking is a store.Reader of the sample whose calls block: each sends on entered and
// waits until release is closed.
type blocking struct {
	store.Reader
	entered chan struct{}
	release chan struct{}
}

func newBlocking() blocking {
	return blocking{sampleBackend(), make(chan struct{}, 16), make(chan struct{})}
}

func (b blocking) Ask(
	ctx context.Context, only []upstream.ID, q *upstream.Question, p *grouped.Providers,
) (any, error) {
	b.entered <- struct{}{}
	<-b.release
	return b.Reader.Ask(ctx, only, q, p)
}

const (
	keyOne = "key-one-opens-all-users"
	keyTwo = "key-two-opens-all-users"
)

func TestDuplicatesGet202WithoutData(t *testing.T) {
	detail := upstreamtest.Sample().Bounces[0].Key().Path()
	for name, test := range map[string]struct{ first, second, want string }{
		"a list": {"/emails?" + day, "/emails?" + day, `{"data":[]}`},
		"parameters in another order": {
			"/emails?" + day + "&user_id=20&offset=1", "/emails?offset=1&user_id=20&" + day, `{"data":[]}`},
		"parameters escaped differently": {
			"/emails?" + crowdDay + "&X-District=New%20Hampshire",
			"/emails?" + crowdDay + "&X-District=New+Hampshi%72e", `{"data":[]}`},
		"a time written differently": {"/emails?" + day, "/emails?start_time=2016-11-22T00:00:00Z&end_time=1479859200",
			`{"data":[]}`},
		"a trailing ampersand": {"/emails?" + day, "/emails?" + day + "&", `{"data":[]}`},
		"counts":               {"/email/counts?" + day, "/email/counts?" + day, `{"data":[]}`},
		"a time series": {
			"/email/counts?" + day + "&timeseries=day", "/email/counts?timeseries=day&" + day, `{"data":{}}`},
		"details":     {detail, detail, `{"data":null}`},
		"a catalogue": {"/bounce/categories", "/bounce/categories", `{"data":[]}`},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBlocking()
			h := embedded.New(b, embedded.Options{Duplicate202: true, Keys: keys(t, keyOne, keyTwo)})
			first := make(chan string)
			go func() { first <- bodyOf(t, get(t, h, test.first, "Authorization", "apikey="+keyOne)) }()
			<-b.entered

			r := get(t, h, test.second, "Authorization", "apikey="+keyOne)
			if got := bodyOf(t, r); r.StatusCode != 202 || got != test.want ||
				r.Header.Get("Content-Type") != "application/json" {
				t.Errorf("the second: status %d, %s; want 202, %s", r.StatusCode, got, test.want)
			}
			close(b.release)
			if got := <-first; len(got) <= len(test.want) {
				t.Errorf("the first got %s, want the results", got)
			}
			if r := get(t, h, test.second, "Authorization", "apikey="+keyOne); r.StatusCode != 200 {
				t.Errorf("after the first is done: status %d, want 200", r.StatusCode)
			}
		})
	}
}

func TestDifferentConcurrentRequestsAreAllAnswered(t *testing.T) {
	for name, test := range map[string]struct{ second, key string }{
		"another value":          {"/emails?" + day + "&user_id=21", keyOne},
		"one more parameter":     {"/emails?" + day + "&user_id=20&offset=1", keyOne},
		"another endpoint":       {"/email/counts?" + day + "&user_id=20", keyOne},
		"another key":            {"/emails?" + day + "&user_id=20", keyTwo},
		"another parameter name": {"/emails?" + day + "&sender_id=20", keyOne},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBlocking()
			h := embedded.New(b, embedded.Options{Duplicate202: true, Keys: keys(t, keyOne, keyTwo)})
			statuses := make(chan int, 2)
			go func() {
				statuses <- get(t, h, "/emails?"+day+"&user_id=20", "Authorization", "apikey="+keyOne).StatusCode
			}()
			<-b.entered
			go func() { statuses <- get(t, h, test.second, "Authorization", "apikey="+test.key).StatusCode }()
			<-b.entered // a duplicate would not reach the backend
			close(b.release)
			for range 2 {
				if got := <-statuses; got != 200 {
					t.Errorf("status %d, want 200", got)
				}
			}
		})
	}
}

func TestDuplicatesGetDataWithoutDuplicate202(t *testing.T) {
	b := newBlocking()
	h := embedded.New(b, embedded.Options{})
	bodies := make(chan string, 2)
	for range 2 {
		go func() { bodies <- bodyOf(t, get(t, h, "/emails?"+day)) }()
	}
	<-b.entered
	<-b.entered
	close(b.release)
	if one, two := <-bodies, <-bodies; one != two || len(one) < 100 {
		t.Errorf("got %.100s and %.100s, want the same results", one, two)
	}
}

// A panic must not leave the request among those being processed.
func TestRequestsThatPanicCanBeRepeated(t *testing.T) {
	calls := 0
	panics := func(context.Context) ([]upstream.Bounce, error) { calls++; panic("once more") }
	h := embedded.New(faulty{sampleBackend(), panics}, embedded.Options{Duplicate202: true, MaxConcurrent: 1})
	for range 3 {
		if r := get(t, h, "/bounces?"+day); r.StatusCode != 500 {
			t.Errorf("status %d, want 500", r.StatusCode)
		}
	}
	if calls != 3 {
		t.Errorf("%d calls, want 3", calls)
	}
}
