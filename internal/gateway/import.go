package gateway

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // for --time-zone where the system has no zones

	"github.com/dustin/go-humanize"
	"github.com/dustin/go-humanize/english"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/importer"
	"deliverygraph/upstream/embedded/importer/format"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/embedded/store/sqlite"
)

type importCommand struct {
	Files       []string `arg:"" name:"file"`
	Data        string   `required:"" placeholder:"FILE"`
	Format      string   `placeholder:"NAME"`
	User        int      `default:"1" placeholder:"ID"`
	TimeZone    string   `placeholder:"ZONE"`
	Rules       string   `placeholder:"FILE"`
	Follow      bool
	Strict      bool
	StoreMemory byteSize `default:"64MiB" placeholder:"SIZE"`
}

// formats lists the formats of imports for --help.
func formats() string {
	var list strings.Builder
	list.WriteString(importer.Rows + ": rows of the REST API as NDJSON, " +
		`with "kind": "sender", "email", "bounce", "blocked_email" or "account"`)
	for _, f := range importer.Formats {
		fmt.Fprintf(&list, "; %s: %s", f.Name, f.About)
	}
	return list.String()
}

// check checks the settings that kong cannot check, and returns the time zone.
func (c *importCommand) check() (*time.Location, error) {
	names := []string{importer.Rows}
	for _, f := range importer.Formats {
		names = append(names, f.Name)
	}
	if c.Format != "" && !slices.Contains(names, c.Format) {
		return nil, badSetting("--format %q is not a format: the formats are %s", c.Format, strings.Join(names, ", "))
	}
	if c.User < 1 {
		return nil, badSetting("--user must be positive, such as 1")
	}
	if c.Follow && c.Strict {
		return nil, badSetting("--strict stops at the first bad line, but --follow does not stop: remove one of them")
	}
	if c.TimeZone == "" {
		return nil, nil
	}
	zone, err := time.LoadLocation(c.TimeZone)
	if err != nil {
		return nil, badSetting("--time-zone %q is not a time zone: write one such as Europe/Berlin, UTC or Local",
			c.TimeZone)
	}
	return zone, nil
}

// Run imports the files.
func (c *importCommand) Run(ctx context.Context, streams Streams) (err error) {
	ignoreBrokenPipes()
	zone, err := c.check()
	if err != nil {
		return err
	}
	rules, err := loadRules(c.Rules)
	if err != nil {
		return err
	}
	for _, file := range c.Files { // so that a mistyped name does not create a store
		if _, err := os.Stat(file); file != "-" && errors.Is(err, os.ErrNotExist) && !c.Follow {
			return err
		}
	}
	terminal := isTerminal(streams.Err)
	s, err := openData(ctx, sqlite.Options{
		Path: c.Data, CacheBytes: int64(c.StoreMemory), Waiting: waiting(ctx, func() {
			if terminal { // the line may show the progress
				fmt.Fprint(streams.Err, "\r\x1b[K")
			}
			noteOfWait(streams.Err, c.Data)()
		}),
	})
	if err != nil && inClickHouse(c.Data) {
		return badData(c.Data, err, "")
	} else if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	noteHosts(s, streams.Err)
	temp := filepath.Dir(c.Data)
	if inClickHouse(c.Data) {
		temp = os.TempDir()
	}
	run := importer.Run
	if c.Follow {
		run = importer.Follow
	}
	sum, err := run(ctx, s, c.Files, importer.Options{
		Format:   c.Format,
		User:     upstream.ID(c.User),
		Location: zone,
		Rules:    rules,
		Strict:   c.Strict,
		TempDir:  temp,
		Stdin:    streams.In,
		Report:   func(b importer.BadLine) { fmt.Fprintln(streams.Err, b.Error()) },
		Progress: streams.Err,
		Terminal: terminal,
	})
	unfinished := c.finish(ctx, s, streams)
	c.report(streams.Out, sum)
	for _, failed := range []error{err, unfinished} {
		if errors.Is(failed, store.ErrDiskFull) && !inClickHouse(c.Data) {
			return fmt.Errorf("%w: what is reported is stored, "+
				"but some of it may be in %[2]s-wal, which belongs to %[2]s: "+
				"make room, and run the same command again", failed, c.Data)
		}
	}
	taken, userTaken := errors.AsType[*importer.UserTakenError](err)
	var bad *importer.BadLine
	stopped := errors.As(err, &bad) // it was reported already
	switch {
	case userTaken:
		err = badSetting("--user %d is the number of the account %q: choose another for mail that names no account",
			taken.User, taken.Account)
	case unfinished != nil && stopped:
		return unfinished
	case stopped:
		return exitCode(exitPartly)
	case ctx.Err() != nil && !c.Follow:
		err = errors.New("the import was stopped: the rows it reports are stored; " +
			"run the same command again to complete it")
	case errors.Is(err, store.ErrChanged):
		err = fmt.Errorf("%w: run the same command again to complete the import", err)
	case err == nil && unfinished == nil && ctx.Err() == nil && sum.BadLines+sum.BadFiles > 0:
		return exitCode(exitPartly)
	}
	return errors.Join(err, unfinished)
}

// report prints what the import did.
func (c *importCommand) report(out io.Writer, sum importer.Summary) {
	senders := ""
	if sum.Senders > 0 { // rows; the formats below count the senders of logs
		senders = english.Plural(sum.Senders, "sender", "") + ", "
	}
	fmt.Fprintf(out, "%s in %v: %s%s; %s new, %s replaced, %s already there; %s\n",
		english.Plural(sum.Rows(), "row", ""), sum.Duration.Round(time.Millisecond),
		senders, perKind(func(k upstream.Kind) int { return *sum.Of(k) }),
		humanize.Comma(int64(sum.New)), humanize.Comma(int64(sum.Replaced)), humanize.Comma(int64(sum.Unchanged)),
		skipped(sum))
	for _, f := range sum.Formats {
		fmt.Fprintf(out, "%s, %s, %s: %s delivered, %s bounced, %s blocked, %s without an outcome yet\n",
			f.Name, english.Plural(f.Files, "file", ""), english.Plural(f.Senders, "sender", ""),
			humanize.Comma(int64(f.Outcomes[format.Delivered])), humanize.Comma(int64(f.Outcomes[format.Bounced])),
			humanize.Comma(int64(f.Outcomes[format.Blocked])), humanize.Comma(int64(f.Outcomes[format.Accepted])))
		if len(f.Passed) > 0 {
			reasons := slices.SortedFunc(maps.Keys(f.Passed),
				func(a, b string) int { return cmp.Or(f.Passed[b]-f.Passed[a], strings.Compare(a, b)) })
			for i, reason := range reasons {
				reasons[i] = fmt.Sprintf("%s (%s)", reason, humanize.Comma(int64(f.Passed[reason])))
			}
			fmt.Fprintf(out, "  skipped: %s\n", strings.Join(reasons, ", "))
		}
	}
	for _, a := range sum.Accounts {
		fmt.Fprintf(out, "account %s is user %d\n", a.Name, a.UserID)
	}
}

// skipped describes what was not imported.
func skipped(sum importer.Summary) string {
	s := english.Plural(sum.BadLines, "bad line", "")
	if sum.BadFiles > 0 {
		s += "; " + english.Plural(sum.BadFiles, "file", "") + " skipped"
	}
	return s
}

// finish builds the indexes of a new store, and moves all rows into the store's main file, so that it can be copied by
// itself, even if the import was stopped.
func (c *importCommand) finish(ctx context.Context, s store.Store, streams Streams) error {
	if ctx.Err() == nil {
		said := make(chan struct{})
		slow := time.AfterFunc(2*time.Second, func() {
			defer close(said)
			fmt.Fprintln(streams.Err, "building the indexes of the store")
		})
		err := s.Finish(ctx)
		if !slow.Stop() {
			<-said
		}
		if err != nil && ctx.Err() == nil {
			return err
		}
	}
	patience := 10 * time.Second
	if ctx.Err() != nil { // the program is to stop
		patience = 300 * time.Millisecond
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	err := s.Checkpoint(ctx)
	if errors.Is(err, store.ErrInUse) {
		fmt.Fprintf(streams.Err, "deliverygraph: some of the stored rows are in %[1]s-wal, "+
			"because another program is using %[1]s: copy both files or none\n", c.Data)
		return nil
	}
	return err
}
