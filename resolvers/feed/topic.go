package feed

import (
	"context"
	"hash/fnv"
	"sync"
	"sync/atomic"
	"time"

	"deliverygraph/upstream"
)

// maxWindow is the number of rows that a topic remembers, and so bounds the pages that a poll reads when
// nothing is new. maxPages is the most pages that a poll reads, after an outage.
const (
	maxWindow = 4 * upstream.PageSize
	maxPages  = 20
)

// topic polls for the bounces of one filter.
type topic struct {
	feed  *Feed
	key   string
	api   upstream.API
	query upstream.ListQuery
	ctx   context.Context
	stop  context.CancelFunc
	phase time.Duration // see moment

	subscribers map[*Subscription]struct{} // guarded by feed.mu

	ready chan struct{} // closed when the first polls have succeeded or one has failed
	err   error         // of the first polls

	mu     sync.Mutex
	start  upstream.Time // older rows are ignored
	window []row         // the rows seen since start, in order
	marked *mark         // mark of window; nil after a change
	tail   *entry        // the newest entry
}

// entry is an event in the linked list that subscribers follow. Only next changes.
type entry struct {
	event  *Event
	number int64
	next   *entry        // set before passed is closed
	passed chan struct{} // closed when next is set
}

func newTopic(f *Feed, key string, v View, q upstream.ListQuery) *topic {
	t := &topic{
		feed: f, key: key, api: upstream.API{Asker: v.API}, query: q,
		subscribers: map[*Subscription]struct{}{},
		ready:       make(chan struct{}),
		tail:        &entry{passed: make(chan struct{})},
	}
	hash := fnv.New64a()
	hash.Write([]byte(q.Encode()))
	t.phase = time.Duration(hash.Sum64() % uint64(f.o.Interval))
	t.start = upstream.Time(t.moment().Add(-f.o.Interval - f.o.Overlap).Unix()) // where the poll before would begin
	t.ctx, t.stop = context.WithCancel(v.Context)
	return t
}

// await waits for the first polls.
func (t *topic) await(ctx context.Context) error {
	select {
	case <-t.ready:
		return t.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// markNow returns the mark of everything that has been seen. The caller must hold mu.
func (t *topic) markNow() *mark {
	if t.marked == nil {
		t.marked = markOf(t.start, t.window)
	}
	return t.marked
}

// attach makes a subscription follow the topic from now on.
func (t *topic) attach(s *Subscription) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s.delivered = t.markNow()
	s.at.Store(t.tail)
}

// endSlow ends the subscriptions that were too far behind when the event with number newest was the newest.
func (t *topic) endSlow(newest int64) {
	t.feed.mu.Lock()
	defer t.feed.mu.Unlock()
	for s := range t.subscribers {
		if at := s.at.Load(); at != nil && newest-at.number > int64(t.feed.o.Buffer) {
			s.end(errSlow)
		}
	}
}

// endAll ends all subscriptions and the topic.
func (t *topic) endAll(err error) {
	t.feed.drop(t)
	t.feed.mu.Lock()
	defer t.feed.mu.Unlock()
	for s := range t.subscribers {
		s.end(err)
	}
	t.stop()
}

// drop prevents further subscriptions from joining the topic.
func (f *Feed) drop(t *topic) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.topics[t.key] == t {
		delete(f.topics, t.key)
	}
}

// Event is a bounce that has appeared.
type Event struct {
	Bounce *upstream.Bounce
	batch  *batch
	at     int // index in the batch
	cursor atomic.Pointer[string]
}

// batch holds rows that one poll found.
type batch struct {
	mark   *mark // before these rows
	rows   []row
	window upstream.Window // in which the rows were found
}

// mark returns what has been delivered, including the event.
func (e *Event) mark() *mark { return e.batch.mark.with(e.batch.rows[:e.at+1]) }

// Window returns a window that contains the bounce. It is the same for all bounces found in one poll.
func (e *Event) Window() upstream.Window { return e.batch.window }

// seal returns the event's cursor. It is computed once for all subscribers.
func (e *Event) seal(binding string) string {
	if c := e.cursor.Load(); c != nil {
		return *c
	}
	c := e.mark().seal(binding)
	e.cursor.Store(&c)
	return c
}
