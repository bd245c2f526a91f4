// Command deliverygraph is a GraphQL gateway over the Dyn Email Delivery metrics
// REST API v4. It fronts a server of that API, or carries its own.
//
// This file reads flags and environment, joins the parts, serves, and drains on a
// signal. It is the only place that knows settings and their defaults; README.md
// tells one query's way through the packages.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/alecthomas/kong"
	"github.com/dustin/go-humanize"
	"github.com/mattn/go-isatty"
	"github.com/rs/cors"

	"deliverygraph/graph"
	"deliverygraph/graph/generated"
	"deliverygraph/graph/playground"
	"deliverygraph/resolvers"
	"deliverygraph/resolvers/auth"
	"deliverygraph/resolvers/loaders"
	"deliverygraph/upstream"
	"deliverygraph/upstream/cached"
	"deliverygraph/upstream/doctor"
	"deliverygraph/upstream/embedded"
	"deliverygraph/upstream/embedded/demo"
	"deliverygraph/upstream/embedded/importer"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/rest"
)

func main() {
	if os.Getenv("GOGC") == "" {
		// Live memory is small beside what answers allocate: collecting less often spares a
		// third of the time for some tens of megabytes.
		debug.SetGCPercent(400)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr})
	stop()
	os.Exit(code)
}

// streams are the program's.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

const (
	exitOK      = 0
	exitFailure = 1 // something went wrong while running
	exitUsage   = 2 // a wrong flag, setting or argument
)

// run is the whole program. It ends when ctx does.
func run(ctx context.Context, args []string, io streams) int {
	var c commands
	exit := -1
	parser := kong.Must(&c,
		kong.Name("deliverygraph"),
		kong.Description("A GraphQL API over the Dyn Email Delivery metrics REST API v4: in front of any server that speaks it, or with one of its own."),
		kong.Writers(io.out, io.err),
		kong.Exit(func(code int) { exit = code; panic(exited{}) }),
		kong.DefaultEnvars("DELIVERYGRAPH"),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, FlagsLast: true, WrapUpperBound: 100}),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(io),
	)
	if len(args) > 0 && (args[0] == "--help" || args[0] == "-h") {
		args = []string{"serve", "--help"} // what nearly everyone runs; its help names the other commands
	}
	k, err := parse(parser, args)
	if exit >= 0 { // --help
		return exit
	}
	if err == nil {
		err = givenEmpty(args)
	}
	if err != nil {
		fmt.Fprintf(io.err, "deliverygraph: %v%s\nSee deliverygraph --help.\n", err, hint(err))
		return exitUsage
	}
	err = k.Run()
	var code exitCode
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &code):
		return int(code)
	}
	fmt.Fprintf(io.err, "deliverygraph: %v\n", err)
	var s *settingError
	if errors.As(err, &s) {
		return exitUsage
	}
	return exitFailure
}

// givenEmpty refuses --upstream and --data with nothing behind them, as a shell
// variable that is not set leaves them: they would mean demo data.
func givenEmpty(args []string) error {
	for i, a := range args {
		for _, flag := range []string{"--upstream", "--data"} {
			if a == flag+"=" || a == flag && i+1 < len(args) && args[i+1] == "" {
				return badSetting("%s is given without a value: leave it out for demo data", flag)
			}
		}
	}
	return nil
}

// hint adds what would be right where the flag library says only what is wrong.
func hint(err error) string {
	switch text := err.Error(); {
	case strings.Contains(text, "expected duration"):
		return "; write it as 30s, 10m or 1h"
	case strings.Contains(text, "slog: level"):
		return "; it is debug, info, warn or error"
	case strings.Contains(text, "64 bit int"):
		return "; write it as 16"
	}
	return ""
}

// exited unwinds kong after --help, which would leave the process.
type exited struct{}

func parse(p *kong.Kong, args []string) (k *kong.Context, err error) {
	defer func() {
		if v := recover(); v != nil {
			if _, ok := v.(exited); !ok {
				panic(v)
			}
		}
	}()
	return p.Parse(args)
}

// exitCode is an error that has been told of already.
type exitCode int

func (c exitCode) Error() string { return fmt.Sprintf("exit code %d", int(c)) }

// settingError is a setting that cannot be: it names the setting and gives an
// example.
type settingError struct{ message string }

func (e *settingError) Error() string { return e.message }

func badSetting(format string, args ...any) error {
	return &settingError{fmt.Sprintf(format, args...)}
}

type commands struct {
	Serve   serveCommand   `cmd:"" default:"withargs" help:"Serve the GraphQL API and its playground. The command where none is given."`
	Import  importCommand  `cmd:"" help:"Import rows of the metrics API from NDJSON files into a store."`
	Doctor  doctorCommand  `cmd:"" help:"Examine a server of the metrics API: whether the gateway can front it."`
	Version versionCommand `cmd:"" help:"Print the version."`
}

type serveCommand struct {
	Listen      string        `default:"127.0.0.1:8080" placeholder:"ADDR" help:"Where to serve: /graphql, and the playground at /. Default: ${default}."`
	CorsOrigins []string      `placeholder:"ORIGIN,…" help:"Origins whose pages may ask, such as https://app.example.com, or * for all. Pages of this machine's loopback always may."`
	Timeout     time.Duration `default:"30s" help:"The most time that one operation may take. Default: ${default}."`
	DrainTime   time.Duration `default:"10s" help:"How long requests under way may still take when the gateway is stopped. Default: ${default}."`

	Upstream            string `group:"A remote upstream:" placeholder:"URL" help:"Front this server of the REST API, such as https://metrics.example.com/v4, rather than a store of the gateway's own."`
	UpstreamKey         string `group:"A remote upstream:" placeholder:"KEY" help:"The API key to give it. Better set in the environment, where no process list shows it."`
	UpstreamCA          string `group:"A remote upstream:" name:"upstream-ca" placeholder:"FILE" help:"Certificates (PEM) of the authorities to trust for it, instead of the system's."`
	UpstreamConcurrency int    `group:"A remote upstream:" default:"16" placeholder:"N" help:"The most calls to have under way at once. Default: ${default}."`

	Data             string   `group:"The embedded store:" placeholder:"FILE" help:"Keep the store in this file, made if it is absent; fill it by deliverygraph import. With neither this nor --upstream there is demo data."`
	StoreMemory      byteSize `group:"The embedded store:" default:"64MiB" placeholder:"SIZE" help:"The most memory to keep for reading the store. Default: ${default}."`
	RestListen       string   `group:"The embedded store:" placeholder:"ADDR" help:"Serve the REST API of the store there too, such as 127.0.0.1:8081."`
	RestKeys         string   `group:"The embedded store:" placeholder:"FILE" help:"API keys that the REST port asks for, one a line: KEY, or KEY users=20,21. Without keys it serves loopback only."`
	RestKeyList      string   `group:"The embedded store:" hidden:"" help:"The same as text, lines or parts between semicolons: for the environment alone."`
	RestDuplicate202 bool     `group:"The embedded store:" name:"rest-duplicate-202" help:"Answer 202, without data, to a REST request that is identical to one under way, as the original service did."`

	CacheSize    byteSize      `group:"Caching:" default:"64MiB" placeholder:"SIZE" help:"The most memory to keep for upstream answers; 0 keeps none. Default: ${default}."`
	CacheFresh   time.Duration `group:"Caching:" default:"5s" help:"How long lists, counts and details may be shown again; 0 is not at all. Default: ${default}."`
	CacheSettle  time.Duration `group:"Caching:" default:"1h" help:"How far back events of a remote upstream must lie to be taken as final: what tells of them alone is kept until its memory is needed. 0 takes nothing as final. Default: ${default}."`
	CacheCatalog time.Duration `group:"Caching:" default:"1h" help:"How long the catalogues of categories and reasons may be shown again. Default: ${default}."`

	LogLevel  slog.Level `group:"Logs:" default:"info" placeholder:"LEVEL" help:"debug (shows each upstream call), info, warn or error. Default: ${default}."`
	LogFormat string     `group:"Logs:" default:"text" enum:"text,json" help:"text or json. Default: ${default}."`
}

// byteSize is a number of bytes, such as "64MiB" or "1000000".
type byteSize int64

// UnmarshalText reads a size.
func (b *byteSize) UnmarshalText(text []byte) error {
	n, err := humanize.ParseBytes(string(text))
	if err != nil || n > 1<<50 {
		return fmt.Errorf("%q is not a size: write it as 64MiB, 1GB or 1000000", text)
	}
	*b = byteSize(n)
	return nil
}

// Help is the text below the usage.
func (serveCommand) Help() string {
	return `With nothing set it serves demo data on 127.0.0.1:8080: open http://127.0.0.1:8080/ for the playground.

Each flag is an environment variable too, --rest-listen being DELIVERYGRAPH_REST_LISTEN; the flag wins.

Other commands: deliverygraph import, deliverygraph doctor, deliverygraph version; add --help to each.`
}

// Run serves until ctx ends.
func (c *serveCommand) Run(ctx context.Context, io streams) (err error) {
	if err := c.check(); err != nil {
		return err
	}
	logger := c.logger(io.err)
	keys, err := c.restKeys()
	if err != nil {
		return err
	}
	// Ports come first: whether they can be had is known at once, and a half-started
	// gateway helps nobody.
	public, err := listen("listen", c.Listen)
	if err != nil {
		return err
	}
	defer public.Close()
	var private net.Listener
	if c.RestListen != "" {
		if private, err = listen("rest-listen", c.RestListen); err != nil {
			return err
		}
		defer private.Close()
		if err := embedded.CheckListener(private.Addr(), keys); err != nil {
			return badSetting("--rest-listen: %v", err)
		}
	}
	if !loopback(public.Addr()) {
		logger.Warn("anyone who can reach this address can read all of the data: keep it behind something that asks who they are", "address", public.Addr().String())
	}
	g := &gateway{c: c, logger: logger}
	defer func() { err = errors.Join(err, g.close()) }()
	api, err := g.upstream(ctx)
	if err != nil && ctx.Err() != nil {
		return nil // told to stop before it was ready
	} else if err != nil {
		return err
	}
	handler, err := g.handler(api)
	if err != nil {
		return err
	}
	servers := []*server{newServer(public, handler, c.Timeout)}
	if private != nil {
		h := embedded.New(g.store, embedded.Options{Keys: keys, Duplicate202: c.RestDuplicate202, Logger: logger})
		servers = append(servers, newServer(private, h, c.Timeout))
		logger.Info("REST API of the store", "url", "http://"+private.Addr().String())
	}
	logger.Info("ready", "graphql", "http://"+public.Addr().String()+"/graphql", "playground", "http://"+public.Addr().String()+"/", "data", g.data)
	return serve(ctx, servers, c.DrainTime, logger)
}

// check refuses settings that contradict each other or cannot be.
func (c *serveCommand) check() error {
	if c.Upstream != "" {
		for _, s := range []struct {
			flag string
			set  bool
		}{{"data", c.Data != ""}, {"rest-listen", c.RestListen != ""}, {"rest-keys", c.RestKeys != "" || c.RestKeyList != ""}, {"rest-duplicate-202", c.RestDuplicate202}} {
			if s.set {
				return badSetting("--%s is of the embedded store, and --upstream puts a remote server in its place: give one of them", s.flag)
			}
		}
	} else if c.UpstreamKey != "" || c.UpstreamCA != "" {
		return badSetting("--upstream-key or --upstream-ca is given without --upstream: name the server, such as --upstream https://metrics.example.com/v4")
	}
	if c.RestListen == "" && (c.RestKeys != "" || c.RestKeyList != "" || c.RestDuplicate202) {
		return badSetting("--rest-keys and --rest-duplicate-202 are of the REST port: open one, such as --rest-listen 127.0.0.1:8081")
	}
	if c.RestKeys != "" && c.RestKeyList != "" {
		return badSetting("--rest-keys and DELIVERYGRAPH_REST_KEY_LIST are both given: keep one")
	}
	if c.Timeout <= 0 {
		return badSetting("--timeout must be more than nothing, such as 30s")
	}
	if c.DrainTime < 0 || c.CacheFresh < 0 || c.CacheSettle < 0 || c.CacheCatalog < 0 {
		return badSetting("--drain-time, --cache-fresh, --cache-settle and --cache-catalog must not be negative: such as 10s")
	}
	if c.UpstreamConcurrency < 1 {
		return badSetting("--upstream-concurrency must be at least 1, such as 16")
	}
	for _, o := range c.CorsOrigins {
		if u, err := url.Parse(o); o != "*" && (err != nil || u.Scheme == "" || u.Host == "" || u.Path != "" || u.RawQuery != "" || strings.Contains(o, "*")) {
			return badSetting("--cors-origins: %q is not an origin: write scheme, host and port alone, such as https://app.example.com", o)
		}
	}
	return nil
}

func (c *serveCommand) logger(w io.Writer) *slog.Logger {
	o := &slog.HandlerOptions{Level: c.LogLevel}
	if c.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}

// gateway is the parts that serving joins.
type gateway struct {
	c      *serveCommand
	logger *slog.Logger
	data   string // what is shown, for the log
	demo   string // likewise for the playground; empty where it is not demo data
	store  *store.Store
	client *rest.Client
	cache  *cached.API
}

func (g *gateway) close() error {
	if g.cache != nil {
		g.cache.Close()
	}
	if g.client != nil {
		g.client.Close()
	}
	if g.store != nil {
		return g.store.Close()
	}
	return nil
}

// upstream gives the API that the gateway shows: a remote server's or the store's,
// through the same client, and a cache around it.
func (g *gateway) upstream(ctx context.Context) (upstream.API, error) {
	o := rest.Options{BaseURL: g.c.Upstream, Key: g.c.UpstreamKey, CAFile: g.c.UpstreamCA, MaxConcurrent: g.c.UpstreamConcurrency, CallTimeout: g.c.Timeout, Logger: g.logger}
	g.data = "upstream"
	if g.c.Upstream == "" {
		if err := g.openStore(ctx); err != nil {
			return nil, err
		}
		o.BaseURL = "http://embedded.invalid"
		o.Transport = embedded.Transport(embedded.New(g.store, embedded.Options{APIHost: "deliverygraph", Logger: g.logger}))
	}
	client, err := rest.New(o)
	if err != nil {
		return nil, badSetting("--upstream: %v", err)
	}
	g.client = client
	kept := cached.Options{Bytes: int64(g.c.CacheSize), Fresh: g.c.CacheFresh, Settle: g.c.CacheSettle, Catalogue: g.c.CacheCatalog}
	if g.store != nil {
		kept.Settle = 0 // an import may add events of any time to a store that is being served
	}
	g.cache, err = cached.New(client, kept)
	return g.cache, err
}

// openStore opens the store that the settings name, or one with demo data.
func (g *gateway) openStore(ctx context.Context) (err error) {
	g.store, err = store.Open(ctx, store.Options{Path: g.c.Data, CacheBytes: int64(g.c.StoreMemory)})
	if err != nil {
		return err
	}
	if g.c.Data != "" {
		info, err := g.store.Info(ctx)
		if err != nil {
			return err
		}
		g.data = g.c.Data
		g.logger.Info("store", "file", g.c.Data, "emails", info.Emails.Rows, "bounces", info.Bounces.Rows, "blocked_emails", info.BlockedEmails.Rows, "senders", info.Senders)
		if info.Emails.Rows+info.Bounces.Rows+info.BlockedEmails.Rows == 0 {
			g.logger.Warn("the store is empty: fill it by deliverygraph import --data "+g.c.Data+" FILE…", "file", g.c.Data)
		}
		return nil
	}
	now := time.Now()
	for b := range demo.Generate(now) {
		if _, err := g.store.Write(ctx, b); err != nil {
			return fmt.Errorf("make demo data: %w", err)
		}
	}
	g.data = "demo data"
	g.demo = "Made up when the gateway started, and gone when it stops. For data of your own start it with --data FILE or --upstream URL."
	g.logger.Info("this is demo data, made up at the start: give --data FILE or --upstream URL for data of your own", "made_in_ms", time.Since(now).Milliseconds())
	for line := range strings.Lines(demo.Describe(now)) {
		g.logger.Info(strings.TrimSpace(line))
	}
	return nil
}

// handler is what the public port serves.
func (g *gateway) handler(api upstream.API) (http.Handler, error) {
	endpoint := graph.NewHandler(generated.NewExecutableSchema(resolvers.Schema()), graph.Options{
		Extensions: []graphql.HandlerExtension{loaders.Extension{API: func(ctx context.Context) upstream.API { return auth.Limit(api, auth.FromContext(ctx)) }, Now: time.Now}, resolvers.Columns()},
		Logger:     g.logger,
		Timeout:    g.c.Timeout,
	})
	page, err := playground.New(playground.Options{Endpoint: "graphql", Title: "DeliveryGraph", Demo: g.demo, Tabs: playground.Examples()})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/graphql", allowOrigins(g.c.CorsOrigins, auth.Open(endpoint))) // nobody is asked who they are yet
	mux.Handle("/", page)
	return mux, nil
}

// allowOrigins lets pages of the named origins ask, and those of loopback, where
// frontends are developed. No credentials: the endpoint knows no cookies.
func allowOrigins(origins []string, h http.Handler) http.Handler {
	allowed := map[string]bool{}
	for _, o := range origins {
		allowed[o] = true
	}
	return cors.New(cors.Options{
		AllowOriginFunc: func(origin string) bool {
			u, err := url.Parse(origin)
			return allowed[origin] || allowed["*"] || err == nil && loopbackHost(u.Hostname())
		},
		AllowedMethods: []string{http.MethodGet, http.MethodPost},
		AllowedHeaders: []string{"Content-Type", "Authorization", "Accept"},
		MaxAge:         600,
	}).Handler(h)
}

func loopbackHost(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}

// restKeys reads the keys that the REST port asks for; nil asks for none.
func (c *serveCommand) restKeys() (keys *embedded.Keys, err error) {
	switch {
	case c.RestKeys != "":
		keys, err = embedded.LoadKeys(c.RestKeys)
	case c.RestKeyList != "":
		keys, err = embedded.ParseKeys(strings.NewReader(strings.ReplaceAll(c.RestKeyList, ";", "\n")))
	}
	if err != nil {
		return nil, badSetting("--rest-keys: %v", err)
	}
	return keys, nil
}

func listen(flag, addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if op := new(net.OpError); errors.As(err, &op) {
		return nil, badSetting("--%s %q: %v; give an address such as 127.0.0.1:8080, or port 0 for any free one", flag, addr, op.Err)
	}
	return l, err
}

func loopback(a net.Addr) bool {
	t, ok := a.(*net.TCPAddr)
	return ok && t.IP.IsLoopback()
}

// server is one port.
type server struct {
	http.Server
	listener net.Listener
}

// newServer bounds what a slow or idle client may hold.
func newServer(l net.Listener, h http.Handler, timeout time.Duration) *server {
	return &server{listener: l, Server: http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      timeout + 30*time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
	}}
}

// serve serves all ports until ctx ends, then lets the requests under way finish.
func serve(ctx context.Context, servers []*server, drain time.Duration, logger *slog.Logger) error {
	failed := make(chan error, len(servers))
	for _, s := range servers {
		go func() { failed <- s.Serve(s.listener) }()
	}
	var err error
	select {
	case err = <-failed:
	case <-ctx.Done():
		logger.Info("stopping", "drain_time", drain)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	for _, s := range servers {
		if e := s.Shutdown(ctx); e != nil {
			logger.Warn("requests were cut off: they took longer than the drain time", "address", s.listener.Addr().String())
			_ = s.Close()
		}
	}
	if err == nil {
		logger.Info("stopped")
	}
	return err
}

// exitBadLines is the exit code of an import that skipped lines, or of a strict one
// that stopped at the first.
const exitBadLines = 3

type importCommand struct {
	Files       []string `arg:"" name:"file" help:"NDJSON files, plain or gzip: one row of the API a line; - is standard input."`
	Data        string   `required:"" placeholder:"FILE" help:"The store, made if it is absent. A gateway may be serving it meanwhile."`
	Strict      bool     `help:"Stop at the first bad line. Otherwise bad lines are told of and skipped."`
	StoreMemory byteSize `default:"64MiB" placeholder:"SIZE" help:"The most memory to keep for reading the store. Default: ${default}."`
}

// Help is the text below the usage.
func (importCommand) Help() string {
	return `Each line is a JSON object as the REST API gives it, with "kind": "sender", "email", "bounce" or "blocked_email" first. Rows that the store has already are not doubled: after an import that was stopped or killed, the same command again completes it.

Exit code: 0 all rows are imported, 3 bad lines were skipped (or, with --strict, stopped it), 1 it failed, 2 it was asked wrongly.`
}

// Run imports the files.
func (c *importCommand) Run(ctx context.Context, io streams) (err error) {
	s, err := store.Open(ctx, store.Options{Path: c.Data, CacheBytes: int64(c.StoreMemory)})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	f, isFile := io.err.(*os.File)
	sum, err := importer.Run(ctx, s, c.Files, importer.Options{
		Strict:   c.Strict,
		Stdin:    io.in,
		Report:   func(b importer.BadLine) { fmt.Fprintln(io.err, b.Error()) },
		Progress: io.err,
		Terminal: isFile && isatty.IsTerminal(f.Fd()),
	})
	fmt.Fprintf(io.out, "%s rows in %v: %s senders, %s emails, %s bounces, %s blocked emails; %s new, %s replaced, %s already there; %s bad lines\n",
		humanize.Comma(int64(sum.Rows())), sum.Duration.Round(time.Millisecond),
		humanize.Comma(int64(sum.Senders)), humanize.Comma(int64(sum.Emails)), humanize.Comma(int64(sum.Bounces)), humanize.Comma(int64(sum.BlockedEmails)),
		humanize.Comma(int64(sum.New)), humanize.Comma(int64(sum.Replaced)), humanize.Comma(int64(sum.Unchanged)), humanize.Comma(int64(sum.BadLines)))
	var bad *importer.BadLine
	switch {
	case errors.As(err, &bad):
		return exitCode(exitBadLines)
	case ctx.Err() != nil:
		return errors.New("the import was stopped: what it says is written; the same command again completes it")
	case err != nil:
		return err
	case sum.BadLines > 0:
		return exitCode(exitBadLines)
	}
	return nil
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
func (c *doctorCommand) Run(ctx context.Context, io streams) error {
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
	if err := report.WriteTable(io.out, doctor.Layout{ASCII: c.ASCII}); err != nil {
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

type versionCommand struct{}

// Run prints the version.
func (versionCommand) Run(io streams) error {
	fmt.Fprintln(io.out, "deliverygraph", version())
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
