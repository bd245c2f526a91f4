package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"deliverygraph/upstream"
	"deliverygraph/upstream/cached"
	"deliverygraph/upstream/embedded/demo"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/embedded/store/sqlite"
)

// storeCache is the cache in front of the store between two changes of it.
type storeCache struct {
	last, old int64 // see [store.Store].Generation
	*cached.Cache
}

// ofStore returns the cache in front of the store as it is now: without answers from before the last change, of this
// process or another, except settled ones from after the last change of settled events. While the store fails,
// it returns the cache of the last look that succeeded, for up to --cache-stale. Other processes may reach the store
// and erase data meanwhile.
func (g *gateway) ofStore(ctx context.Context) *cached.Cache {
	// A transaction becomes visible some time after its time was taken.
	const margin = time.Minute
	began := time.Now()
	last, old, err := g.store.Generation(ctx, max(0, g.c.CacheSettle-margin))
	now := g.current.Load()
	if err != nil {
		if ctx.Err() == nil {
			g.storeFails.Store(true)
			g.storeFailures.Add(1)
		}
		if now != nil && began.UnixNano()-g.storeRead.Load() < int64(g.c.CacheStale) {
			return now.Cache
		}
		return g.cache.Live() // fails as well
	}
	g.storeFails.Store(false)
	g.storeRead.Store(began.UnixNano())
	if now == nil || now.last != last || now.old != old {
		if now != nil && now.old != old {
			g.cache.Clear()
		}
		now = &storeCache{last, old, g.cache.For(strconv.FormatInt(old, 10)).At(last)}
		g.current.Store(now)
	}
	return now.Cache
}

// keepStore keeps the cache and the store, if there is one, up to date until ctx ends.
func (g *gateway) keepStore(ctx context.Context) {
	if g.store == nil {
		return
	}
	g.ofStore(ctx) // records how the store is now
	g.background.Go(func() { g.watchStore(ctx) })
	if g.c.Retention != (span{}) {
		g.background.Go(func() { g.prune(ctx) })
	}
}

// watchStore drops outdated answers even while no requests arrive, since erased data must disappear.
func (g *gateway) watchStore(ctx context.Context) {
	tick := time.Tick(5 * time.Second)
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick:
			g.ofStore(ctx)
		}
	}
}

// waiting returns the function that a store calls while another program locks it: see [sqlite.Options]. It calls say
// once for each wait that is longer than a second. If ctx ends, the wait ends soon.
func waiting(ctx context.Context, say func()) func(time.Duration) error {
	var before time.Duration
	return func(now time.Duration) error {
		if err := ctx.Err(); err != nil && now > 300*time.Millisecond { // a batch of another import takes less
			return err
		}
		if now >= time.Second && before < time.Second {
			say()
		}
		before = now
		return nil
	}
}

// noteOfWait returns a function for [waiting] that names the file.
func noteOfWait(w io.Writer, file string) func() {
	return func() { fmt.Fprintln(w, "deliverygraph: waiting for another program that writes to "+file) }
}

// prune removes events older than --retention, at once and then hourly.
func (g *gateway) prune(ctx context.Context) {
	tick := time.Tick(time.Hour)
	for {
		n, err := g.store.Prune(ctx, g.c.Retention.ago(), false)
		if n.Rows() > 0 {
			attrs := []any{"older_than", g.c.Retention.String()}
			for _, k := range upstream.Kinds {
				attrs = append(attrs, label(k), *n.Of(k))
			}
			g.logger.Info("pruned", attrs...)
		}
		if err != nil && ctx.Err() == nil {
			g.logger.Error("old events could not be removed", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick:
		}
	}
}

// openStore opens the configured store, or one with demo data.
func (g *gateway) openStore(ctx context.Context) error {
	s, err := openData(ctx, sqlite.Options{
		Path: g.c.Data, CacheBytes: int64(g.c.StoreMemory), MustExist: g.c.Data != "" && !g.c.Create,
		Waiting: waiting(context.WithoutCancel(ctx), func() {
			g.logger.Warn("waiting for another program that writes to the store", "file", g.c.Data)
		}),
	})
	switch {
	case errors.Is(err, store.ErrNoStore) && !inClickHouse(g.c.Data):
		return badSetting("--data: %s does not exist or is empty: create and fill it with deliverygraph import "+
			"--data %s FILE, "+
			"name another file, or give --create to start with an empty store", shown(g.c.Data), g.c.Data)
	case err != nil && g.c.Data != "":
		return badData(g.c.Data, err, "give a file such as metrics.db in an existing folder")
	case err != nil:
		return err
	}
	g.store = s
	g.measureStore()
	if g.c.Data != "" {
		info, err := g.store.Info(ctx)
		if err != nil {
			return err
		}
		g.data = nameOfData(g.c.Data)
		attrs, rows := []any{"file", g.data}, int64(0)
		for _, k := range upstream.Kinds {
			n := info.Of(k).Rows
			attrs, rows = append(attrs, label(k), n), rows+n
		}
		g.logger.Info("store", append(attrs, "senders", info.Senders)...)
		if rows == 0 {
			g.logger.Warn("the store is empty: fill it with deliverygraph import --data "+g.data+" FILE…", "file",
				g.data)
			return nil // an import is faster without indexes
		}
		started := time.Now()
		if err := g.store.Finish(ctx); err != nil {
			g.logger.Warn("the indexes of the store cannot be built, so lists are slow", "error", err)
		} else if took := time.Since(started); took > time.Second {
			g.logger.Info("built the indexes that an import had left out", "took_ms", took.Milliseconds())
		}
		return nil
	}
	now := time.Now()
	last, err := writeDemo(ctx, g.store, now)
	if err != nil {
		return err
	}
	g.background.Go(func() {
		if err := demo.Live(ctx, 15*time.Second, last,
			func(ctx context.Context, b store.Batch) error {
				_, err := g.store.Write(ctx, b)
				return err
			}); err != nil {
			g.logger.Error("demo data could not be added", "error", err)
		}
	})
	g.data = "demo data"
	g.demo = "Generated when the gateway started, and gone when it stops. " +
		"To see your own data, start it with --data FILE or --upstream URL."
	g.logger.Info("this is demo data, generated at the start: give --data FILE or --upstream URL for your own data",
		"made_in_ms", time.Since(now).Milliseconds())
	for line := range strings.Lines(demo.Describe(now)) {
		g.logger.Info(strings.TrimSpace(line))
	}
	return nil
}

// writeDemo fills a store with demo data. It returns the last batch that has bounces.
func writeDemo(ctx context.Context, s store.Store, now time.Time) (last store.Batch, err error) {
	for b := range demo.Generate(now) {
		if _, err := s.Write(ctx, b); err != nil {
			return last, fmt.Errorf("make demo data: %w", err)
		}
		if len(b.Bounces) > 0 {
			last = b
		}
	}
	return last, s.Finish(ctx)
}
