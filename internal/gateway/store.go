package gateway

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/demo"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/embedded/store/sqlite"
	"deliverygraph/upstream/ledger"
)

// ofStore is the cache in front of the store. Answers from before a change of what the cache
// takes as settled, such as by an import of old events by another process, are forgotten, and
// those from before a webhook's rows.
func (g *gateway) ofStore(ctx context.Context) upstream.API {
	// A transaction may take a while from when its time is taken to when it is seen.
	const margin = time.Minute
	n, err := g.store.Generation(ctx, max(0, g.c.CacheSettle-margin))
	if err != nil {
		return ledger.Budget(g.client) // which fails too, but never gives what may be wrong
	}
	n += g.ingested.Load() // neither becomes less, so that no sum comes twice
	if g.generation.Swap(n) != n {
		g.cache.Clear()
	}
	return g.cache.For(strconv.FormatInt(n, 10))
}

// watchStore forgets answers also while no one asks, since what was erased must be gone.
func (g *gateway) watchStore(ctx context.Context) {
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			g.ofStore(ctx)
		}
	}
}

// prune removes what is older than --retention, at once and then each hour.
func (g *gateway) prune(ctx context.Context) {
	tick := time.NewTicker(time.Hour)
	defer tick.Stop()
	for {
		n, err := g.store.Prune(ctx, g.c.Retention.ago(), false)
		if n.Rows() > 0 {
			g.logger.Info("pruned", "older_than", g.c.Retention.String(), "emails", n.Emails, "bounces", n.Bounces, "blocked_emails", n.BlockedEmails)
		}
		if err != nil && ctx.Err() == nil {
			g.logger.Error("old events could not be removed", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// openStore opens the store that the settings name, or one with demo data.
func (g *gateway) openStore(ctx context.Context) error {
	s, err := sqlite.Open(ctx, sqlite.Options{Path: g.c.Data, CacheBytes: int64(g.c.StoreMemory), MustExist: g.c.Data != "" && !g.c.Create})
	if errors.Is(err, store.ErrNoStore) {
		return badSetting("--data: %s is not there, or is empty: make and fill it by deliverygraph import --data %s FILE, name another file, or give --create to start with an empty store", shown(g.c.Data), g.c.Data)
	}
	if err != nil && g.c.Data != "" {
		return badFile("--data", err, "give a file such as metrics.db, in a folder that is there")
	} else if err != nil {
		return err
	}
	g.store = s
	if g.c.Data != "" {
		info, err := g.store.Info(ctx)
		if err != nil {
			return err
		}
		g.data = g.c.Data
		g.logger.Info("store", "file", g.c.Data, "emails", info.Emails.Rows, "bounces", info.Bounces.Rows, "blocked_emails", info.BlockedEmails.Rows, "senders", info.Senders)
		if info.Emails.Rows+info.Bounces.Rows+info.BlockedEmails.Rows == 0 {
			g.logger.Warn("the store is empty: fill it by deliverygraph import --data "+g.c.Data+" FILE…", "file", g.c.Data)
			return nil // an import fills it faster without indexes
		}
		started := time.Now()
		if err := g.store.Finish(ctx); err != nil {
			g.logger.Warn("the indexes of the store cannot be built, so that lists are slow", "error", err)
		} else if took := time.Since(started); took > time.Second {
			g.logger.Info("built the indexes that an import had left out", "took_ms", took.Milliseconds())
		}
		return nil
	}
	now := time.Now()
	var last []upstream.BounceDetail
	for b := range demo.Generate(now) {
		if _, err := g.store.Write(ctx, b); err != nil {
			return fmt.Errorf("make demo data: %w", err)
		}
		if len(b.Bounces) > 0 {
			last = b.Bounces
		}
	}
	if err := g.store.Finish(ctx); err != nil {
		return err
	}
	g.background.Go(func() {
		if err := demo.Live(ctx, 4*time.Second, last, func(ctx context.Context, b store.Batch) error { _, err := g.store.Write(ctx, b); return err }); err != nil {
			g.logger.Error("failed", "error", err)
		}
	})
	g.data = "demo data"
	g.demo = "Made up when the gateway started, and gone when it stops. For data of your own start it with --data FILE or --upstream URL."
	g.logger.Info("this is demo data, made up at the start: give --data FILE or --upstream URL for data of your own", "made_in_ms", time.Since(now).Milliseconds())
	for line := range strings.Lines(demo.Describe(now)) {
		g.logger.Info(strings.TrimSpace(line))
	}
	return nil
}
