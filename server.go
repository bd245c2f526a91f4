// Command deliverygraph is a GraphQL gateway over the Dyn Email Delivery metrics
// REST API v4. It fronts a server of that API, or carries its own.
//
// This file reads the command line, joins the parts, serves, and drains on a signal.
// settings.go is the only place that knows settings and their defaults, mistakes.go
// says what is wrong with them, commands.go has the commands that do not serve;
// README.md tells one query's way through the packages.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/alecthomas/kong"

	"deliverygraph/graph"
	"deliverygraph/graph/admin"
	"deliverygraph/graph/certificate"
	"deliverygraph/graph/generated"
	"deliverygraph/graph/metrics"
	"deliverygraph/graph/operation"
	"deliverygraph/graph/origins"
	"deliverygraph/graph/playground"
	"deliverygraph/graph/tracing"
	"deliverygraph/graph/trusted"
	"deliverygraph/internal/web"
	"deliverygraph/resolvers"
	"deliverygraph/resolvers/auth"
	"deliverygraph/resolvers/auth/apikey"
	"deliverygraph/resolvers/auth/token"
	"deliverygraph/resolvers/explain"
	"deliverygraph/resolvers/feed"
	"deliverygraph/resolvers/loaders"
	"deliverygraph/resolvers/ratelimit"
	"deliverygraph/upstream"
	"deliverygraph/upstream/cached"
	"deliverygraph/upstream/embedded"
	"deliverygraph/upstream/embedded/demo"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/ledger"
	"deliverygraph/upstream/rest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
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
	flags := allFlags(parser.Model.Node)
	if err == nil {
		flags = k.Flags()
		err = givenEmpty(flags, args)
	}
	if err != nil {
		fmt.Fprintf(io.err, "deliverygraph: %s\nSee deliverygraph --help.\n", explained(err, flags, args))
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
	var s *settingError
	if errors.As(err, &s) {
		fmt.Fprintf(io.err, "deliverygraph: %s\n", explained(err, flags, args))
		return exitUsage
	}
	fmt.Fprintf(io.err, "deliverygraph: %v\n", err)
	return exitFailure
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

type commands struct {
	Serve   serveCommand   `cmd:"" default:"withargs" help:"Serve the GraphQL API and its playground. The command where none is given."`
	Import  importCommand  `cmd:"" help:"Import rows of the metrics API from NDJSON files into a store."`
	Key     keyCommand     `cmd:"" help:"Make an API key for --auth-keys."`
	Doctor  doctorCommand  `cmd:"" help:"Examine a server of the metrics API: whether the gateway can front it."`
	Schema  schemaCommand  `cmd:"" help:"Print the GraphQL schema, for code generators and linters."`
	Version versionCommand `cmd:"" help:"Print the version."`
}

// Run serves until ctx ends.
func (c *serveCommand) Run(ctx context.Context, io streams) (err error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if err := c.check(); err != nil {
		return err
	}
	c.tune()
	logger, flush := c.logger(io.err)
	defer flush()
	keys, err := c.restKeys()
	if err != nil {
		return err
	}
	var pair *certificate.Certificate // nil serves plain HTTP
	if c.TLSCert != "" {
		if pair, err = certificate.Open(c.TLSCert, c.TLSKey); err != nil {
			return badFile("--tls-cert, --tls-key", err, "give files such as cert.pem and key.pem")
		}
	}
	// Ports come first: whether they can be had is known at once, and a half-started
	// gateway helps nobody.
	public, err := listen("listen", c.Listen)
	if err != nil {
		return err
	}
	defer public.Close()
	g := &gateway{c: c, logger: logger, local: loopback(public.Addr()), mask: auth.NewMask(c.Auth.MaskSecret), answered: make(chan struct{})}
	closeAdmin, err := g.serveAdmin()
	if err != nil {
		return err
	}
	defer closeAdmin()
	g.certificateEnd(pair)
	if err := g.trace(ctx); err != nil {
		return err
	}
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
	if err := c.Auth.checkListener(public.Addr()); err != nil {
		return err
	}
	if !loopback(public.Addr()) && !c.Auth.asks() {
		logger.Warn("anyone who can reach this address can read all of the data: keep it behind something that asks who they are", "address", public.Addr().String())
		if len(c.AllowedHosts) == 0 {
			logger.Warn("any web page in a browser that reaches this address can read the data too, by pointing a name of its own to it (DNS rebinding): say by which names it is asked, such as --allowed-hosts metrics.example.com", "address", public.Addr().String())
		}
	}
	defer func() { stop(); err = errors.Join(err, g.close()) }()
	who, err := g.authenticator(ctx)
	if err != nil {
		return err
	}
	if err := g.trust(ctx); err != nil {
		return err
	}
	api, err := g.upstream(ctx)
	if err != nil && ctx.Err() != nil {
		return nil // told to stop before it was ready
	} else if err != nil {
		return err
	}
	streams := graph.NewStreams(c.Subscriptions)
	handler, err := g.handler(ctx, api, who, streams)
	if err != nil {
		return err
	}
	main := newServer(public, c.known(public.Addr(), c.Auth.asks(), handler, g.refuse), c.Timeout)
	url := "http://" + public.Addr().String() + "/"
	if pair != nil {
		main.TLSConfig = pair.Config()
		url = "https://" + public.Addr().String() + "/"
		go pair.Follow(ctx, 10*time.Second, logger)
	}
	servers := []*server{main}
	if private != nil {
		h := embedded.New(g.store, embedded.Options{Keys: keys, Duplicate202: c.RestDuplicate202, Logger: logger})
		servers = append(servers, newServer(private, c.known(private.Addr(), keys != nil, h, refuseInText), c.Timeout))
		logger.Info("REST API of the store", "url", "http://"+private.Addr().String())
	}
	g.opened.Store(g.store)
	g.begin(ctx, "graphql", url+"graphql", "playground", url, "data", g.data)
	return g.serve(ctx, servers, streams)
}

// gateway is the parts that serving joins.
type gateway struct {
	c       *serveCommand
	logger  *slog.Logger
	local   bool   // only this machine can ask
	data    string // what is shown, for the log
	demo    string // likewise for the playground; empty where it is not demo data
	store   *store.Store
	client  *rest.Client
	cache   *cached.API
	mask    auth.Mask
	feed    *feed.Feed
	trusted *trusted.Documents // nil without any

	background sync.WaitGroup // goroutines that end with the context of serving

	// Observers of all calls and lookups, besides the operations' ledgers; nil is none.
	calls   func(context.Context, rest.Call)
	lookups func(context.Context, cached.Lookup)

	ready       admin.Readiness
	answered    chan struct{} // closed once the upstream has answered a call
	firstAnswer sync.Once     // closes it

	opened  atomic.Pointer[store.Store] // the store, once it is complete
	metrics *metrics.Metrics            // nil without an admin port
	tracing *tracing.Tracing            // nil without a collector
}

func (g *gateway) close() error {
	if g.feed != nil {
		g.feed.Close()
	}
	g.opened.Store(nil)
	if g.tracing != nil {
		if err := g.tracing.Close(); err != nil {
			g.logger.Warn("the last traces are lost", "error", err)
		}
	}
	if g.cache != nil {
		g.cache.Close()
	}
	if g.client != nil {
		g.client.Close()
	}
	g.background.Wait()
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
	} else {
		o.Answered = g.noteAnswer
	}
	o.Observe = both(ledger.Call, g.calls)
	if g.tracing != nil {
		o.Around = g.tracing.Transport
	}
	client, err := rest.New(o)
	if err != nil {
		return nil, badUpstream(err)
	}
	g.client = client
	if g.metrics != nil {
		g.metrics.Load(client.Load)
	}
	kept := cached.Options{Bytes: int64(g.c.CacheSize), Fresh: g.c.CacheFresh, Settle: g.c.CacheSettle, Catalogue: g.c.CacheCatalog, MaxStale: g.c.CacheStale, Observe: both(ledger.Lookup, g.lookups)}
	if g.store != nil {
		kept.Settle = 0 // an import may add events of any time to a store that is being served
	}
	if g.cache, err = cached.New(ledger.Budget(client), kept); err == nil && g.metrics != nil {
		g.metrics.Cache(g.cache.Use)
	}
	return g.cache, err
}

// both tells two observers, of which the second may be nil.
func both[T any](first, second func(context.Context, T)) func(context.Context, T) {
	if second == nil {
		return first
	}
	return func(ctx context.Context, v T) { first(ctx, v); second(ctx, v) }
}

// openStore opens the store that the settings name, or one with demo data.
func (g *gateway) openStore(ctx context.Context) (err error) {
	g.store, err = store.Open(ctx, store.Options{Path: g.c.Data, CacheBytes: int64(g.c.StoreMemory), MustExist: g.c.Data != "" && !g.c.Create})
	if errors.Is(err, store.ErrNoStore) {
		return badSetting("--data: %s is not there, or is empty: make and fill it by deliverygraph import --data %s FILE, name another file, or give --create to start with an empty store", shown(g.c.Data), g.c.Data)
	}
	if err != nil && g.c.Data != "" {
		return badFile("--data", err, "give a file such as metrics.db, in a folder that is there")
	} else if err != nil {
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
	var last []upstream.BounceDetail
	for b := range demo.Generate(now) {
		if _, err := g.store.Write(ctx, b); err != nil {
			return fmt.Errorf("make demo data: %w", err)
		}
		if len(b.Bounces) > 0 {
			last = b.Bounces
		}
	}
	g.background.Go(func() {
		if err := demo.Live(ctx, 4*time.Second, last, func(ctx context.Context, b store.Batch) error { _, err := g.store.Write(ctx, b); return err }); err != nil {
			g.logger.Error("failed", "error", err)
		}
	})
	g.data = "demo data"
	g.demo = "Made up when the gateway started, and gone when it stops. For data of your own start it with --data FILE or --upstream URL."
	g.logger.Info("this is demo data, made up at the start: give --data FILE or --upstream URL for data of your own", "made_in_ms", time.Since(now).Milliseconds())
	for line := range strings.Lines(demo.Describe(now)) {
		g.logger.Info(strings.TrimSpace(line))
	}
	return nil
}

// authenticator tells who callers are. Its files and URLs are kept up with until ctx
// ends.
func (g *gateway) authenticator(ctx context.Context) (auth.Authenticator, error) {
	s := g.c.Auth
	var keys, tokens auth.Authenticator
	switch {
	case s.PassThrough:
		return auth.PassThrough{}, nil
	case !s.asks():
		return auth.Open{}, nil
	}
	if s.Keys != "" {
		k, err := apikey.Open(s.Keys)
		if err != nil {
			return nil, badFile("--auth-keys", err, "give a file of the lines that deliverygraph key new prints")
		}
		go k.Follow(ctx, 2*time.Second, g.logger)
		keys = k
	}
	if s.JWKS != "" {
		o := token.Options{Algorithms: s.JWTAlgorithms, Issuer: s.JWTIssuer, Audience: s.JWTAudience, UsersClaim: s.JWTUsersClaim, ScopesClaim: s.JWTScopesClaim, Refresh: s.JWKSRefresh}
		open := token.Open
		if strings.Contains(s.JWKS, "://") {
			open = token.Fetch
		}
		t, err := open(ctx, s.JWKS, o, g.logger)
		if err != nil {
			return nil, badFile("--auth-jwks", err, "give a file of keys, or a URL such as https://login.example.com/.well-known/jwks.json")
		}
		tokens = t
	}
	switch {
	case keys == nil:
		return tokens, nil
	case tokens == nil:
		return keys, nil
	}
	return auth.KeysOrTokens{Keys: keys, Tokens: tokens}, nil
}

// clientOf is the upstream that a caller's calls go to: with the caller's own key where
// there is one.
func (g *gateway) clientOf(c auth.Caller) upstream.API {
	if c.UpstreamKey == "" {
		return g.client
	}
	client, err := g.client.WithKey(string(c.UpstreamKey))
	if err != nil { // no header can carry it, so none did
		return auth.Limit(g.client, auth.Caller{}, g.mask)
	}
	return client
}

// apiOf is the upstream as the caller of ctx sees it. Answers to a key of its own are
// kept apart.
func (g *gateway) apiOf(ctx context.Context, api upstream.API) upstream.API {
	c := auth.FromContext(ctx)
	if c.UpstreamKey != "" {
		api = g.cache.Over(c.Realm(), ledger.Budget(g.clientOf(c)))
	}
	return auth.Limit(g.question(api), c, g.mask)
}

// refuse turns away a request whose caller is not known.
func (g *gateway) refuse(w http.ResponseWriter, r *http.Request, err error) {
	g.logger.InfoContext(r.Context(), "refused", "outcome", operation.Refused, "from", r.RemoteAddr, "error", err)
	graph.Refuse(w, r, err)
}

// refuseInText turns away a request of a port that does not speak GraphQL.
func refuseInText(w http.ResponseWriter, _ *http.Request, err error) {
	http.Error(w, err.Error(), http.StatusForbidden)
}

// refusePath turns away a request for what is neither the endpoint nor of the playground:
// in GraphQL's form where the caller seems to look for the endpoint, else in text.
func refusePath(w http.ResponseWriter, r *http.Request) {
	message := fmt.Sprintf("there is nothing at %.100q: send operations to /graphql; the playground is at /", r.URL.Path)
	accept := strings.Join(r.Header.Values("Accept"), ",")
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead
	if strings.Contains(accept, "text/html") || reads && !strings.Contains(accept, "json") && !strings.HasPrefix(r.URL.Path, "/graphql/") {
		http.Error(w, message, http.StatusNotFound)
		return
	}
	graph.Refuse(w, r, &upstream.Error{Code: upstream.NotFound, Message: message})
}

// identify lets the caller of a WebSocket in, or not.
func (g *gateway) identify(ctx context.Context, who auth.Authenticator, h http.Header, init map[string]any) (context.Context, error) {
	caller, err := auth.IdentifySocket(ctx, who, h, init)
	if err != nil {
		g.logger.InfoContext(ctx, "refused", "error", err)
	}
	return caller, err
}

// check ends streams of callers who are no longer let in.
func (g *gateway) check(ctx context.Context) error {
	err := auth.Check(ctx)
	if err != nil {
		g.logger.InfoContext(ctx, "refused", "error", err)
	}
	return err
}

// handler is what the public port serves, until ctx ends.
func (g *gateway) handler(ctx context.Context, api upstream.API, who auth.Authenticator, streams *graph.Streams) (http.Handler, error) {
	planned, refused := func(int64, bool) {}, func(string) {}
	if g.metrics != nil {
		planned, refused = g.metrics.Planned, g.metrics.Refused
	}
	g.feed = feed.New(g.view, feed.Options{
		Interval: g.c.SubscriptionPoll, Overlap: g.c.SubscriptionOverlap, Topics: g.c.SubscriptionFilters,
		Subscribers: g.c.Subscriptions, PerCaller: g.c.SubscriptionsPerCaller,
		Refused: func() { refused(graph.ShedForStreams) },
	})
	schema := generated.NewExecutableSchema(resolvers.Root{Feed: g.feed}.Schema())
	batches := loaders.Extension{API: func(ctx context.Context) upstream.API { return g.apiOf(ctx, api) }, Now: time.Now}
	if g.tracing != nil {
		batches.Watch = g.tracing.Batch
	}
	explaining := explain.New(explain.Options{MaxCalls: g.c.MaxUpstreamCalls, Allowed: g.c.Explain == "on" || g.c.Explain == "auto" && g.local, Fresh: g.c.CacheFresh, Now: time.Now, Observe: planned})
	limits := ratelimit.New(ratelimit.NewLimiter(time.Now), g.c.CostPerMinute, refused)
	o := graph.Options{
		Extensions: []graphql.HandlerExtension{
			explaining,
			limits,
			batches,
			resolvers.Columns(),
		},
		CacheControl: explaining.CacheControl,
		Headers:      limits.Headers,
		Admit:        limits.Admit,
		Shed:         refused,
		Caller:       func(ctx context.Context) string { return auth.FromContext(ctx).Name },
		Identify: func(ctx context.Context, h http.Header, init map[string]any) (context.Context, error) {
			return g.identify(ctx, who, h, init)
		},
		Check: g.check,
		SocketsPerCaller: func(ctx context.Context) int {
			return cmp.Or(auth.FromContext(ctx).Limits.Streams, g.c.SubscriptionsPerCaller)
		},
		Vary:        []string{"Authorization", "X-API-Key", explain.Header},
		Logger:      g.logger,
		Observers:   g.observers(),
		Timeout:     g.c.Timeout,
		Heartbeat:   g.c.SubscriptionHeartbeat,
		HideSchema:  g.c.hidesSchema(),
		Streams:     streams,
		Trusted:     g.trusted,
		TrustedOnly: g.c.TrustedOnly,

		MaxBatch:      g.c.BatchLimit,
		MaxOperations: g.c.MaxOperations,
		MaxInFlight:   cmp.Or(int64(g.c.MaxInFlight), memory()/4),
	}
	endpoint := graph.NewHandler(schema, o)
	notice := ""
	switch {
	case g.c.Auth.JWKS != "":
		notice = `This gateway asks who you are: give your token under Headers, as {"Authorization": "Bearer TOKEN"}. `
	case g.c.Auth.asks():
		notice = `This gateway asks who you are: give your key under Headers, as {"X-API-Key": "KEY"}. `
	}
	if o.HideSchema {
		notice += "This gateway does not show its schema (--introspection), so that this page can neither complete nor document what is written."
	}
	page, err := playground.New(playground.Options{Endpoint: "graphql", Title: "DeliveryGraph", Demo: g.demo, Notice: notice, Tabs: playground.Examples(), NotFound: http.HandlerFunc(refusePath)})
	if err != nil {
		return nil, err
	}
	known := auth.Middleware(who, g.refuse, endpoint)
	asked := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if origins.IsSocket(r) { // the endpoint asks who it is when the socket is open
			endpoint.ServeHTTP(w, r)
			return
		}
		known.ServeHTTP(w, r)
	})
	var counted http.Handler = asked
	if g.c.CostPerMinute > 0 && !g.c.Auth.asks() {
		counted = ratelimit.ByAddress(asked)
	}
	mux := http.NewServeMux()
	public := g.watched(origins.New(g.c.CorsOrigins).Handler(counted, g.refuse))
	mux.Handle("/graphql", public)
	mux.Handle("/graphql/{$}", public)
	mux.Handle("/", page)
	return origins.Secure(mux), nil
}

// view is the upstream as a subscription's caller sees it: by the same door as for
// all operations, and past the cache, since polls look for what is new.
func (g *gateway) view(ctx context.Context) feed.View {
	c := auth.FromContext(ctx)
	return feed.View{
		API: auth.Limit(g.clientOf(c), c, g.mask), Context: auth.With(context.Background(), c), Key: c.View(),
		Caller: c.Name, Streams: c.Limits.Streams,
	}
}

// trust reads the trusted documents, and keeps up with them until ctx ends.
func (g *gateway) trust(ctx context.Context) (err error) {
	if g.c.TrustedDocuments == "" {
		return nil
	}
	check := graph.Checker(generated.NewExecutableSchema(resolvers.Schema()), graph.Options{HideSchema: g.c.hidesSchema()})
	if g.trusted, err = trusted.Open(g.c.TrustedDocuments, check); err != nil {
		return badFile("--trusted-documents", err, "give a folder of .graphql files, or a manifest such as persisted.json")
	}
	go g.trusted.Follow(ctx, 5*time.Second, g.logger)
	return nil
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
	writeTimeout := timeout + 30*time.Second
	return &server{listener: l, Server: http.Server{
		Handler:           web.LimitSlowBodies(h, writeTimeout),
		ReadHeaderTimeout: web.Grace,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
	}}
}

// serve serves all ports until ctx ends. From then on it is not ready, but goes on for
// the drain delay, so that load balancers see that. Then all ports close at once, the
// requests under way finish within the drain time, and streams are ended.
func (g *gateway) serve(ctx context.Context, servers []*server, streams *graph.Streams) error {
	failed := make(chan error, len(servers))
	for _, s := range servers {
		s.ErrorLog = slog.NewLogLogger(g.logger.Handler(), slog.LevelWarn)
		go func() {
			if s.TLSConfig != nil {
				failed <- s.ServeTLS(s.listener, "", "")
			} else {
				failed <- s.Serve(s.listener)
			}
		}()
	}
	var err error
	select {
	case err = <-failed:
	case <-ctx.Done():
		g.logger.Info("stopping", "drain_delay", g.c.DrainDelay, "drain_time", g.c.DrainTime)
		g.ready.Drain()
		select {
		case err = <-failed:
		case <-time.After(g.c.DrainDelay):
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), g.c.DrainTime)
	defer cancel()
	var draining sync.WaitGroup
	for _, s := range servers {
		draining.Go(func() {
			if s.Shutdown(ctx) != nil {
				g.logger.Warn("requests were cut off: they took longer than the drain time", "address", s.listener.Addr().String())
				_ = s.Close()
			}
		})
	}
	draining.Go(func() {
		if streams.Shutdown(ctx) != nil {
			g.logger.Warn("streams were cut off: they took longer than the drain time to end", "streams", streams.Open())
		}
	})
	draining.Wait()
	if err == nil {
		g.logger.Info("stopped")
	}
	return err
}
