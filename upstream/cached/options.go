package cached

import (
	"context"
	"time"

	"deliverygraph/upstream"
)

// Recommended values for the fields of [Options], whose zero values are no defaults.
const (
	DefaultBytes     = 64 << 20
	DefaultSettle    = time.Hour
	DefaultFresh     = 5 * time.Second
	DefaultCatalogue = time.Hour
	DefaultMaxStale  = 10 * time.Minute
)

// Options configure a cache. A zero disables what it configures. None may be negative.
type Options struct {
	// Bytes limits the memory of the answers of all scopes together. It is exceeded for the moment that it takes to
	// evict the least useful answers. A larger answer is not kept. 0 keeps nothing.
	Bytes int64

	// Settle is the age at which events are settled: they no longer change, so answers about them alone are sealed,
	// that is, kept until their memory is needed. It must cover how late events reach the API, and how far its clock
	// and ours differ. 0 settles nothing; Fresh then applies to all events.
	Settle time.Duration

	// Sealed is how long a sealed answer is used before it is asked for again, in case events did change, such as by an
	// import of old ones. If the API then fails, the old answer is used, as stale. 0 means without limit.
	Sealed time.Duration

	// Fresh is how long other list pages, counts, time series and details are used, from when they arrived. 0 keeps
	// none of them, so that none can be used as stale either.
	Fresh time.Duration

	// Catalogue is how long the catalogues of categories and reasons are used. 0 keeps neither.
	Catalogue time.Duration

	// MaxStale is how long after it was fresh an answer may be used instead of one that the API failed to give; see
	// [Lookup]. 0 uses none.
	MaxStale time.Duration

	// Shared, if not nil, is a memory that other processes use too. It has the answers that this cache keeps, and the
	// calls under way: of equal calls of several processes only one is made. Realm identifies the API among others:
	// its server, and the key that is sent to it. SharedCounts shares only counts, time series and catalogues, which
	// contain no recipients.
	Shared       Shared
	Realm        string
	SharedCounts bool

	// Spare, if not nil, takes a call that a question may cost beyond one. It returns false if the caller may not make
	// it; counts that are not in memory are then fetched as a whole instead of in two parts.
	Spare func(context.Context) bool

	// Now returns the current time. Nil means time.Now.
	Now func() time.Time

	// Observe, if not nil, is called for every question before its caller gets the answer; see [Lookup]. If nothing is
	// kept, it is called only for questions that joined a call. It is called concurrently, and the answer waits for it.
	// It gets the caller's context; for calls that a joined call makes, a context with the values of its first caller.
	Observe func(context.Context, Lookup)
}

// Lookup describes how a question was answered. Counts and time series that consist of two parts are reported as two
// lookups. If none of Hit, Joined and Stale is set, the API was asked.
type Lookup struct {
	Question *upstream.Question // it may contain addresses

	Hit    bool          // the answer was in memory, of this process or shared
	Shared bool          // the answer of Hit was in shared memory, or another process was getting it
	Joined bool          // another caller was already waiting for the answer
	Stale  bool          // the answer was in memory, no longer fresh, and the API failed to give another
	Age    time.Duration // since the answer arrived, for Hit and Stale
	Left   time.Duration // how much longer the answer is fresh; [Forever] if it is final, 0 if it is stale or not kept
	Rows   int           // rows, codes or series in the answer
	Err    error         // of the API or the caller; also set for Stale
}

// Result returns "hit", "shared", "miss", "stale", "joined" or "failed".
func (l Lookup) Result() string {
	switch {
	case l.Stale:
		return "stale"
	case l.Err != nil:
		return "failed"
	case l.Shared:
		return "shared"
	case l.Hit:
		return "hit"
	case l.Joined:
		return "joined"
	}
	return "miss"
}

// keepsAny reports whether anything is kept.
func (o Options) keepsAny() bool {
	return o.Bytes > 0 && (o.Settle > 0 || o.Fresh > 0 || o.Catalogue > 0)
}
