package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/dustin/go-humanize/english"
	"github.com/mattn/go-isatty"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/formatter"

	"deliverygraph/graph/generated"
	"deliverygraph/resolvers"
	"deliverygraph/resolvers/auth"
	"deliverygraph/resolvers/auth/apikey"
	"deliverygraph/upstream"
	"deliverygraph/upstream/doctor"
	"deliverygraph/upstream/embedded/importer"
	"deliverygraph/upstream/embedded/store"
)

// exitBadLines is the exit code of an import that skipped lines or files of another format,
// or of a strict one that stopped at the first.
const exitBadLines = 3

type importCommand struct {
	Files       []string `arg:"" name:"file" help:"NDJSON files, plain or gzip: one row of the API a line; - is standard input."`
	Data        string   `required:"" placeholder:"FILE" help:"The store, made if it is absent. A gateway may be serving it meanwhile."`
	Strict      bool     `help:"Stop at the first bad line. Otherwise bad lines are reported and skipped."`
	StoreMemory byteSize `default:"64MiB" placeholder:"SIZE" help:"The most memory to keep for reading the store. Default: ${default}."`
}

// Help is the text below the usage.
func (importCommand) Help() string {
	return `Each line is a JSON object as the REST API gives it, with "kind": "sender", "email", "bounce" or "blocked_email" first. Rows that the store has already are not doubled: after an import that was stopped or killed, the same command again completes it. Rows about in the order of their time are written as they come; where they do not come so, those that follow are sorted first, in a temporary file beside the store.

At the end all rows are in the store's own file, so that a copy of it is whole.

A bad line is reported and skipped. A file whose first 20 lines are all bad is one of another format: a message says what it seems to be, and it is skipped as a whole.

Exit code: 0 all rows are imported, 3 bad lines or files of another format were skipped (or, with --strict, stopped it), 1 it failed, such as when the disk is full, 2 it was asked wrongly.`
}

// Run imports the files.
func (c *importCommand) Run(ctx context.Context, io Streams) (err error) {
	for _, file := range c.Files { // a mistyped name leaves no empty store behind
		if _, err := os.Stat(file); file != "-" && err != nil {
			return err
		}
	}
	s, err := store.Open(ctx, store.Options{Path: c.Data, CacheBytes: int64(c.StoreMemory)})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	f, isFile := io.Err.(*os.File)
	sum, err := importer.Run(ctx, s, c.Files, importer.Options{
		Strict:   c.Strict,
		TempDir:  filepath.Dir(c.Data),
		Stdin:    io.In,
		Report:   func(b importer.BadLine) { fmt.Fprintln(io.Err, b.Error()) },
		Progress: io.Err,
		Terminal: isFile && isatty.IsTerminal(f.Fd()),
	})
	unfinished := c.finish(ctx, s, io)
	fmt.Fprintf(io.Out, "%s in %v: %s, %s, %s, %s; %s new, %s replaced, %s already there; %s\n",
		english.Plural(sum.Rows(), "row", ""), sum.Duration.Round(time.Millisecond),
		english.Plural(sum.Senders, "sender", ""), english.Plural(sum.Emails, "email", ""), english.Plural(sum.Bounces, "bounce", ""), english.Plural(sum.BlockedEmails, "blocked email", ""),
		humanize.Comma(int64(sum.New)), humanize.Comma(int64(sum.Replaced)), humanize.Comma(int64(sum.Unchanged)), skipped(sum))
	for _, failed := range []error{err, unfinished} {
		if errors.Is(failed, store.ErrDiskFull) {
			return fmt.Errorf("%w: what is reported is stored, but some of it may be in %[2]s-wal, which belongs to %[2]s: "+
				"make room, and run the same command again", failed, c.Data)
		}
	}
	var bad *importer.BadLine
	stopped := errors.As(err, &bad) // which was reported
	switch {
	case unfinished != nil && (err == nil || stopped):
		return unfinished
	case stopped:
		return exitCode(exitBadLines)
	case ctx.Err() != nil:
		return errors.Join(errors.New("the import was stopped: what it reports is stored; the same command again completes it"), unfinished)
	case err != nil:
		return errors.Join(err, unfinished)
	case sum.BadLines+sum.BadFiles > 0:
		return exitCode(exitBadLines)
	}
	return nil
}

// skipped says what was not imported.
func skipped(sum importer.Summary) string {
	s := english.Plural(sum.BadLines, "bad line", "")
	if sum.BadFiles > 0 {
		s += "; " + english.Plural(sum.BadFiles, "file", "") + " of another format"
	}
	return s
}

// finish builds the indexes of a store that was empty, and brings all rows into the store's
// file, so that a copy of it alone is whole, even if the import was stopped.
func (c *importCommand) finish(ctx context.Context, s *store.Store, io Streams) error {
	if ctx.Err() == nil {
		slow := time.AfterFunc(2*time.Second, func() { fmt.Fprintln(io.Err, "all rows are stored; building the indexes") })
		err := s.Finish(ctx)
		slow.Stop()
		if err != nil && ctx.Err() == nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	err := s.Checkpoint(ctx)
	if errors.Is(err, store.ErrInUse) {
		fmt.Fprintf(io.Err, "deliverygraph: all is stored, but some of it in %[1]s-wal, as another program is using %[1]s: do not copy one file without the other\n", c.Data)
		return nil
	}
	return err
}

// exitDiffers is the exit code of an examination whose differences the gateway copes
// with, or that had no data to judge by.
const exitDiffers = 3

type doctorCommand struct {
	Upstream    string `required:"" placeholder:"URL" help:"The server to examine, such as https://metrics.example.com/v4."`
	UpstreamKey string `placeholder:"KEY" help:"The API key to give it. Better set in the environment, where no process list shows it."`
	UpstreamCA  string `name:"upstream-ca" placeholder:"FILE" help:"Certificates (PEM) of the authorities to trust for it, instead of the system's."`
	Window      string `placeholder:"START/END" help:"Where to look, such as 2016-11-22T00:00:00Z/2016-11-23T00:00:00Z. Default: the latest days that hold data."`
	ASCII       bool   `name:"ascii" help:"Print ASCII alone."`
}

// Help is the text below the usage.
func (doctorCommand) Help() string {
	return `It reads, some sixty requests one after the other, and holds the answers against the API's document and against each other: a table tells what agrees, what differs and whether the gateway copes with it, and what could not be judged.

Exit code: 0 the server will do, 3 it will do with differences that the gateway copes with, or there is no data to judge by, 1 it will not do or cannot be reached, 2 it was asked wrongly.`
}

// Run examines the server.
func (c *doctorCommand) Run(ctx context.Context, io Streams) error {
	o := doctor.Options{BaseURL: c.Upstream, Key: c.UpstreamKey, CAFile: c.UpstreamCA}
	if c.Window != "" {
		start, end, _ := strings.Cut(c.Window, "/")
		from, err := upstream.ParseTime(start)
		to, endErr := upstream.ParseTime(end)
		if err = errors.Join(err, endErr); err == nil {
			o.Window, err = upstream.NewWindow(from, to)
		}
		if err != nil {
			return badSetting("--window %q is not a window: write start and end, such as 2016-11-22T00:00:00Z/2016-11-23T00:00:00Z", c.Window)
		}
	}
	report, err := doctor.Examine(ctx, o)
	switch {
	case ctx.Err() != nil:
		return errors.New("the examination was stopped")
	case err != nil:
		return badSetting("--upstream, --upstream-key or --upstream-ca: %v", err)
	}
	if err := report.WriteTable(io.Out, doctor.Layout{ASCII: c.ASCII}); err != nil {
		return err
	}
	switch report.Verdict() {
	case doctor.Fine:
		return nil
	case doctor.Differs, doctor.Unproven:
		return exitCode(exitDiffers)
	}
	return exitCode(exitFailure)
}

type schemaCommand struct {
	Output string `short:"o" placeholder:"FILE" help:"Write it there rather than to standard output."`
}

// Help is the text below the usage.
func (schemaCommand) Help() string {
	return `The same text for the same version, with all descriptions: what code generators and linters take. A copy of it is schema/published/schema.graphql.`
}

// Run prints the schema.
func (c *schemaCommand) Run(io Streams) error {
	sdl := new(bytes.Buffer)
	schema := generated.NewExecutableSchema(resolvers.Schema()).Schema()
	f := formatter.NewFormatter(sdl, formatter.WithIndent("  "))
	// The formatter leaves out a schema's definition where its types have the usual names, and its description with it.
	f.FormatSchemaDocument(&ast.SchemaDocument{Schema: ast.SchemaDefinitionList{{
		Description: schema.Description,
		OperationTypes: ast.OperationTypeDefinitionList{
			{Operation: ast.Query, Type: schema.Query.Name},
			{Operation: ast.Subscription, Type: schema.Subscription.Name},
		},
	}}})
	f.FormatSchema(schema)
	if c.Output != "" {
		return os.WriteFile(c.Output, sdl.Bytes(), 0o644)
	}
	_, err := sdl.WriteTo(io.Out)
	return err
}

type keyCommand struct {
	New newKeyCommand `cmd:"" help:"Make an API key: print it, once, and the line of the keys file for its caller."`
}

type newKeyCommand struct {
	Name          string `required:"" placeholder:"NAME" help:"The caller's name, for logs and limits, such as partner-a."`
	Users         string `required:"" placeholder:"USERS" help:"The users whose data the caller may read, such as 20,21, or * for all."`
	Scopes        string `default:"metrics:read" placeholder:"SCOPES" help:"What it may read of them: metrics:read, and with it recipients:read (recipients' addresses, else masked) and content:read (what receiving servers said, and whole bounce messages). Default: ${default}."`
	CostPerMinute int    `placeholder:"N" help:"How much its operations may cost in a minute, where it is not to be what holds for all."`
	Streams       int    `placeholder:"N" help:"How many subscriptions, and how many WebSockets, it may have open at once, likewise."`
}

// Help is the text below the usage.
func (newKeyCommand) Help() string {
	return `It prints two lines: the key, for the caller, which cannot be shown again; and the line to append to the file of --auth-keys, which holds the key's SHA-256 alone. A gateway that is serving sees the change within seconds. To withdraw a key, delete its line: streams that it has open end within a heartbeat (--subscription-heartbeat).`
}

// Run makes a key.
func (c *newKeyCommand) Run(io Streams) error {
	users, err := auth.ParseUsers(c.Users)
	if err != nil {
		return badSetting("--users: %v", err)
	}
	scopes, err := auth.ParseScopes(c.Scopes)
	if err == nil && !scopes.Has(auth.MetricsRead) {
		err = errors.New("without metrics:read nothing can be read: give it and what else there shall be, such as metrics:read,content:read")
	}
	if err != nil {
		return badSetting("--scopes: %v", err)
	}
	if c.CostPerMinute < 0 || c.Streams < 0 {
		return badSetting("--cost-per-minute and --streams must be positive, such as 2000 and 10; leave them out for what holds for all")
	}
	key, line, err := apikey.New(auth.Caller{Name: c.Name, Users: users, Scopes: scopes, Limits: auth.Limits{CostPerMinute: c.CostPerMinute, Streams: c.Streams}})
	if err != nil {
		return badSetting("--name: %v", err)
	}
	fmt.Fprintln(io.Out, key)
	fmt.Fprintln(io.Out, line)
	fmt.Fprintln(io.Err, "The first line is the key: give it to its caller, and keep it nowhere else. The second is for the file of --auth-keys.")
	return nil
}

type versionCommand struct{}

// Run prints the version.
func (versionCommand) Run(io Streams) error {
	fmt.Fprintln(io.Out, "deliverygraph", version())
	return nil
}

// version is the module's version, or the commit that a working copy was built of.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && (v == "" || v == "(devel)") {
			v = s.Value
		}
	}
	return v + " " + info.GoVersion
}
