package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/demo"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/embedded/store/clickhouse"
	"deliverygraph/upstream/embedded/store/sqlite"
)

// inClickHouse reports whether the value of --data names a database in ClickHouse, rather than a file.
func inClickHouse(data string) bool {
	scheme, _, ok := strings.Cut(data, ":")
	return ok && strings.EqualFold(scheme, "clickhouse") // whatever follows: no one means a file of such a name
}

// nameOfData returns the value of --data without a password.
func nameOfData(data string) string {
	if !inClickHouse(data) {
		return data
	}
	// A URL that cannot be parsed may contain a password, too.
	name := strings.TrimLeft(data[len("clickhouse:"):], "/")
	at := max(strings.LastIndexByte(name, '@'), 0)
	if user, _, ok := strings.Cut(name[:at], ":"); ok {
		return data[:len(data)-len(name)] + user + ":xxxxx" + name[at:]
	}
	return data
}

// openData opens a store: a file, or a database in ClickHouse if the path is the name of one.
func openData(ctx context.Context, o sqlite.Options) (store.Store, error) {
	if inClickHouse(o.Path) {
		s, err := clickhouse.Open(ctx, o.Path)
		if err != nil {
			return nil, err
		}
		return s, nil
	}
	s, err := sqlite.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// noteHosts prints when a server of a store in ClickHouse becomes available or unavailable.
func noteHosts(s store.Store, w io.Writer) {
	if c, ok := s.(*clickhouse.Store); ok {
		c.Follow(func(h clickhouse.Host) {
			if h.Err == nil {
				fmt.Fprintf(w, "deliverygraph: ClickHouse at %s is available\n", h.Name)
			} else {
				fmt.Fprintf(w, "deliverygraph: ClickHouse at %s is not available: %v\n", h.Name, h.Err)
			}
		})
	}
}

// badData explains why a store cannot be opened. Instead says what to give instead of such a file.
func badData(data string, err error, instead string) error {
	missing := errors.Is(err, store.ErrNoStore)
	switch {
	case missing && inClickHouse(data):
		return badSetting("--data: %[1]s has no tables: make them with deliverygraph migrate --data %[1]s",
			nameOfData(data))
	case missing:
		return badSetting("--data: %s does not exist or is empty: %s", shown(data), instead)
	case !inClickHouse(data):
		return badFile("--data", err, instead)
	}
	if _, valid := errors.AsType[*upstream.Error](err); !valid {
		return badSetting("--data %s: %v", nameOfData(data), err)
	}
	return fmt.Errorf("--data %s: %w", nameOfData(data), err)
}

// storeFlags name the store of a command that works on an existing one.
type storeFlags struct {
	Data string `required:"" placeholder:"FILE"`
}

// with opens the store, runs f and closes the store.
func (c storeFlags) with(ctx context.Context, io Streams, f func(store.Store) error) error {
	s, err := openData(ctx, sqlite.Options{
		Path: c.Data, MustExist: true, Waiting: waiting(ctx, noteOfWait(io.Err, c.Data)),
	})
	return c.run(ctx, s, err, f)
}

// reading is with for commands that only read, which also work on a store that cannot be written.
func (c storeFlags) reading(ctx context.Context, f func(store.Store) error) error {
	file, denied := os.OpenFile(c.Data, os.O_RDWR, 0)
	_ = file.Close()
	o := sqlite.Options{Path: c.Data, MustExist: true, ReadOnly: denied != nil}
	s, err := openData(ctx, o)
	if err != nil && !o.ReadOnly && !errors.Is(err, store.ErrNoStore) {
		o.ReadOnly = true
		s, err = openData(ctx, o)
	}
	return c.run(ctx, s, err, f)
}

func (c storeFlags) run(ctx context.Context, s store.Store, err error, f func(store.Store) error) (failed error) {
	if err == nil {
		defer func() { failed = errors.Join(failed, s.Close()) }()
		err = f(s)
	} else if ctx.Err() == nil {
		return badData(c.Data, err, "name a store that deliverygraph import has made")
	}
	if err != nil && ctx.Err() != nil {
		return errors.New("stopped; run the same command again to complete it")
	}
	return err
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
		file := g.c.Data
		if mayBeSecret(file) {
			file = "metrics.db"
		}
		return badSetting("--data: %s does not exist or is empty: create and fill it with deliverygraph import "+
			"--data %s FILE, "+
			"name another file, or give --create to start with an empty store", shown(g.c.Data), file)
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
