package graph

import (
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

// Options set up the endpoint. Zero values mean the defaults named here.
type Options struct {
	// Extensions see every operation, in this order (see extension.go): the
	// loaders, for one.
	Extensions []graphql.HandlerExtension
	// CacheControl gives the header of that name for the answer to a GET whose operation
	// has run without an error, by the operation's context; "" leaves it out. All other
	// answers to GET say no-store, and so do all where this is nil.
	CacheControl func(ctx context.Context) string
	// Admit is asked before a request's document is looked at; an error refuses the
	// request. Nil admits all.
	Admit func(ctx context.Context) error
	// Shed, if not nil, is told of each that is turned away, and why: a request as there is
	// as much in hand as there may be ([ShedForLoad]), a subscription, a WebSocket or an
	// operation of one as there are as many as there may be ([ShedForStreams]).
	Shed func(reason string)
	// Caller names whose operation the context's is, so that no caller has more than half of
	// MaxOperations under way, or of MaxInFlight waiting to be sent; of those whose name is
	// empty, and where this is nil, any may.
	Caller func(ctx context.Context) string
	// Rows tells how many rows the answer to the context's operation may have, once the
	// Extensions have prepared it: that much room must be there before it runs. Nil is none.
	Rows func(ctx context.Context) int64
	// Headers sets headers of every answer to a request that was read, by the request's
	// context; nil sets none.
	Headers func(ctx context.Context, h http.Header)
	// Vary names the request headers that answers depend on, besides Accept.
	Vary []string
	// Logger takes one line an operation, and one for each code of its failures; nil
	// discards.
	Logger *slog.Logger
	// Observers watch every operation that is asked for, also those that are refused.
	Observers []telemetry.Observer
	// Timeout bounds an operation, and of a subscription, which has no end of its own, each
	// event; 0 is 30 s.
	Timeout time.Duration
	// Streams are the subscriptions and WebSockets that are open, to bound and to end them;
	// nil is up to 10,000 of each that nobody ends.
	Streams *Streams
	// Identify gives the context of a WebSocket's caller, by the context and the headers of
	// its request and by the payload of its connection_init, where there is one; nil takes
	// the request's context. An error, as resolvers have them, closes the socket.
	Identify func(ctx context.Context, h http.Header, init map[string]any) (context.Context, error)
	// Check says whether the context's caller may go on, at every heartbeat of a stream and
	// before each operation of a WebSocket; an error, likewise, ends it. Nil lets all go
	// on.
	Check func(ctx context.Context) error
	// SocketsPerCaller is how many WebSockets the context's caller may have open, if Caller
	// names it; 0, and nil, is any number.
	SocketsPerCaller func(ctx context.Context) int
	// SocketOperations bounds the operations that one WebSocket has under way; 0 is 100.
	SocketOperations int
	// InitTimeout is how long a WebSocket may take to send connection_init; 0 is 10 s.
	InitTimeout time.Duration
	// Heartbeat is how often a stream that has nothing to tell is shown to be alive; 0 is
	// 15 s.
	Heartbeat time.Duration
	// MaxBody bounds a request's body, and a WebSocket's message, in bytes; 0 is 1 MiB.
	MaxBody int64
	// MaxBatch bounds the requests that the body of one POST may hold in an array; 0 takes
	// no arrays.
	MaxBatch int
	// MaxTokens bounds the tokens of a document; 0 is 10,000.
	MaxTokens int
	// MaxDefinitions bounds the operations and fragments of a document; 0 is 250.
	MaxDefinitions int
	// MaxDepth bounds the levels of fields of an operation; 0 is 16. Introspection may
	// have 20.
	MaxDepth int
	// MaxRootFields bounds the fields at the root of an operation; 0 is 50.
	MaxRootFields int
	// MaxFields bounds the fields of an operation, those of fragments counted wherever
	// they are spread; 0 is 2,000.
	MaxFields int
	// MaxAliases bounds the aliases of an operation, counted likewise; 0 is 250.
	MaxAliases int
	// MaxDirectives bounds the directives of an operation, counted likewise; 0 is 250.
	MaxDirectives int
	// MaxIntrospection bounds the fields of an answer to introspection; 0 is 20,000, and the
	// whole schema, as tools ask for it, has 4,000.
	MaxIntrospection int
	// MaxErrors bounds the errors of one answer; 0 is 100.
	MaxErrors int
	// HideSchema refuses introspection, and leaves out of messages what might have been
	// meant.
	HideSchema bool
	// MaxOperations bounds the operations under way at once, without subscriptions; 0 is
	// 64 for each processor. More wait a second for their turn.
	MaxOperations int
	// MaxInFlight bounds the bytes of requests being read and of answers being made or waiting to
	// be sent, of all callers together; 0 is 256 MiB.
	MaxInFlight int64
	// PersistedBytes bounds the memory for documents that callers may ask for by the hash
	// of their text after having sent them once; 0 is 8 MiB.
	PersistedBytes int64
	// Trusted are documents that may be asked for by their ids; nil is none. With
	// TrustedOnly no others are taken.
	Trusted     *TrustedDocuments
	TrustedOnly bool
	// QueryCacheBytes bounds the memory for parsed documents; 0 is 16 MiB.
	QueryCacheBytes int64
}

// The reasons that [Options.Shed] is told.
const (
	ShedForLoad    = "load"
	ShedForStreams = "streams"
)

func (o *Options) setDefaults() {
	orElse(&o.Timeout, 30*time.Second)
	orElse(&o.Heartbeat, 15*time.Second)
	orElse(&o.SocketOperations, 100)
	orElse(&o.InitTimeout, 10*time.Second)
	orElse(&o.MaxBody, 1<<20)
	orElse(&o.MaxTokens, 10_000)
	orElse(&o.MaxDefinitions, 250)
	orElse(&o.MaxDepth, 16)
	orElse(&o.MaxRootFields, 50)
	orElse(&o.MaxFields, 2_000)
	orElse(&o.MaxAliases, 250)
	orElse(&o.MaxDirectives, 250)
	orElse(&o.MaxIntrospection, 20_000)
	orElse(&o.MaxErrors, 100)
	orElse(&o.MaxOperations, 64*runtime.GOMAXPROCS(0))
	orElse(&o.MaxInFlight, 256<<20)
	orElse(&o.PersistedBytes, 8<<20)
	orElse(&o.QueryCacheBytes, 16<<20)
	if o.Streams == nil {
		o.Streams = NewStreams(10_000)
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
}

func orElse[T comparable](v *T, otherwise T) {
	var zero T
	if *v == zero {
		*v = otherwise
	}
}

// NewHandler serves the schema over HTTP: GET, HEAD and POST as the GraphQL-over-HTTP
// draft has them, subscriptions as server-sent events (the distinct connections mode of
// graphql-sse), and all of them over WebSockets (graphql-transport-ws). Pages of which
// origins may open a WebSocket is not its matter.
func NewHandler(schema graphql.ExecutableSchema, o Options) http.Handler {
	o.setDefaults()
	h := &handler{engine: newEngine(schema, o.Extensions), documents: newDocuments(schema.Schema(), &o), persisted: newPersisted(&o), load: newLoad(&o), vary: strings.Join(append([]string{"Accept"}, o.Vary...), ", "), o: o}
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
