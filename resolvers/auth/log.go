package auth

import (
	"context"
	"log/slog"
)

// Logged gives a handler that adds to each record the name of the caller whose request
// it is of, as "caller", where there is one.
func Logged(h slog.Handler) slog.Handler { return logged{h} }

type logged struct{ slog.Handler }

// Handle adds the caller's name.
func (l logged) Handle(ctx context.Context, r slog.Record) error {
	if name := FromContext(ctx).Name; name != "" {
		r = r.Clone()
		r.AddAttrs(slog.String("caller", name))
	}
	return l.Handler.Handle(ctx, r)
}

// WithAttrs keeps adding it.
func (l logged) WithAttrs(attrs []slog.Attr) slog.Handler { return logged{l.Handler.WithAttrs(attrs)} }

// WithGroup keeps adding it.
func (l logged) WithGroup(name string) slog.Handler { return logged{l.Handler.WithGroup(name)} }
