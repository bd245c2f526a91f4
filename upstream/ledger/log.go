package ledger

import (
	"context"
	"log/slog"
)

// Logged is the handler for a log whose lines name the operation that they belong to.
func Logged(h slog.Handler) slog.Handler { return logged{h} }

type logged struct{ slog.Handler }

// Handle adds the operation to the record.
func (h logged) Handle(ctx context.Context, r slog.Record) error {
	if l := From(ctx); l != nil && l.o.Operation != "" {
		r = r.Clone()
		r.AddAttrs(slog.String("operation", l.o.Operation))
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs implements [slog.Handler].
func (h logged) WithAttrs(attrs []slog.Attr) slog.Handler {
	return logged{h.Handler.WithAttrs(attrs)}
}

// WithGroup implements [slog.Handler].
func (h logged) WithGroup(name string) slog.Handler { return logged{h.Handler.WithGroup(name)} }
