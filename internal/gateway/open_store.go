package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
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

// badData explains why a store cannot be opened. Instead says what to give instead of a file.
func badData(data string, err error, instead string) error {
	switch {
	case !inClickHouse(data):
		return badFile("--data", err, instead)
	case errors.Is(err, store.ErrNoStore):
		return badSetting("--data: %[1]s has no tables: make them with deliverygraph migrate --data %[1]s",
			nameOfData(data))
	}
	if _, valid := errors.AsType[*upstream.Error](err); !valid {
		return badSetting("--data %s: %v", nameOfData(data), err)
	}
	return fmt.Errorf("--data %s: %w", nameOfData(data), err)
}

type migrateCommand struct {
	Data    string `required:"" placeholder:"FILE" help:"The store: a file, or clickhouse://user@host:9000/database."`
	Cluster string `placeholder:"NAME" help:"Make replicated tables on all servers of this cluster of ClickHouse."`
}

// Run migrates the store.
func (c *migrateCommand) Run(ctx context.Context, streams Streams) error {
	if !inClickHouse(c.Data) {
		if c.Cluster != "" {
			return badSetting("--cluster is for stores in ClickHouse: write --data as %s", clickhouse.Form)
		}
		return storeFlags{c.Data}.with(ctx, streams, func(s store.Store) error {
			i, err := s.Info(ctx)
			if err == nil {
				fmt.Fprintf(streams.Out, "%s has version %d\n", c.Data, i.Version)
			}
			return err
		})
	}
	version, err := clickhouse.Migrate(ctx, c.Data, c.Cluster)
	if err != nil {
		return badData(c.Data, err, "")
	}
	fmt.Fprintf(streams.Out, "%s has tables of version %d\n", nameOfData(c.Data), version)
	return nil
}
