package gateway

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/dustin/go-humanize/english"

	"deliverygraph/graph/model"
	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/importer/format"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/embedded/store/clickhouse"
)

// span is a duration in ISO 8601, such as P400D.
type span struct{ model.Duration }

// UnmarshalText parses a duration.
func (s *span) UnmarshalText(text []byte) (err error) {
	if s.Duration, err = model.ParseDuration(string(text)); err != nil {
		return fmt.Errorf("%q is not a duration from 1 second to 100 years: write it in ISO 8601, such as P400D, "+
			"P13M or P2Y", text)
	}
	return nil
}

// ago returns the time that lies the span before now.
func (s span) ago() upstream.Time { return s.Before(upstream.Time(time.Now().Unix())) }

type migrateCommand struct {
	Data    string `required:"" placeholder:"FILE"`
	Cluster string `placeholder:"NAME"`
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

type pruneCommand struct {
	storeFlags
	OlderThan span `required:"" placeholder:"DURATION"`
	DryRun    bool
	Compact   bool
}

// Run removes old events.
func (c *pruneCommand) Run(ctx context.Context, io Streams) error {
	before := c.OlderThan.ago()
	return c.with(ctx, io, func(s store.Store) error {
		n, err := s.Prune(ctx, before, c.DryRun)
		if err == nil || n.Rows() > 0 {
			fmt.Fprintf(io.Out, "%s %s from before %s\n", did(c.DryRun, "removed", "would remove"), rowsOf(n),
				before.UTC().Format(time.RFC3339))
		}
		if err == nil && c.Compact && !c.DryRun {
			err = s.Compact(ctx)
		}
		return err
	})
}

// did returns what was done, or would be.
func did(dry bool, done, would string) string {
	if dry {
		return would
	}
	return done
}

func rowsOf(n store.Removed) string {
	return perKind(func(k upstream.Kind) int { return int(*n.Of(k)) })
}

// perKind returns numbers of rows in words, such as "2 emails, 1 bounce, 0 blocked emails".
func perKind(number func(upstream.Kind) int) string {
	var all []string
	for _, k := range upstream.Kinds {
		all = append(all, english.Plural(number(k), strings.TrimSuffix(k.String(), "s"), ""))
	}
	return strings.Join(all, ", ")
}

type eraseCommand struct {
	storeFlags
	Recipient string `required:"" placeholder:"ADDRESS"`
	DryRun    bool
}

// Run removes a recipient.
func (c *eraseCommand) Run(ctx context.Context, io Streams) error {
	if format.AddressFault(c.Recipient) != "" {
		return badSetting("--recipient: %q is not an address: write it as user@example.com", c.Recipient)
	}
	return c.with(ctx, io, func(s store.Store) error {
		waiting, cancel := ctx, context.CancelFunc(func() {})
		if !c.DryRun { // for other processes, once it has ended
			waiting, cancel = context.WithTimeout(ctx, time.Hour)
		}
		defer cancel()
		n, err := s.Erase(waiting, c.Recipient, c.DryRun)
		if errors.Is(err, store.ErrInUse) {
			return fmt.Errorf("the address has been removed from %[1]s, but not yet from %[1]s-wal, "+
				"which another program is reading: "+
				"run the same command again when that has ended", c.Data)
		}
		if err != nil {
			return err
		}
		from := english.Plural(int(n.Edited), "other row", "")
		if n.Unfinished > 0 {
			from += " and " + english.Plural(int(n.Unfinished), "unfinished message", "") + " of imports"
		}
		fmt.Fprintf(io.Out, "%s %s, and the address from %s\n", did(c.DryRun, "removed", "would remove"),
			rowsOf(n.Removed), from)
		if n.Senders > 0 {
			fmt.Fprintf(io.Err, "deliverygraph: it is also the address of %s, which still have it\n",
				english.Plural(int(n.Senders), "sender", ""))
		}
		return nil
	})
}

type backupCommand struct {
	storeFlags
	Target string `arg:"" name:"target"`
}

func missing(file string) bool {
	_, err := os.Stat(file)
	return errors.Is(err, os.ErrNotExist)
}

// Run backs the store up.
func (c *backupCommand) Run(ctx context.Context, io Streams) error {
	return c.reading(ctx, func(s store.Store) error {
		if err := s.Backup(ctx, c.Target); errors.Is(err, os.ErrExist) {
			return badSetting("the target %s already exists: name a new file", shown(c.Target))
		} else if folder := filepath.Dir(c.Target); err != nil && missing(folder) {
			return badSetting("the folder %s of the target does not exist: make it, or name another", shown(folder))
		} else if err != nil {
			return err
		}
		st, err := os.Stat(c.Target)
		if err == nil {
			fmt.Fprintf(io.Out, "%s: %s\n", c.Target, humanize.IBytes(uint64(st.Size())))
		}
		return err
	})
}

type infoCommand struct{ storeFlags }

// Run describes the store.
func (c *infoCommand) Run(ctx context.Context, io Streams) error {
	return c.reading(ctx, func(s store.Store) error {
		i, err := s.Info(ctx)
		if err != nil {
			return err
		}
		for _, k := range upstream.Kinds {
			x := i.Of(k)
			fmt.Fprintf(io.Out, "%-15s %13s", k, humanize.Comma(x.Rows))
			if x.Rows > 0 {
				fmt.Fprintf(io.Out, "   %s to %s", x.First.UTC().Format(time.RFC3339),
					x.Last.UTC().Format(time.RFC3339))
			}
			fmt.Fprintln(io.Out)
		}
		fmt.Fprintf(io.Out, "%-15s %13s\n%-15s %13s\n", "users", humanize.Comma(int64(i.Users)), "senders",
			humanize.Comma(int64(i.Senders)))
		fmt.Fprintf(io.Out, "%-15s %13s\n", "size", humanize.IBytes(uint64(i.Bytes)))
		if i.ExtraBytes > 0 {
			fmt.Fprintf(io.Out, "%-15s %13s   beside it, in %s-wal\n", "", humanize.IBytes(uint64(i.ExtraBytes)),
				c.Data)
		}
		fmt.Fprintf(io.Out, "%-15s %13d\n", "version", i.Version)
		if i.Unfinished {
			fmt.Fprintln(io.Out, "An import into this store is incomplete: run it again.")
		}
		if i.Remains {
			fmt.Fprintln(io.Out, "An erase of a recipient is incomplete: run it again.")
		}
		return nil
	})
}

type checkCommand struct{ storeFlags }

// Run checks the store.
func (c *checkCommand) Run(ctx context.Context, io Streams) error {
	return c.reading(ctx, func(s store.Store) error {
		problems, err := s.Check(ctx)
		if err != nil {
			return err
		}
		if len(problems) == 0 {
			fmt.Fprintln(io.Out, "all is well")
			return nil
		}
		fmt.Fprintln(io.Out, strings.Join(problems, "\n"))
		return errors.New("the store is damaged: restore a backup, or import its files into a new store")
	})
}
