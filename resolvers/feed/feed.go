package feed

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"deliverygraph/upstream"
)

// Options configures a feed. Zero values select the defaults given here.
type Options struct {
	// Interval is the time between two polls of a topic; default 5 s. While the upstream fails it doubles, up
	// to a minute.
	Interval time.Duration
	// Overlap is the longest time after which a bounce may still appear; default 5 minutes.
	Overlap time.Duration
	// Buffer is how many events a subscriber may be behind; default 1,000.
	Buffer int
	// Topics is the maximum number of distinct filters polled at once; default 100.
	Topics int
	// Subscribers is the maximum number of subscriptions of all callers together; default 10,000.
	Subscribers int
	// PerCaller is the maximum number of subscriptions of a named caller without a limit of its own; default
	// 100.
	PerCaller int
	// Refused, if not nil, is called for each subscription rejected with a [*LimitError].
	Refused func()
	// Now returns the current time; default time.Now.
	Now func() time.Time
}

func (o *Options) setDefaults() {
	o.Interval = cmp.Or(o.Interval, 5*time.Second)
	o.Overlap = cmp.Or(o.Overlap, 5*time.Minute)
	o.Buffer = cmp.Or(o.Buffer, 1000)
	o.Topics = cmp.Or(o.Topics, 100)
	o.Subscribers = cmp.Or(o.Subscribers, 10_000)
	o.PerCaller = cmp.Or(o.PerCaller, 100)
	if o.Now == nil {
		o.Now = time.Now
	}
}

// View is the upstream as one caller sees it.
type View struct {
	// API is used by the polls. It must not cache answers, since a poll must see what is new.
	API upstream.Asker
	// Context carries the values that the API needs from the caller. It must not end with the request, since a
	// topic outlives it.
	Context context.Context
	// Key is equal exactly for callers who see the same data. They share polls.
	Key string
	// Caller is the caller's name, or empty if callers are not identified.
	Caller string
	// Streams is the caller's own limit on subscriptions; 0 means Options.PerCaller.
	Streams int
}

// Feed delivers bounces as they appear. It is safe for concurrent use.
type Feed struct {
	o    Options
	view func(context.Context) View

	mu      sync.Mutex
	closed  bool
	topics  map[string]*topic
	callers map[string]int // number of subscriptions by caller's name
	count   int
	polls   sync.WaitGroup
}

// New returns a feed. The function view returns the upstream for the context of a subscription. Call
// [Feed.Close] when done.
func New(view func(context.Context) View, o Options) *Feed {
	o.setDefaults()
	return &Feed{o: o, view: view, topics: map[string]*topic{}, callers: map[string]int{}}
}

// Close ends all subscriptions and polls, and waits for the polls to return.
func (f *Feed) Close() {
	f.mu.Lock()
	f.closed = true
	var topics []*topic
	for _, t := range f.topics {
		topics = append(topics, t)
	}
	f.mu.Unlock()
	for _, t := range topics {
		t.endAll(ErrClosed)
	}
	f.polls.Wait()
}

// ErrClosed is the error of subscriptions after the feed is closed.
var ErrClosed = errors.New("feed: closed")

// LimitError rejects a subscription that would exceed a limit.
type LimitError struct{ message string }

// Error says which limit was reached and what to do. The text may be shown to callers.
func (e *LimitError) Error() string { return e.message }

// Subscribe starts a subscription to the bounces that match the query's filter. The query's window and offset
// are ignored. After is the cursor to resume from, or nil for new bounces only. Subscribe returns after the
// first polls of the upstream, so every bounce that appears later is delivered.
//
// Errors are a [*LimitError], a [*page.ArgumentError] that names after, [ErrClosed], the context's error, or
// the upstream's. Call [Subscription.Close] when done.
func (f *Feed) Subscribe(ctx context.Context, q upstream.ListQuery, after *string) (*Subscription, error) {
	s, err := f.subscribe(ctx, q, after)
	if limit := new(LimitError); f.o.Refused != nil && errors.As(err, &limit) {
		f.o.Refused()
	}
	return s, err
}

func (f *Feed) subscribe(ctx context.Context, q upstream.ListQuery, after *string) (*Subscription, error) {
	q.Window, q.Offset = upstream.Window{}, 0
	s := &Subscription{
		feed: f, binding: "subscription" + upstream.Bounces.ListPath() + "?" + q.Encode(),
	}
	s.ended, s.abort = context.WithCancelCause(context.Background())
	if after != nil {
		if err := s.resume(*after); err != nil {
			return nil, err
		}
	}
	v := f.view(ctx)
	if err := f.admit(v); err != nil {
		return nil, err
	}
	s.caller = v.Caller
	t, err := f.join(s, v, q)
	if err == nil {
		err = t.await(ctx)
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	if after == nil {
		t.attach(s)
	}
	return s, nil
}

// admit counts a subscription, or rejects it if a limit is reached.
func (f *Feed) admit(v View) error {
	most := cmp.Or(v.Streams, f.o.PerCaller)
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.closed:
		return ErrClosed
	case v.Caller != "" && f.callers[v.Caller] >= most:
		return &LimitError{fmt.Sprintf("this caller has %d open subscriptions, the maximum: "+
			"end one, or share one subscription among several readers", most)}
	case f.count >= f.o.Subscribers:
		return &LimitError{fmt.Sprintf("this gateway has %d open subscriptions, the maximum: try again later",
			f.o.Subscribers)}
	}
	f.count++
	if v.Caller != "" {
		f.callers[v.Caller]++
	}
	return nil
}

// join adds the subscription to the topic of its filter, and starts the topic if there is none.
func (f *Feed) join(s *Subscription, v View, q upstream.ListQuery) (*topic, error) {
	key := v.Key + "\x00" + s.binding
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil, ErrClosed
	}
	t := f.topics[key]
	if t == nil {
		if len(f.topics) >= f.o.Topics {
			return nil,
				&LimitError{fmt.Sprintf("this gateway serves subscriptions with %d different filters, the maximum: "+
					"use a filter that is in use, or try again later", f.o.Topics)}
		}
		t = newTopic(f, key, v, q)
		f.topics[key] = t
		f.polls.Go(t.run)
	}
	s.topic = t
	t.subscribers[s] = struct{}{}
	return t, nil
}

// leave removes the subscription from its topic. The topic ends with its last subscription.
func (f *Feed) leave(s *Subscription) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.count--; s.caller != "" {
		if f.callers[s.caller]--; f.callers[s.caller] == 0 {
			delete(f.callers, s.caller)
		}
	}
	t := s.topic
	if t == nil {
		return
	}
	delete(t.subscribers, s)
	if len(t.subscribers) == 0 {
		t.stop()
		if f.topics[t.key] == t {
			delete(f.topics, t.key)
		}
	}
}
