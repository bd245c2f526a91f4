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

// call is a question: equal ones have equal keys.
type call struct {
	endpoint string        // the path, with placeholders for the parts that vary
	path     string        // escaped
	query    string        // canonical
	form     string        // what the answer is decoded to, where path and query do not tell
	keep     time.Duration // how long its answer is kept; 0 is not at all
}

// Lookup is what [Options].Observe is told of a question.
type Lookup struct {
	Endpoint string // the path with placeholders, such as "/bounces": of few different values
	Path     string // the path below the base URL, escaped
	Query    string // canonical, without the question mark: it may hold addresses

	Hit    bool          // the answer was there
	Joined bool          // the answer was being waited for, for another caller
	Age    time.Duration // since the answer arrived, for a Hit
	Rows   int           // rows, codes or series in the answer
}

// memory holds answers, and the calls that are to fill it.
type memory struct {
	entries *otter.Cache[string, entry]
	flights flight.Group[entry]
}

// entry is an answer. It must not be changed.
type entry struct {
	value any
	rows  int
	bytes int           // what it holds, its key apart
	keep  time.Duration // from when it arrived
	since time.Time     // when it arrived
}

// overhead is what an entry costs beside its key and its answer's rows and
// strings: its share of the table, as measured.
const overhead = 200

func newMemory(o Options) (*memory, error) {
	entries, err := otter.New(&otter.Options[string, entry]{
		MaximumWeight: uint64(o.Bytes),
		Weigher: func(key string, e entry) uint32 {
			return uint32(min(len(key)+e.bytes+overhead, math.MaxUint32))
		},
		ExpiryCalculator: otter.ExpiryWritingFunc(func(e otter.Entry[string, entry]) time.Duration {
			return e.Value.keep
		}),
	})
	if err != nil {
		return nil, err
	}
	return &memory{entries: entries}, nil
}

func (m *memory) close() { m.entries.StopAllGoroutines() }

// remember answers a call from memory, or by load, or together with others who
// wait for the same.
func remember[T any](ctx context.Context, a *API, c call, pack func(T) (T, size), load func(context.Context) (T, error)) (T, error) {
	if a.memory == nil || c.keep == 0 {
		return load(ctx)
	}
	if err := ctx.Err(); err != nil {
		var none T
		return none, gaveUp(err)
	}
	m := a.memory
	// Paths and queries are escaped and hold no NUL: the scope ends at the key's
	// last but one, whatever is in it.
	key := a.scope + "\x00" + c.form + "\x00" + c.path + "?" + c.query
	look := Lookup{Endpoint: c.endpoint, Path: c.path, Query: c.query}

	e, ok := m.entries.GetIfPresent(key)
	if ok {
		look.Hit, look.Age = true, time.Since(e.since)
	} else {
		var err error
		e, look.Joined, err = m.flights.Do(ctx, key, func(ctx context.Context) (entry, error) {
			// The flight before this one may have landed since the caller looked.
			if e, ok := m.entries.GetIfPresent(key); ok {
				return e, nil
			}
			v, err := load(ctx)
			if err != nil {
				return entry{}, err
			}
			e := entry{keep: c.keep, since: time.Now()}
			var s size
			v, s = pack(v)
			e.value, e.rows, e.bytes = v, s.rows, s.bytes
			m.entries.Set(key, e)
			return e, nil
		})
		if err != nil {
			a.report(ctx, look)
			var none T
			return none, gaveUp(err)
		}
	}
	look.Rows = e.rows
	a.report(ctx, look)
	return e.value.(T), nil
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
