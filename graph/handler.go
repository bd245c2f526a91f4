package graph

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/99designs/gqlgen/graphql/handler/extension"
)

// Options set up the endpoint. Zero values mean the defaults named here.
type Options struct {
	// Extensions see every operation, in this order: the loaders, for one.
	Extensions []graphql.HandlerExtension
	// Logger takes one line an operation, and one for each code of its failures; nil
	// discards.
	Logger *slog.Logger
	// Timeout bounds an operation; 0 is 30 s.
	Timeout time.Duration
	// MaxBody bounds a request's body in bytes; 0 is 1 MiB.
	MaxBody int64
	// MaxTokens bounds the tokens of a document; 0 is 10,000.
	MaxTokens int
	// MaxErrors bounds the errors of one answer; 0 is 100.
	MaxErrors int
	// QueryCacheBytes bounds the memory for parsed documents; 0 is 16 MiB.
	QueryCacheBytes int64
}

func (o *Options) setDefaults() {
	orElse(&o.Timeout, 30*time.Second)
	orElse(&o.MaxBody, 1<<20)
	orElse(&o.MaxTokens, 10_000)
	orElse(&o.MaxErrors, 100)
	orElse(&o.QueryCacheBytes, 16<<20)
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

// NewHandler serves the schema over HTTP: GET and POST as the GraphQL-over-HTTP
// draft has them.
func NewHandler(schema graphql.ExecutableSchema, o Options) http.Handler {
	o.setDefaults()
	exec := executor.New(schema)
	exec.SetErrorPresenter(present)
	exec.SetRecoverFunc(recovered)
	exec.SetQueryCache(readAlready{})
	exec.Use(extension.Introspection{})
	for _, e := range o.Extensions {
		exec.Use(e)
	}
	return &handler{exec: exec, documents: newDocuments(schema.Schema(), o.MaxTokens, o.QueryCacheBytes), o: o}
}
