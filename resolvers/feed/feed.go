package feed

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"deliverygraph/upstream"
)

// Options set up a feed. Zero values mean the defaults named here.
type Options struct {
	// Interval is the time between two polls of a topic; 0 is 5 s. While the upstream
	// fails it doubles up to a minute.
	Interval time.Duration
	// Overlap is how long after it bounced a bounce may appear; 0 is 5 minutes.
	Overlap time.Duration
	// Reach is how old a cursor may be to go on from; 0 is a day.
	Reach time.Duration
	// Buffer is how many events a subscriber may be behind; 0 is 1,000.
	Buffer int
	// Topics is how many distinct filters may be polled at once; 0 is 100.
	Topics int
	// Subscribers bounds the subscriptions of all callers together; 0 is 10,000.
	Subscribers int
	// PerCaller bounds those of one caller with a name and no bound of its own; 0 is
	// 100.
	PerCaller int
	// Refused, if not nil, is told of each subscription that a [*LimitError] refuses.
	Refused func()
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

func (o *Options) setDefaults() {
	orElse(&o.Interval, 5*time.Second)
	orElse(&o.Overlap, 5*time.Minute)
	orElse(&o.Reach, 24*time.Hour)
	orElse(&o.Buffer, 1000)
	orElse(&o.Topics, 100)
	orElse(&o.Subscribers, 10_000)
	orElse(&o.PerCaller, 100)
	if o.Now == nil {
		o.Now = time.Now
	}
}

func orElse[T int | time.Duration](v *T, otherwise T) {
	if *v == 0 {
		*v = otherwise
	}
}

// View is the upstream as one caller sees it.
type View struct {
	// API is asked by the polls. It must not remember answers: a poll wants to know
	// what is new.
	API upstream.API
	// Context carries what the API needs to know of the caller. It outlives the
	// request: it must not end with it.
	Context context.Context
	// Key is equal for callers who see the same, and only for those: they share polls.
	Key string
	// Caller is the caller's name, empty where nobody is asked who they are.
	Caller string
	// Streams is the caller's own bound on its subscriptions; 0 is Options.PerCaller.
	Streams int
}

// Feed tells of bounces as they appear. It is safe for concurrent use.
type Feed struct {
	o    Options
	view func(context.Context) View

	mu      sync.Mutex
	closed  bool
	topics  map[string]*topic
	callers map[string]int // subscriptions by caller's name
	count   int
	polls   sync.WaitGroup
}

// New makes a feed over what view gives for the context of a subscription. Call
// [Feed.Close] when done.
func New(view func(context.Context) View, o Options) *Feed {
	o.setDefaults()
	return &Feed{o: o, view: view, topics: map[string]*topic{}, callers: map[string]int{}}
}

// Close ends all subscriptions and polls, and waits for the polls.
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

// ErrClosed ends subscriptions of a feed that is closed.
var ErrClosed = errors.New("feed: closed")

// LimitError refuses a subscription beyond a bound.
type LimitError struct{ message string }

// Error says which bound, and what to do: it is fit for callers.
func (e *LimitError) Error() string { return e.message }

// Subscribe begins a subscription of the bounces that the query's filter lets through;
// its window and offset do not matter. After is a cursor to go on from, or nil for
// what is new from now on. It returns when the upstream has been asked for the first
// time, so that whatever appears from then on is told of.
//
// Errors are a [*LimitError], a [*page.ArgumentError] that names after, [ErrClosed],
// the context's, or the upstream's. Call [Subscription.Close] when done.
func (f *Feed) Subscribe(ctx context.Context, q upstream.ListQuery, after *string) (*Subscription, error) {
	s, err := f.subscribe(ctx, q, after)
	if limit := new(LimitError); f.o.Refused != nil && errors.As(err, &limit) {
		f.o.Refused()
	}
	return s, err
}

func (f *Feed) subscribe(ctx context.Context, q upstream.ListQuery, after *string) (*Subscription, error) {
	q.Window, q.Offset = upstream.Window{}, 0
	s := &Subscription{feed: f, binding: "subscription" + upstream.Bounces.ListPath() + "?" + q.Encode(upstream.Bounces), ended: make(chan struct{})}
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

// admit counts a subscription, unless there are as many as there may be.
func (f *Feed) admit(v View) error {
	most := v.Streams
	orElse(&most, f.o.PerCaller)
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.closed:
		return ErrClosed
	case v.Caller != "" && f.callers[v.Caller] >= most:
		return &LimitError{fmt.Sprintf("this caller has %d subscriptions open, the most it may have: end one, or let one socket or page serve several readers", most)}
	case f.count >= f.o.Subscribers:
		return &LimitError{fmt.Sprintf("there are %d subscriptions open, the most that this gateway takes: try again later", f.o.Subscribers)}
	}
	f.count++
	if v.Caller != "" {
		f.callers[v.Caller]++
	}
	return nil
}

// join puts the subscription on the topic of its filter, which begins if there is
// none.
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
			return nil, &LimitError{fmt.Sprintf("%d different filters are being watched, the most that this gateway takes: use one that others use, or try again later", f.o.Topics)}
		}
		t = newTopic(f, key, v, q)
		f.topics[key] = t
		f.polls.Go(t.run)
	}
	s.topic = t
	t.subscribers[s] = struct{}{}
	return t, nil
}

// leave takes the subscription off its topic, which ends with its last one.
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
