package ledger

import (
	"context"
	"log/slog"
)

// LogAttr is the operation that ctx is of, as "operation", for lines of the log; the
// zero Attr where there is none.
func LogAttr(ctx context.Context) slog.Attr {
	if l := From(ctx); l != nil && l.o.Operation != "" {
		return slog.String("operation", l.o.Operation)
	}
	return slog.Attr{}
}
