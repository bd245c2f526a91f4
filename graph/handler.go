package graph

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"runtime"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"deliverygraph/internal/telemetry"
	"deliverygraph/internal/web"
)

// Options configures the endpoint. Zero values select the defaults named here.
type Options struct {
	// Extensions take part in every operation, in this order (see engine.go).
	Extensions []Extension
	// CacheControl returns the Cache-Control header for the response to a GET whose operation ran without errors, from
	// the operation's context; "" sends no header. All other responses to GET say no-store, and so do all if
	// CacheControl is nil.
	CacheControl func(ctx context.Context) string
	// Admit is called before a request's document is read; an error refuses the request. Nil admits all requests.
	Admit func(ctx context.Context) error
	// Shed, if not nil, is called for each request refused because the server is overloaded ([ShedForLoad]) and for
	// each subscription, WebSocket or operation on a WebSocket refused because too many are open ([ShedForStreams]).
	Shed func(reason string)
	// Caller returns the name of the context's caller. A named caller gets at most half of MaxOperations, and of
	// MaxInFlight for responses that wait to be sent. Unnamed callers, and all if Caller is nil, have no share of their
	// own.
	Caller func(ctx context.Context) string
	// Rows returns how many rows the response to the context's operation may have, once the Extensions have prepared
	// it. The operation waits for room for them before it runs. Nil reserves none.
	Rows func(ctx context.Context) int64
	// Waited returns how long the context's operation has waited for the metrics API, and how many calls it made, for
	// the observers and the log. Nil reports none.
	Waited func(ctx context.Context) (waited time.Duration, asked int)
	// Headers sets headers of every response to a request that was read, from its caller's context; nil sets none.
	Headers func(ctx context.Context, h http.Header)
	// Vary names the request headers that responses depend on, besides Accept.
	Vary []string
	// Logger gets one line per operation, and one for each error code among its failures; nil discards them.
	Logger *slog.Logger
	// Observers watch every operation, including refused ones.
	Observers []telemetry.Observer
	// Timeout limits an operation. A subscription has no limit of its own; Timeout limits each of its events. 0 is 30
	// s.
	Timeout time.Duration
	// Streams counts, limits and ends the open subscriptions and WebSockets; nil allows 10,000 of each and never ends
	// them.
	Streams *Streams
	// Identify returns the context of a request's caller, from the request's context, the request and, if it is for a
	// WebSocket, the payload of connection_init, if any. Nil takes the request's context. An error, presented like one
	// of a resolver, refuses the request or closes the WebSocket.
	Identify func(ctx context.Context, r *http.Request, init map[string]any) (context.Context, error)
	// Challenge is the WWW-Authenticate header of the response to a request that Identify refuses as unauthenticated.
	Challenge string
	// Check reports whether the context's caller may continue. It is called at every heartbeat of a stream and before
	// each operation on a WebSocket. An error, like one of a resolver, ends the stream. Nil lets all callers continue.
	Check func(ctx context.Context) error
	// SocketsPerCaller is how many WebSockets the context's caller may have open, if Caller names it; 0 or nil is no
	// limit.
	SocketsPerCaller func(ctx context.Context) int
	// SocketOperations limits the operations running on one WebSocket; 0 is 100.
	SocketOperations int
	// InitTimeout is how long a WebSocket may take to send connection_init; 0 is 10 s.
	InitTimeout time.Duration
	// Heartbeat is how often a stream sends a sign of life; 0 is 15 s.
	Heartbeat time.Duration
	// MaxBody limits a request's body, and a WebSocket's message, in bytes; 0 is 1 MiB.
	MaxBody int64
	// MaxBatch limits the requests in the array of one POST; 0 refuses arrays.
	MaxBatch int
	// MaxTokens limits the tokens of a document; 0 is 10,000.
	MaxTokens int
	// MaxDefinitions limits the operations and fragments of a document; 0 is 250.
	MaxDefinitions int
	// MaxDepth limits the nesting of fields in an operation; 0 is 16. Introspection may be nested 20 levels.
	MaxDepth int
	// MaxRootFields limits the fields at the root of an operation; 0 is 50.
	MaxRootFields int
	// MaxFields limits the fields of an operation, where a fragment counts each time it is spread; 0 is 2,000.
	MaxFields int
	// MaxAliases limits the aliases of an operation, counted likewise; 0 is 250.
	MaxAliases int
	// MaxDirectives limits the directives of an operation, counted likewise; 0 is 250.
	MaxDirectives int
	// MaxIntrospection limits the fields in the response to introspection; 0 is 20,000. The standard introspection
	// query of tools gets 4,000.
	MaxIntrospection int
	// MaxErrors limits the errors in one response; 0 is 100.
	MaxErrors int
	// HideSchema refuses introspection, and leaves suggestions of similar names out of messages.
	HideSchema bool
	// MaxOperations limits the operations running at once, without subscriptions; 0 is 64 per processor. Further ones
	// wait up to a second.
	MaxOperations int
	// MaxInFlight limits the bytes of requests being read and of responses being made or waiting to be sent, of all
	// callers together; 0 is 256 MiB.
	MaxInFlight int64
	// PersistedBytes limits the memory for automatic persisted queries: documents that callers send once and then
	// request by hash; 0 is 8 MiB.
	PersistedBytes int64
	// Trusted are documents that callers may request by id; nil is none. TrustedOnly refuses all others.
	Trusted     *TrustedDocuments
	TrustedOnly bool
	// QueryCacheBytes limits the memory for parsed documents; 0 is 16 MiB.
	QueryCacheBytes int64
}

// The reasons passed to [Options.Shed].
const (
	ShedForLoad    = "load"
	ShedForStreams = "streams"
)

func (o *Options) setDefaults() {
	o.Timeout = cmp.Or(o.Timeout, 30*time.Second)
	o.Heartbeat = cmp.Or(o.Heartbeat, 15*time.Second)
	o.SocketOperations = cmp.Or(o.SocketOperations, 100)
	o.InitTimeout = cmp.Or(o.InitTimeout, 10*time.Second)
	o.MaxBody = cmp.Or(o.MaxBody, 1<<20)
	o.MaxTokens = cmp.Or(o.MaxTokens, 10_000)
	o.MaxDefinitions = cmp.Or(o.MaxDefinitions, 250)
	o.MaxDepth = cmp.Or(o.MaxDepth, 16)
	o.MaxRootFields = cmp.Or(o.MaxRootFields, 50)
	o.MaxFields = cmp.Or(o.MaxFields, 2_000)
	o.MaxAliases = cmp.Or(o.MaxAliases, 250)
	o.MaxDirectives = cmp.Or(o.MaxDirectives, 250)
	o.MaxIntrospection = cmp.Or(o.MaxIntrospection, 20_000)
	o.MaxErrors = cmp.Or(o.MaxErrors, 100)
	o.MaxOperations = cmp.Or(o.MaxOperations, 64*runtime.GOMAXPROCS(0))
	o.MaxInFlight = cmp.Or(o.MaxInFlight, 256<<20)
	o.PersistedBytes = cmp.Or(o.PersistedBytes, 8<<20)
	o.QueryCacheBytes = cmp.Or(o.QueryCacheBytes, 16<<20)
	if o.Streams == nil {
		o.Streams = NewStreams(10_000)
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
}

// NewHandler serves the schema over HTTP: GET, HEAD and POST as in the GraphQL-over-HTTP draft, subscriptions also as
// server-sent events (the distinct connections mode of graphql-sse), and all operations over WebSockets
// (graphql-transport-ws). It does not check the Origin of WebSockets; its caller must.
func NewHandler(schema graphql.ExecutableSchema, o Options) http.Handler {
	o.setDefaults()
	h := &handler{
		engine:    newEngine(schema, o.Extensions),
		documents: newDocuments(schema.Schema(), &o),
		persisted: newPersisted(&o),
		load:      newLoad(&o),
		vary:      strings.Join(append([]string{"Accept"}, o.Vary...), ", "),
		o:         o,
	}
	answering := compressed(h)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if web.IsSocket(r) {
			h.serveSocket(w, r)
			return
		}
		if r.Method == http.MethodHead {
			w, r = asGet(w, r)
		}
		answering.ServeHTTP(w, r)
	})
}
