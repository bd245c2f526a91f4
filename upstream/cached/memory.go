package cached

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/maypok86/otter/v2"

	"deliverygraph/upstream"
	"deliverygraph/upstream/flight"
)

// question is a call of the API whose answer may be kept. Equal ones have equal
// keys, and answers of one type.
type question[T any] struct {
	endpoint string // the path, with placeholders for the parts that vary
	path     string // escaped
	query    string // canonical
	form     string // what the answer is decoded to, where path and query do not tell

	keep   time.Duration         // how long an answer is fresh; 0 is not kept
	lasts  func(T) time.Duration // how long this one is, where the question alone does not tell; nil is keep
	latest latest                // for a window that is open; else zero
	final  bool                  // no longer changes, though it is not kept by itself

	load func(context.Context) (T, error)
	pack func(T) (T, size)
}

// memory holds answers, and the calls that are to fill it.
type memory struct {
	entries *otter.Cache[string, entry]
	flights flight.Group[string, landed]
}

// landed is what waiting for an answer ends with.
type landed struct {
	entry
	held bool // it was in memory by then: the call before had brought it
}

// entry is an answer. It must not be changed.
type entry struct {
	value any
	rows  int
	bytes int           // what it holds, its key apart
	keep  time.Duration // how long it is fresh, from when it arrived
	since time.Time     // when it arrived
	final bool          // sealed: good in place of none, however old
}

// overhead is what an entry costs beside its key and its answer's rows and
// strings: its share of the table, as measured.
const overhead = 200

// newMemory makes the memory. It forgets by a clock of its own, which is there to
// give room back: whether an entry is still good is asked where it is used.
func newMemory(o Options) (*memory, error) {
	entries, err := otter.New(&otter.Options[string, entry]{
		MaximumWeight: uint64(o.Bytes),
		Weigher: func(key string, e entry) uint32 {
			return uint32(min(len(key)+e.bytes+overhead, math.MaxUint32))
		},
		ExpiryCalculator: otter.ExpiryWritingFunc(func(e otter.Entry[string, entry]) time.Duration {
			if e.Value.final || e.Value.keep > forever-o.MaxStale {
				return forever
			}
			return e.Value.keep + o.MaxStale
		}),
	})
	if err != nil {
		return nil, err
	}
	return &memory{entries: entries}, nil
}

func (m *memory) close() { m.entries.StopAllGoroutines() }

// Clear forgets all answers, of all scopes.
func (a *API) Clear() {
	if a.memory != nil {
		a.memory.entries.InvalidateAll()
	}
}

func (m *memory) get(key string) (entry, bool) { return m.entries.GetIfPresent(key) }

func (e entry) fresh(now time.Time) bool { return e.keep == forever || now.Sub(e.since) < e.keep }

// left is how much longer the entry is fresh.
func (e entry) left(now time.Time) time.Duration {
	if e.keep == forever {
		return forever
	}
	return max(0, e.keep-now.Sub(e.since))
}

// key is what a question's answer is kept under. Paths and queries are escaped and
// forms are ours, so neither holds a NUL: the scope ends at the key's last but
// one, whatever is in it.
func (a *API) key(form, path, query string) string {
	return a.scope + "\x00" + form + "\x00" + path + "?" + query
}

// put keeps an answer that has just arrived.
func (a *API) put(key string, value any, s size, keep time.Duration) entry {
	e := entry{value: value, rows: s.rows, bytes: s.bytes, keep: keep, since: a.o.Now(), final: keep == forever}
	if e.final && a.o.Sealed > 0 {
		e.keep = a.o.Sealed
	}
	if keep > 0 {
		a.memory.entries.Set(key, e)
	}
	return e
}

// remember answers a question from memory, or by asking the API, alone or together
// with others who wait for the same.
func remember[T any](ctx context.Context, a *API, q question[T]) (T, error) {
	var none T
	if err := ctx.Err(); err != nil {
		return none, gaveUp(err)
	}
	key := a.key(q.form, q.path, q.query)
	look := Lookup{Endpoint: q.endpoint, Path: q.path, Query: q.query}
	defer func() { a.report(ctx, look) }()

	e, held := a.memory.get(key)
	look.Hit = held && e.fresh(a.o.Now())
	if !look.Hit {
		var l landed
		l, look.Joined, look.Err = board(ctx, a, key, func(ctx context.Context) (landed, error) {
			// The flight before this one may have landed since the caller looked.
			if e, held := a.memory.get(key); held && e.fresh(a.o.Now()) {
				return landed{e, true}, nil
			}
			e, err := load(ctx, a, key, q)
			return landed{e, false}, err
		})
		e, look.Hit = l.entry, l.held && !look.Joined
		if look.Err != nil {
			look.Err = gaveUp(look.Err)
			if e, look.Stale = a.stale(key, q.latest, look.Err); !look.Stale {
				return none, look.Err
			}
		}
	}
	look.Rows = e.rows
	now := a.o.Now()
	if look.Hit || look.Stale {
		look.Age = now.Sub(e.since)
	}
	switch {
	case look.Stale:
	case q.final:
		look.Left = Forever
	default:
		look.Left = e.left(now)
	}
	return e.value.(T), nil
}

// board makes a call, or joins one that is under way. That a call failed since the
// operation that began it may make no more is nothing to others who joined it: they
// make it themselves.
func board(ctx context.Context, a *API, key string, fill func(context.Context) (landed, error)) (l landed, joined bool, err error) {
	for {
		l, joined, err = a.memory.flights.Do(ctx, key, fill)
		if !joined || upstream.CodeOf(err) != upstream.Exhausted {
			return l, joined, err
		}
	}
}

// load asks the API and keeps the answer.
func load[T any](ctx context.Context, a *API, key string, q question[T]) (entry, error) {
	v, err := q.load(ctx)
	if err != nil {
		return entry{}, err
	}
	keep := q.keep
	if q.lasts != nil {
		keep = q.lasts(v)
	}
	v, s := q.pack(v)
	e := a.put(key, v, s, keep)
	q.latest.point(a, key)
	return e, nil
}

func (a *API) report(ctx context.Context, l Lookup) {
	if a.o.Observe != nil {
		a.o.Observe(ctx, l)
	}
}

// gaveUp gives the caller's own deadline the form that it has at the API.
func gaveUp(err error) error {
	var e *upstream.Error
	if errors.Is(err, context.DeadlineExceeded) && !errors.As(err, &e) {
		return &upstream.Error{Code: upstream.Timeout, Message: "the metrics API did not answer in time", Err: err}
	}
	return err
}
