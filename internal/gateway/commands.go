package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/formatter"

	"deliverygraph/graph/generated"
	"deliverygraph/internal/auth"
	"deliverygraph/internal/auth/apikey"
	"deliverygraph/resolvers"
	"deliverygraph/upstream"
	"deliverygraph/upstream/doctor"
)

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
