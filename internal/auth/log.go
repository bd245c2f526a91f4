package auth

import (
	"context"
	"log/slog"
)

// LogAttr returns the name of the context's caller as the attribute "caller", or the zero Attr if there is none.
func LogAttr(ctx context.Context) slog.Attr {
	if name := FromContext(ctx).Name; name != "" {
		return slog.String("caller", name)
	}
	return slog.Attr{}
}
