package auth

import (
	"context"
	"log/slog"
)

// LogAttr is the name of the caller whose request ctx is of, as "caller", for lines of
// the log; the zero Attr where there is none.
func LogAttr(ctx context.Context) slog.Attr {
	if name := FromContext(ctx).Name; name != "" {
		return slog.String("caller", name)
	}
	return slog.Attr{}
}
