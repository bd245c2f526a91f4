package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"deliverygraph/upstream"
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
