package cached

import (
	"context"
	"errors"
	"math"
	"strings"
	"time"

	"github.com/maypok86/otter/v2"

	"deliverygraph/upstream"
)

// key identifies what is kept, and a call under way.
type key struct {
	scope string
	form  form
	hour  upstream.Time // the last settled hour, for extensions, which can be cut there, and for parts of sums
	q     upstream.Question
}

// form says what is kept for a question.
type form uint8

const (
	answers    form = iota // the answer to the question
	sums                   // a [sum] of counts or series; the question has no end
	extensions             // a time series that extends a sum; see [Cache.extend]
	newest                 // a [pointer] to the newest answer; the question has no end
	listMemory             // a value of a caller; the question has no window
	adoptions              // a look-up of a shared sum
	polled                 // an answer to a poll, which only other processes use
)

// keep returns the key with its own copies of all strings. They may be parts of a page or of a request, which would
// otherwise stay in memory as long as the key.
func (k key) keep() key {
	for _, s := range k.q.Strings() {
		*s = strings.Clone(*s)
	}
	return k
}

// size returns the memory that a kept key uses.
func (k key) size() int {
	n := sizeOf[key]()
	for _, s := range k.q.Strings() {
		n += len(*s)
	}
	return n
}

// landed is the result of a joined call.
type landed struct {
	entry
	held   bool // it was in memory by then: the previous call had brought it
	shared bool // it was in shared memory
}

// entry is a kept answer. It must not be modified.
type entry struct {
	value any
	rows  int
	bytes int           // memory that it uses, without its key
	keep  time.Duration // how long it is fresh, since it arrived
	since time.Time     // when it arrived
	final bool          // sealed: better than no answer, however old
	at    int64         // the version of the data; see [Cache.At]
}

// overhead is the memory that an entry uses beside its key and its answer's rows and strings: its share of the table,
// as measured.
const overhead = 200

// newMemory returns an empty memory. Its own clock only limits how long memory is used: whether an entry is still fresh
// is checked where it is used.
func newMemory(o Options) (*otter.Cache[key, entry], error) {
	return otter.New(&otter.Options[key, entry]{
		MaximumWeight: uint64(o.Bytes),
		Weigher: func(k key, e entry) uint32 {
			return uint32(min(k.size()+e.bytes+overhead, math.MaxUint32))
		},
		ExpiryCalculator: otter.ExpiryWritingFunc(func(e otter.Entry[key, entry]) time.Duration {
			if e.Value.final || e.Value.keep > Forever-o.MaxStale {
				return Forever
			}
			return e.Value.keep + o.MaxStale
		}),
	})
}

func (c *Cache) get(k key) (entry, bool) { return c.memory.GetIfPresent(k) }

// fresh returns the entry of a key if it is fresh.
func (c *Cache) fresh(k key) (e entry, ok bool) {
	e, ok = c.get(k)
	return e, ok && (e.final || e.at >= c.version) && (e.keep == Forever || c.o.Now().Sub(e.since) < e.keep)
}

// left returns how much longer the entry is fresh.
func (e entry) left(now time.Time) time.Duration {
	if e.keep == Forever {
		return Forever
	}
	return max(0, e.keep-now.Sub(e.since))
}

// put keeps a value that arrived some time ago, and is fresh for the time keep since then.
func (c *Cache) put(k key, value any, s size, keep, age time.Duration) entry {
	e := entry{value: value, rows: s.rows, bytes: s.bytes, keep: keep, since: c.o.Now().Add(-age),
		final: keep == Forever, at: c.version}
	if e.final && c.o.Sealed > 0 {
		e.keep = c.o.Sealed
	}
	if keep > 0 {
		c.memory.Set(k.keep(), e)
	}
	return e
}

// lookup is a question to memory.
type lookup struct {
	q    *upstream.Question
	form form
	hour upstream.Time // see key
	part bool          // of a sum, which keeps it
}

func (c *Cache) key(l lookup) key { return key{scope: c.scope, form: l.form, hour: l.hour, q: *l.q} }

// remember answers a question from memory, or by a call, which it may share with other callers.
func (c *Cache) remember(ctx context.Context, m moment, l lookup) (any, error) {
	e, err := c.recall(ctx, m, l)
	return e.value, err
}

// recall is like remember. The entry also tells when the answer arrived.
func (c *Cache) recall(ctx context.Context, m moment, l lookup) (entry, error) {
	if err := ctx.Err(); err != nil {
		return entry{}, gaveUp(err)
	}
	k := c.key(l)
	look := Lookup{Question: l.q}
	defer func() { c.report(ctx, look) }()

	e, held := c.fresh(k)
	if l.part { // earlier answers, from before that hour had settled, may lack some of its events
		whole := k
		whole.hour = 0
		e, held = c.fresh(whole)
		held = held && e.final
	}
	look.Hit = held
	if !held {
		var got landed
		got, look.Joined, look.Err = c.join(ctx, &k, func(ctx context.Context) (landed, error) {
			// The previous call may have ended since the caller looked.
			if e, held := c.fresh(k); held {
				return landed{entry: e, held: true}, nil
			}
			return c.load(ctx, m, k, l)
		})
		e, look.Shared = got.entry, got.shared && !look.Joined
		look.Hit = look.Shared || got.held && !look.Joined
		if look.Err != nil {
			look.Err = gaveUp(look.Err)
			if e, look.Stale = c.stale(m, k, look.Err); !look.Stale {
				return entry{}, look.Err
			}
		}
	}
	look.Rows = e.rows
	now := c.o.Now()
	if look.Hit || look.Stale {
		look.Age = now.Sub(e.since)
	}
	switch {
	case look.Stale:
	case l.part: // final, as all parts of sums are
		look.Left = Forever
	default:
		look.Left = e.left(now)
	}
	return e, nil
}

// join makes a call, or joins one that is under way. If that call fails because the operation that began it may make no
// more calls, the others make the call themselves.
func (c *Cache) join(ctx context.Context, k *key, fill work) (l landed, joined bool, err error) {
	for {
		l, joined, err = c.calls.do(ctx, k, c.version, fill)
		if !joined || upstream.CodeOf(err) != upstream.Exhausted {
			return l, joined, err
		}
	}
}

// live answers a question by a call, which it may share with other callers.
func (c *Cache) live(ctx context.Context, q *upstream.Question) (any, error) {
	k := key{scope: c.scope}
	k.q = *q // in a literal, it would take its room on the stack twice
	l, joined, err := c.join(ctx, &k, func(ctx context.Context) (landed, error) {
		ask := c.next.Ask
		if c.polls {
			ask = c.poll
		}
		answer, err := ask(ctx, q)
		return landed{entry: entry{value: answer}}, err
	})
	err = gaveUp(err)
	if joined {
		c.report(ctx, Lookup{Question: q, Joined: true, Rows: upstream.RowsOf(l.value), Err: err})
	}
	return l.value, err
}

// poll answers a question of a poll from the shared memory or the API.
func (c *Cache) poll(ctx context.Context, q *upstream.Question) (any, error) {
	f, _, err := c.fetch(ctx, c.o.moment(), key{scope: c.scope, form: polled, q: *q}, lookup{q: q})
	return f.value, err
}

// load gets the answer from the shared memory or the API, and keeps it.
func (c *Cache) load(ctx context.Context, m moment, k key, l lookup) (landed, error) {
	f, shared, err := c.fetch(ctx, m, k, l)
	if err != nil {
		return landed{}, err
	}
	answer, s := packed(f.value)
	e := c.put(k, answer, s, f.keep, f.age)
	c.point(m, k)
	return landed{entry: e, shared: shared}, nil
}

// keep returns how long an answer is fresh.
func (c *Cache) keep(m moment, l lookup, answer any) time.Duration {
	switch {
	case l.part:
		return 0
	case l.form == extensions:
		return c.o.Fresh
	}
	return c.o.keep(m, l.q, answer)
}

func (c *Cache) report(ctx context.Context, l Lookup) {
	if c.o.Observe != nil {
		c.o.Observe(ctx, l)
	}
}

// gaveUp returns the error for a caller whose context has ended: a passed deadline becomes a Timeout, as if the API had
// reported it.
func gaveUp(err error) error {
	if !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if _, ok := errors.AsType[*upstream.Error](err); !ok {
		return &upstream.Error{Code: upstream.Timeout, Message: "the metrics API did not answer in time", Err: err}
	}
	return err
}
