package graph

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/maypok86/otter/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

// queryCache keeps parsed and validated documents by their text, bounded in
// bytes: a bound in entries lets 1,000 large documents keep hundreds of megabytes.
type queryCache struct {
	c *otter.Cache[string, *ast.QueryDocument]
}

// docBytesPerByte is what a parsed document holds for each byte of its text:
// measured 30 to 370 over small and large documents.
const docBytesPerByte = 200

var _ graphql.Cache[*ast.QueryDocument] = queryCache{}

func newQueryCache(bytes int64) queryCache {
	return queryCache{otter.Must(&otter.Options[string, *ast.QueryDocument]{
		MaximumWeight: uint64(bytes),
		Weigher:       func(text string, _ *ast.QueryDocument) uint32 { return uint32(len(text) * docBytesPerByte) },
	})}
}

func (q queryCache) Get(_ context.Context, text string) (*ast.QueryDocument, bool) {
	return q.c.GetIfPresent(text)
}

func (q queryCache) Add(_ context.Context, text string, doc *ast.QueryDocument) { q.c.Set(text, doc) }
