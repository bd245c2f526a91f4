package ledger

import (
	"context"
	"log/slog"
)

// LogAttr returns the name of ctx's operation as the attribute "operation", or the zero Attr if there is none.
func LogAttr(ctx context.Context) slog.Attr {
	if l := From(ctx); l != nil && l.o.Operation != "" {
		return slog.String("operation", l.o.Operation)
	}
	return slog.Attr{}
}
