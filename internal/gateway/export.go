package gateway

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/dustin/go-humanize/english"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/exporter"
	"deliverygraph/upstream/embedded/importer"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/embedded/store/sqlite"
	"deliverygraph/upstream/rest"
)

type exportCommand struct {
	Data string `placeholder:"FILE"`
	upstreamSettings
	From   string `placeholder:"TIME"`
	To     string `placeholder:"TIME"`
	Since  span   `placeholder:"DURATION"`
	Output string `short:"o" placeholder:"FILE"`
}

// window returns the window of time to export.
func (c *exportCommand) window(now time.Time) (upstream.Window, error) {
	w := upstream.Window{Start: -store.MaxTime, End: store.MaxTime + 1}
	if c.Upstream != "" {
		w.End = upstream.Time(now.Unix()) + 1
	}
	since := c.Since != (span{})
	switch {
	case since && c.From != "":
		return w, badSetting("--since and --from both say where the export begins: leave one out")
	case since:
		w.Start = c.Since.ago()
	case c.Upstream != "" && c.From == "":
		return w, badSetting("--from is missing: say from when on to export the data of a remote server, " +
			"such as --from 2016-11-22 or --since P90D")
	}
	for _, edge := range []struct {
		flag, value string
		time        *upstream.Time
	}{{"--from", c.From, &w.Start}, {"--to", c.To, &w.End}} {
		if edge.value == "" {
			continue
		}
		t, err := upstream.ParseTime(edge.value)
		if err != nil {
			return w, badSetting("%s: %q is not a time: write it as 2016-11-22 or 2016-11-22T00:00:00Z", edge.flag,
				edge.value)
		}
		*edge.time = t
	}
	if w.Start >= w.End {
		return w, badSetting("--to must be later than the time from which the export begins, %s",
			w.Start.UTC().Format(time.RFC3339))
	}
	return w, nil
}

// checkOutput refuses a file that exists, or whose folder does not, before the export does any work.
func (c *exportCommand) checkOutput() error {
	switch folder := filepath.Dir(c.Output); {
	case c.Output == "":
		return nil
	case missing(folder):
		return badSetting("--output: the folder %s does not exist: make it, or name another", shown(folder))
	case !missing(c.Output):
		return badSetting("--output: %s already exists: name a new file", shown(c.Output))
	}
	return nil
}

// Run exports the rows.
func (c *exportCommand) Run(ctx context.Context, streams Streams) error {
	if c.Upstream != "" && c.Data != "" {
		return badSetting("--data and --upstream both say what to export: leave one out")
	}
	if err := c.upstreamSettings.check(); err != nil {
		return err
	}
	w, err := c.window(time.Now())
	if err != nil {
		return err
	}
	if c.Output == "-" {
		c.Output = ""
	}
	if err := c.checkOutput(); err != nil {
		return err
	}
	switch {
	case c.Upstream != "":
		o := c.options()
		// An export may take a day, during which a server may be down for a while.
		o.Timeout, o.CallTimeout, o.Breaker.Off = time.Minute, 10*time.Minute, true
		o.Retry = rest.Retry{Tries: 30, Max: 30 * time.Second, Budget: 1}
		client, err := rest.New(o)
		if err != nil {
			return badUpstream(err)
		}
		defer client.Close()
		return c.export(ctx, streams, w, func(e *export) exporter.Source {
			return exporter.Remote(upstream.API{Asker: client}, e.lacks)
		})
	case c.Data != "":
		var failed error
		return errors.Join(storeFlags{c.Data}.reading(ctx, func(s store.Store) error {
			failed = c.export(ctx, streams, w, func(*export) exporter.Source { return exporter.Store(s) })
			if failed == nil || errors.As(failed, new(exitCode)) {
				return noteState(ctx, s, streams)
			}
			return nil
		}), failed)
	}
	s, err := openData(ctx, sqlite.Options{})
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }() // it is temporary
	if _, err := writeDemo(ctx, s, time.Now()); err != nil {
		return err
	}
	fmt.Fprintln(streams.Err, "deliverygraph: this is demo data: give --data FILE or --upstream URL for your own data")
	return c.export(ctx, streams, w, func(*export) exporter.Source { return exporter.Store(s) })
}

// export is an export that is running.
type export struct {
	streams  Streams
	progress *importer.ProgressLine
	lacking  bool
}

// lacks reports something that the export lacks.
func (e *export) lacks(what string) {
	e.lacking = true
	e.progress.Clear()
	fmt.Fprintf(e.streams.Err, "deliverygraph: %s\n", what)
}

// export writes the rows of a source.
func (c *exportCommand) export(
	ctx context.Context, streams Streams, w upstream.Window, from func(*export) exporter.Source,
) (err error) {
	out := streams.Out
	if c.Output != "" {
		f, err := os.OpenFile(c.Output, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return badSetting("--output: %v", err)
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		out = f
	}
	e := &export{streams: streams, progress: importer.NewProgressLine(
		streams.Err, isTerminal(streams.Err) && !isTerminal(out), time.Now())}
	sum, err := exporter.Run(ctx, from(e), out, exporter.Options{
		Window: w, Progress: func(s *exporter.Summary) { e.progress.Show(time.Now(), s) },
		Lacks: func(r *exporter.Row, what string) {
			switch {
			case r.Account != nil:
				e.lacks(fmt.Sprintf("account %q: %s", r.Account.Name, what))
				return
			case r.Sender != nil:
				e.lacks(fmt.Sprintf("sender %d: %s", r.Sender.SenderID, what))
				return
			}
			e.lacks(fmt.Sprintf("%s of email %q of %s: %s", strings.TrimSuffix(r.Kind.String(), "s"), r.EmailID,
				r.Time.UTC().Format(time.RFC3339), what))
		},
	})
	e.progress.Clear()
	fmt.Fprintf(streams.Err, "%s in %v: %s, %s, %s\n", english.Plural(sum.Rows(), "row", ""),
		sum.Took.Round(time.Millisecond), english.Plural(sum.Accounts, "account", ""),
		english.Plural(sum.Senders, "sender", ""),
		perKind(func(k upstream.Kind) int { return *sum.Of(k) }))
	if sum.Changed > 0 {
		fmt.Fprintf(streams.Err, "%s had bytes that are not UTF-8, which become U+FFFD, as in the API's answers\n",
			english.Plural(sum.Changed, "row", ""))
	}
	switch {
	case err != nil:
		if ctx.Err() != nil {
			err = errors.New("the export was stopped")
		}
		if sum.Last == 0 {
			return err
		}
		at := sum.Last.UTC().Format(time.RFC3339)
		return fmt.Errorf("%w; what it has written is complete up to %s: export the rest with --from %s", err, at, at)
	case e.lacking:
		return exitCode(exitPartly)
	}
	return nil
}

// noteState says what a store has besides rows, which an export lacks.
func noteState(ctx context.Context, s store.Store, streams Streams) error {
	state, err := s.State(ctx, "")
	if err != nil {
		return err
	}
	unfinished := 0
	for key := range state {
		if strings.HasPrefix(key, store.UnfinishedPrefix) {
			unfinished++
		}
	}
	delete(state, store.UnfinishedChange)
	maps.DeleteFunc(state, func(key, _ string) bool { return strings.HasPrefix(key, store.Remains) })
	if unfinished > 0 {
		fmt.Fprintf(streams.Err, "deliverygraph: not exported: %s of imports, whose outcome is in logs to come\n",
			english.Plural(unfinished, "unfinished message", ""))
	}
	if n := len(state) - unfinished; n > 0 {
		fmt.Fprintf(streams.Err, "deliverygraph: not exported: how far import --follow has read %s\n",
			english.Plural(n, "file", ""))
	}
	return nil
}
