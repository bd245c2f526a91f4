// Package gateway is the program deliverygraph: its command line, its settings, and the wiring and serving of its
// parts.
//
// gateway.go runs a command with the streams of streams.go, serve.go serves until the program is stopped, wire.go shows
// how the parts are connected, and per_caller.go what each caller gets of them. settings.go has the flags of serve,
// with auth.go, ingest.go and upstream.go; flags.txt explains all flags, and setting_error.go wrong ones. Of the other
// commands, import, export, classify and reclassify have files of their own; store_commands.go has those on stores, and
// commands.go the rest.
package gateway

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/agnivade/levenshtein"
	"github.com/alecthomas/kong"
)

const (
	exitOK      = 0
	exitFailure = 1 // an error while running
	exitUsage   = 2 // a wrong flag, setting or argument
	exitPartly  = 3 // it worked, except for what was reported
)

// Main is [Run] until the process gets a signal to stop. A second interrupt or SIGTERM ends it at once. A second SIGHUP
// does not, since a terminal that is closed may send two.
func Main(args []string, io Streams) int {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // nohup ignores it
		signals = append(signals, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), signals...)
	defer stop()
	context.AfterFunc(ctx, func() {
		signal.Ignore(syscall.SIGHUP)
		stop()
	})
	return Run(ctx, args, io)
}

// Run runs the program with its command line, without the program's name, until it ends or ctx does, and returns its
// exit code.
func Run(ctx context.Context, args []string, io Streams) int {
	var c commands
	io, lost := io.watched(ctx)
	helped := false
	parser := newParser(&c,
		kong.Description("A GraphQL API over the Dyn Email Delivery metrics REST API v4: in front of any server that "+
			"speaks it, or with one of its own."),
		kong.Writers(io.Out, io.Err),
		kong.Exit(func(int) { helped = true }), // after --help, which would end the process
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, FlagsLast: true, WrapUpperBound: 100}),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(io),
	)
	if len(args) > 0 && (args[0] == "--help" || args[0] == "-h") {
		args = []string{"serve", "--help"} // the usual command; its help names the others
	} else if len(args) > 0 && args[0] == "--version" {
		args = []string{"version"}
	}
	k, err := parser.Parse(args)
	if helped {
		return exitOK
	}
	flags := allFlags(parser.Model.Node)
	if err == nil {
		flags = k.Flags()
		err = givenEmpty(flags, args)
	}
	if err != nil {
		given, meant := commandOf(parser.Model.Node, args)
		if meant != "" {
			meant = fmt.Sprintf(", did you mean %q?", meant)
		}
		fmt.Fprintf(io.Err, "deliverygraph: %s%s\nSee %s --help.\n", explained(err, flags, args), meant,
			strings.TrimSpace("deliverygraph "+given))
		return exitUsage
	}
	if err = k.Run(); err == nil {
		err = lost()
	}
	var code exitCode
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &code):
		return int(code)
	}
	fmt.Fprintf(io.Err, "deliverygraph: %s\n", explained(err, flags, args))
	if _, wrong := errors.AsType[*settingError](err); wrong {
		return exitUsage
	}
	return exitFailure
}

// commandOf returns the command that args begin with, or else the one that was probably meant: the flag library takes a
// mistyped command for an argument of the default command.
func commandOf(of *kong.Node, args []string) (given, meant string) {
	for _, c := range of.Children {
		switch {
		case len(args) == 0:
		case c.Name == args[0]:
			below, _ := commandOf(c, args[1:])
			return strings.TrimSpace(c.Name + " " + below), ""
		case meant == "" && levenshtein.ComputeDistance(args[0], c.Name) <= 1+len(c.Name)/5:
			meant = c.Name
		}
	}
	return "", meant
}

// exitCode is an error that has already been printed. The program exits with this code.
type exitCode int

func (c exitCode) Error() string { return fmt.Sprintf("exit code %d", int(c)) }

type commands struct {
	Serve      serveCommand      `cmd:"" default:"withargs" help:"Serve the GraphQL API and its playground."`
	Import     importCommand     `cmd:"" help:"Import mail logs, bounces, events of services, or rows of the API."`
	Export     exportCommand     `cmd:"" help:"Write the rows of a store or a remote server, for import into another."`
	Migrate    migrateCommand    `cmd:"" help:"Make or upgrade the tables of a store in ClickHouse."`
	Prune      pruneCommand      `cmd:"" help:"Remove old events from a store."`
	Erase      eraseCommand      `cmd:"" help:"Remove a recipient from a store without leaving a trace."`
	Backup     backupCommand     `cmd:"" help:"Copy a store, even while it is in use."`
	Info       infoCommand       `cmd:"" help:"Describe a store: rows, times, users, senders, size."`
	Check      checkCommand      `cmd:"" help:"Check a store for damage."`
	Key        keyCommand        `cmd:"" help:"Make an API key for --auth-keys."`
	Doctor     doctorCommand     `cmd:"" help:"Examine a metrics API server: can the gateway use it as its upstream?"`
	Classify   classifyCommand   `cmd:"" help:"Sort bounces into categories, and show the words that matched."`
	Reclassify reclassifyCommand `cmd:"" help:"Sort the bounces of a store again, by the current rules."`
	Schema     schemaCommand     `cmd:"" help:"Print the GraphQL schema, for code generators and linters."`
	Version    versionCommand    `cmd:"" help:"Print the version."`
}
