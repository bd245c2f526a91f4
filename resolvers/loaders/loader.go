package loaders

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/graph-gophers/dataloader/v7"

	"deliverygraph/resolvers/operation"
	"deliverygraph/upstream"
)

// Watch is called when a batch of a loader begins, with the name of the loader and the number of keys. It returns the
// context for the batch's calls, and a function to call at the end with the number of calls and of keys that failed.
type Watch func(ctx context.Context, loader string, keys int) (context.Context, func(calls, failed int))

// batchWait is how long a loader waits for the keys of sibling fields, which gqlgen starts together. A key that
// comes later costs no more calls: no batch function depends on which keys it gets together.
const batchWait = 200 * time.Microsecond

// Loader loads values in batches and remembers them, as it does errors. It has two doors: [Loader.One] for a
// field of one object, which waits for the fields of its siblings, and [Loader.All] for a column, which knows
// all its keys. (The dataloader's LoadMany starts a goroutine for each key, and waits for the timer.)
type Loader[K comparable, V any] struct {
	name  string // in explanations and traces
	batch batch[K, V]
	size  func(K) int // number of objects that load by a key, in explanations and traces; nil means 1
	base

	mu      sync.Mutex
	columns []column[K, V]                  // loaded by All, and not yet in cache
	cache   *dataloader.InMemoryCache[K, V] // nil until it is needed
	queue   *dataloader.Loader[K, V]        // over cache; nil until it is needed
}

// column is the keys of a call of [Loader.All], with their values or errors.
type column[K comparable, V any] struct {
	keys   []K
	values []V
	errs   []error
}

// few is the number of keys up to which columns are searched one by one. A map of them costs more.
const few = 16

// base is what all loaders of an operation share.
type base struct {
	api   upstream.API
	op    *operation.Operation
	watch Watch // may be nil
}

func (l *Loader[K, V]) open(name string, b base, f batch[K, V]) { l.name, l.base, l.batch = name, b, f }

// batch stores the value or the error of each key.
type batch[K comparable, V any] func(ctx context.Context, api upstream.API, keys []K, values []V, errs []error)

// each returns the batch function that loads each key by itself, all at the same time.
func each[K comparable, V any](load func(ctx context.Context, api upstream.API, key K) (V, error)) batch[K, V] {
	return func(ctx context.Context, api upstream.API, keys []K, values []V, errs []error) {
		upstream.Concurrently(len(keys), func(i int) { values[i], errs[i] = load(ctx, api, keys[i]) })
	}
}

// One loads the value of a key, together with the keys that other fields load at the same time.
func (l *Loader[K, V]) One(ctx context.Context, key K) (V, error) { return l.Begin(ctx, key)() }

// Begin begins to load the value of a key, and returns the function that waits for it.
func (l *Loader[K, V]) Begin(ctx context.Context, key K) func() (V, error) {
	l.mu.Lock()
	cache := l.prime(ctx)
	if l.queue == nil {
		l.queue = dataloader.NewBatchedLoader(func(ctx context.Context, keys []K) []*dataloader.Result[V] {
			values, errs := l.run(ctx, keys)
			results := make([]*dataloader.Result[V], len(keys))
			for i := range keys {
				results[i] = &dataloader.Result[V]{Data: values[i], Error: errs[i]}
			}
			return results
		}, dataloader.WithCache[K, V](cache), dataloader.WithWait[K, V](batchWait),
			dataloader.WithBatchCapacity[K, V](upstream.PageSize))
	}
	l.mu.Unlock()
	if known, ok := cache.Get(ctx, key); ok {
		l.op.Again()
		return known
	}
	return l.queue.Load(ctx, key)
}

// prime moves what columns loaded to the cache. The caller holds the mutex.
func (l *Loader[K, V]) prime(ctx context.Context) *dataloader.InMemoryCache[K, V] {
	if l.cache == nil {
		l.cache = dataloader.NewCache[K, V]()
	}
	for _, c := range l.columns {
		for i, k := range c.keys {
			l.cache.Set(ctx, k, func() (V, error) { return c.values[i], c.errs[i] })
		}
	}
	l.columns = nil
	return l.cache
}

// All loads the values of all keys at once. errs has an error, or nil, for each key.
func (l *Loader[K, V]) All(ctx context.Context, keys []K) (values []V, errs []error) {
	l.mu.Lock()
	total := 0
	for _, c := range l.columns {
		total += len(c.keys)
	}
	if l.cache != nil || total > few {
		l.prime(ctx)
	}
	columns, cache := l.columns, l.cache
	l.mu.Unlock()
	if columns == nil && cache == nil {
		return l.load(ctx, keys)
	}
	values, errs = make([]V, len(keys)), make([]error, len(keys))
	var missing []K
	var at []int // their indexes in keys
	for i, k := range keys {
		if get, known := find(ctx, columns, cache, k); known {
			l.op.Again()
			values[i], errs[i] = get()
		} else {
			missing, at = append(missing, k), append(at, i)
		}
	}
	if len(missing) > 0 {
		loaded, failed := l.load(ctx, missing)
		for j, i := range at {
			values[i], errs[i] = loaded[j], failed[j]
		}
	}
	return values, errs
}

// find returns the value of a key that has been loaded, or is being loaded, from the cache or else the columns.
func find[K comparable, V any](ctx context.Context, columns []column[K, V], cache *dataloader.InMemoryCache[K, V],
	k K) (dataloader.Thunk[V], bool) {
	if cache != nil {
		return cache.Get(ctx, k)
	}
	for _, c := range columns {
		if i := slices.Index(c.keys, k); i >= 0 {
			return func() (V, error) { return c.values[i], c.errs[i] }, true
		}
	}
	return nil, false
}

// load runs the batch function and remembers what it loads.
func (l *Loader[K, V]) load(ctx context.Context, keys []K) (values []V, errs []error) {
	values, errs = l.run(ctx, keys)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.columns = append(l.columns, column[K, V]{keys, values, errs})
	return values, errs
}

// run runs the batch function. A panic becomes the error of each key.
func (l *Loader[K, V]) run(ctx context.Context, keys []K) (values []V, errs []error) {
	size := len(keys)
	if l.size != nil {
		size = 0
		for _, k := range keys {
			size += l.size(k)
		}
	}
	l.op.Batch(l.name, size)
	values, errs = make([]V, len(keys)), make([]error, len(keys))
	api := l.api
	if l.watch != nil {
		var calls atomic.Int64
		api.Asker = upstream.Around(api.Asker,
			func(ctx context.Context, q *upstream.Question, next upstream.Asker) (any, error) {
				calls.Add(1)
				return next.Ask(ctx, q)
			})
		var done func(calls, failed int)
		ctx, done = l.watch(ctx, l.name, size)
		defer func() { done(int(calls.Load()), failures(errs)) }()
	}
	defer func() { // the dataloader runs batches on a goroutine of its own
		if v := recover(); v != nil {
			err := upstream.Recovered(v)
			for i := range errs {
				errs[i] = err
			}
		}
	}()
	l.batch(ctx, api, keys, values, errs)
	return values, errs
}

func failures(errs []error) (n int) {
	for _, err := range errs {
		if err != nil {
			n++
		}
	}
	return n
}

func detailsBatch(ctx context.Context, api upstream.API, keys []upstream.BounceKey, values []*upstream.BounceDetail,
	errs []error) {
	found := make([]upstream.BounceDetail, len(keys))
	upstream.Concurrently(len(keys), func(i int) {
		found[i], errs[i] = api.Bounce(ctx, keys[i])
		values[i] = &found[i]
	})
}
