package cached

import (
	"context"
	"errors"
	"fmt"
	"time"

	"deliverygraph/upstream"
)

// Good values for the fields of [Options], which have no defaults of their own.
const (
	DefaultBytes     = 64 << 20
	DefaultSettle    = time.Hour
	DefaultFresh     = 5 * time.Second
	DefaultCatalogue = time.Hour
	DefaultMaxStale  = 10 * time.Minute
)

// Options say what is kept. A zero switches its part off.
type Options struct {
	// Bytes is how much memory the answers may hold, all scopes together. It is passed for the moment that it takes to put
	// the least useful answers out. An answer that is larger is not kept. 0 keeps nothing.
	Bytes int64

	// Settle is how far back events must lie to be sealed: they no longer change, so
	// what tells of them alone is kept until its room is needed. It has to cover how
	// late events reach the API, and how far its clock and ours differ. 0 takes
	// nothing for sealed; Fresh is then for all events.
	Settle time.Duration

	// Sealed is how long a sealed answer is kept before it is asked for again, in case events
	// did change, such as by an import of old ones. If the API fails to give another, the old
	// one serves, as stale. 0 keeps sealed answers until their room is needed.
	Sealed time.Duration

	// Fresh is how long list pages, counts, time series and details are kept that
	// are not sealed, from when they arrived. 0 keeps none of them, and so none to
	// be served stale; what is sealed does not heed it.
	Fresh time.Duration

	// Catalogue is how long the catalogues of categories and reasons are kept. 0
	// keeps neither.
	Catalogue time.Duration

	// MaxStale is how long past its freshness an answer may be served in place of
	// one that the API failed to give: see [Lookup]. 0 serves none.
	MaxStale time.Duration

	// Now is the clock; nil is time.Now.
	Now func() time.Time

	// Observe, if not nil, is told of every question, unless nothing at all is kept:
	// see [Lookup]. It is called by many goroutines at once and holds up the answer
	// while it runs. It gets the caller's context; where a call for several callers
	// made further calls, one with the values of the first of them.
	Observe func(context.Context, Lookup)
}

// Lookup is what [Options].Observe is told of a question, before its caller has
// the answer. Counts and time series that were put together of two parts are told
// of as two. With neither Hit, Joined nor Stale the API was asked.
type Lookup struct {
	Endpoint string // the path with placeholders, such as "/bounces": of few different values
	Path     string // the path below the base URL, escaped
	Query    string // canonical, without the question mark: it may hold addresses

	Hit    bool          // the answer was there
	Joined bool          // the answer was being waited for, for another caller
	Stale  bool          // the answer was there, past its freshness, and the API failed to give another
	Age    time.Duration // since the answer arrived, for Hit and Stale
	Left   time.Duration // how much longer the answer may be shown; [Forever] if it is final, 0 if it is stale or not kept
	Rows   int           // rows, codes or series in the answer
	Err    error         // what the API or the caller failed with; for Stale, too
}

// Result returns "hit", "miss", "stale", "joined" or "failed".
func (l Lookup) Result() string {
	switch {
	case l.Stale:
		return "stale"
	case l.Err != nil:
		return "failed"
	case l.Hit:
		return "hit"
	case l.Joined:
		return "joined"
	}
	return "miss"
}

// RedactedQuery returns the query with an ellipsis for each value that is or may contain an address.
func (l Lookup) RedactedQuery() string { return upstream.RedactQuery(l.Query) }

func (o Options) check() error {
	var errs []error
	for _, v := range []struct {
		name    string
		value   int64
		example string
	}{
		{"Bytes", o.Bytes, "such as 67108864 (64 MiB)"},
		{"Settle", int64(o.Settle), "such as 1h"},
		{"Sealed", int64(o.Sealed), "such as 1h"},
		{"Fresh", int64(o.Fresh), "such as 5s"},
		{"Catalogue", int64(o.Catalogue), "such as 1h"},
		{"MaxStale", int64(o.MaxStale), "such as 10m"},
	} {
		if v.value < 0 {
			errs = append(errs, fmt.Errorf("cached: %s must not be negative: give %s, or 0 to switch it off", v.name, v.example))
		}
	}
	return errors.Join(errs...)
}

// keepsAny says whether there is anything to keep.
func (o Options) keepsAny() bool {
	return o.Bytes > 0 && (o.Settle > 0 || o.Fresh > 0 || o.Catalogue > 0)
}
