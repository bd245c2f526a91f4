package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/formatter"

	"deliverygraph/graph/generated"
	"deliverygraph/internal/auth"
	"deliverygraph/resolvers"
	"deliverygraph/upstream"
	"deliverygraph/upstream/doctor"
)

type doctorCommand struct {
	Upstream    string `required:"" placeholder:"URL"`
	UpstreamKey string `secret:"" placeholder:"KEY"`
	UpstreamCA  string `name:"upstream-ca" placeholder:"FILE"`
	Window      string `placeholder:"START/END"`
	ASCII       bool   `name:"ascii"`
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
			return badSetting("--window %q is not a window: write start and end, "+
				"such as 2016-11-22T00:00:00Z/2016-11-23T00:00:00Z", c.Window)
		}
	}
	report, err := doctor.Examine(ctx, o)
	switch {
	case ctx.Err() != nil:
		return errors.New("the examination was stopped")
	case err != nil:
		return badUpstream(err)
	}
	if err := report.WriteTable(io.Out, c.ASCII); err != nil {
		return err
	}
	switch report.Verdict() {
	case doctor.Fine:
		return nil
	case doctor.Differs, doctor.Unproven:
		return exitCode(exitPartly)
	}
	return exitCode(exitFailure)
}

type schemaCommand struct {
	Output string `short:"o" placeholder:"FILE"`
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
	if c.Output != "" && c.Output != "-" {
		return os.WriteFile(c.Output, sdl.Bytes(), 0o644)
	}
	_, err := sdl.WriteTo(io.Out)
	return err
}

type keyCommand struct {
	New newKeyCommand `cmd:"" help:"Make an API key: print it, once, and the line of the keys file for its caller."`
}

type newKeyCommand struct {
	Name          string `required:"" placeholder:"NAME"`
	Users         string `required:"" placeholder:"USERS"`
	Scopes        string `default:"metrics:read" placeholder:"SCOPES"`
	CostPerMinute *int   `placeholder:"N" env:"-"` // the variable is the gateway's
	Streams       *int   `placeholder:"N"`
}

// Run makes a key.
func (c *newKeyCommand) Run(io Streams) error {
	users, err := auth.ParseUsers(c.Users)
	if err != nil {
		return badSetting("--users: %v", err)
	}
	scopes, err := auth.ParseScopes(c.Scopes)
	if err == nil && !scopes.Has(auth.MetricsRead) {
		err = errors.New("metrics:read is required: give it and the others that you need, " +
			"such as metrics:read,content:read")
	}
	if err != nil {
		return badSetting("--scopes: %v", err)
	}
	caller := auth.Caller{Name: c.Name, Users: users, Scopes: scopes}
	for _, l := range []struct{ given, limit *int }{
		{c.CostPerMinute, &caller.Limits.CostPerMinute}, {c.Streams, &caller.Limits.Streams},
	} {
		switch {
		case l.given == nil: // the gateway's limit holds
		case *l.given < 1 || *l.given > auth.MaxLimit:
			return badSetting("--cost-per-minute and --streams must be from 1 to %d, such as 2000 and 10; "+
				"leave them out for the gateway's limits", auth.MaxLimit)
		default:
			*l.limit = *l.given
		}
	}
	key, line, err := auth.NewKey(caller)
	if err != nil {
		return badSetting("--name: %v", err)
	}
	fmt.Fprintln(io.Out, key)
	fmt.Fprintln(io.Out, line)
	fmt.Fprintln(io.Err,
		"The first line is the key: give it to its caller and store it nowhere else. "+
			"Append the second line to the file of --auth-keys.")
	return nil
}

type versionCommand struct{}

// Run prints the version, and what the program was built from and with.
func (versionCommand) Run(io Streams) error {
	line := "deliverygraph " + version()
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			switch {
			case s.Key == "vcs.revision":
				line += ", revision " + s.Value
			case s.Key == "vcs.time":
				line += ", committed " + s.Value
			case s.Key == "vcs.modified" && s.Value == "true":
				line += ", modified"
			}
		}
	}
	fmt.Fprintf(io.Out, "%s, %s\n", line, runtime.Version())
	return nil
}

// version returns the version of the program, which go build takes from the tags and commits in the source's
// repository. Builds without one, and those of go run, have none.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "(unversioned build)"
	}
	return info.Main.Version
}
