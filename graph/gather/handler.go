package gather

import (
	"context"
	"log/slog"
	"math"
	"strconv"
	"sync"
	"time"
)

// Options say what a [Handler] writes.
type Options struct {
	// JSON has lines written as [slog.JSONHandler] does, else as [slog.TextHandler] does.
	JSON bool
	// Level is the least that is written; nil is [slog.LevelInfo].
	Level slog.Leveler
	// Of tell what the context of a line knows: of which trace, request, operation and
	// caller it is. The zero Attr is none.
	Of []func(context.Context) slog.Attr
}

// Handler is a log handler over a [Writer]. Its lines are those of slog's own handlers,
// byte for byte. What nearly all lines are made of it puts together itself, which takes
// a fifth of the time: attributes without groups, of plain texts and numbers. All others
// slog's handler writes.
type Handler struct {
	o     Options
	to    *Writer
	slog  slog.Handler
	plain bool // it has no attributes or groups of its own
}

var _ slog.Handler = (*Handler)(nil)

// NewHandler makes a handler. Warnings do not wait in the writer: they may be the last
// that is heard.
func NewHandler(to *Writer, o Options) *Handler {
	h := &Handler{o: o, to: to, plain: true}
	if settings := (&slog.HandlerOptions{Level: o.Level}); o.JSON {
		h.slog = slog.NewJSONHandler(to, settings)
	} else {
		h.slog = slog.NewTextHandler(to, settings)
	}
	return h
}

// Enabled implements [slog.Handler].
func (h *Handler) Enabled(_ context.Context, level slog.Level) bool {
	least := slog.LevelInfo
	if h.o.Level != nil {
		least = h.o.Level.Level()
	}
	return level >= least
}

// WithAttrs implements [slog.Handler].
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &Handler{h.o, h.to, h.slog.WithAttrs(attrs), false}
}

// WithGroup implements [slog.Handler].
func (h *Handler) WithGroup(name string) slog.Handler {
	return &Handler{h.o, h.to, h.slog.WithGroup(name), false}
}

// Handle implements [slog.Handler].
func (h *Handler) Handle(ctx context.Context, r slog.Record) error {
	if r.Level >= slog.LevelWarn {
		defer h.to.Flush()
	}
	if h.plain {
		l := begin(h.o.JSON, r.Time, r.Level, r.Message)
		r.Attrs(l.attr)
		if h.end(ctx, l, r.Time) {
			return nil
		}
	}
	known := false
	for _, of := range h.o.Of {
		if a := of(ctx); a.Key != "" {
			if !known {
				r, known = r.Clone(), true
			}
			r.AddAttrs(a)
		}
	}
	return h.slog.Handle(ctx, r)
}

// Log hands a handler a line. Of a plain one a [Handler] needs no record, which would be a
// copy of the attributes.
func Log(ctx context.Context, to slog.Handler, when time.Time, level slog.Level, message string, attrs ...slog.Attr) {
	if !to.Enabled(ctx, level) {
		return
	}
	if h, ok := to.(*Handler); ok && h.plain && level < slog.LevelWarn {
		l := begin(h.o.JSON, when, level, message)
		for i := range attrs {
			l.attr(attrs[i])
		}
		if h.end(ctx, l, when) {
			return
		}
	}
	r := slog.NewRecord(when, level, message, 0) // that this is where it is made tells nobody anything
	r.AddAttrs(attrs...)
	_ = to.Handle(ctx, r)
}

// end ends a line with what the context knows, and writes it if all of it is plain.
func (h *Handler) end(ctx context.Context, l *line, when time.Time) bool {
	for _, of := range h.o.Of {
		if a := of(ctx); a.Key != "" {
			l.attr(a)
		}
	}
	if l.json {
		l.text = append(l.text, '}')
	}
	l.text = append(l.text, '\n')
	plain := l.plain
	if plain {
		h.to.write(l.text, when)
	}
	lines.Put(l)
	return plain
}

// line is one that is put together.
type line struct {
	text   []byte
	json   bool
	plain  bool // so far
	second second
}

// second is one that is written, as most lines are of the same one as those before.
type second struct {
	unix int64
	in   *time.Location
	text []byte
}

// lines are used again.
var lines = sync.Pool{New: func() any { return &line{text: make([]byte, 0, 512)} }}

// begin begins a line.
func begin(json bool, when time.Time, level slog.Level, message string) *line {
	l := lines.Get().(*line)
	l.text, l.json, l.plain = l.text[:0], json, !when.IsZero()
	if l.json {
		l.text = append(l.text, '{')
	}
	l.key(slog.TimeKey)
	if l.json {
		l.text = append(l.text, '"')
		l.text = append(when.Round(0).AppendFormat(l.text, time.RFC3339Nano), '"')
	} else {
		l.milliseconds(when)
	}
	l.key(slog.LevelKey)
	l.string(level.String())
	l.key(slog.MessageKey)
	l.string(message)
	return l
}

// milliseconds writes a time with that many digits. The format with all digits is the one
// that is fast; a tenth more than whole keeps it from leaving out zeros at the end.
func (l *line) milliseconds(t time.Time) {
	const digits = len("2006-01-02T15:04:05.")
	s := &l.second
	if unix, in := t.Unix(), t.Location(); s.unix != unix || s.in != in || s.text == nil {
		s.unix, s.in = unix, in
		s.text = t.Truncate(time.Second).Add(time.Millisecond/10).AppendFormat(s.text[:0], time.RFC3339Nano)
		s.text = append(s.text[:digits+3], s.text[digits+4:]...)
	}
	l.text = append(l.text, s.text...)
	ms := t.Nanosecond() / int(time.Millisecond)
	written := l.text[len(l.text)-len(s.text)+digits:]
	written[0], written[1], written[2] = byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10)
}

// attr writes an attribute, and says whether the line is still plain.
func (l *line) attr(a slog.Attr) bool {
	if a.Key == "" { // which may be left out, or be a group's that is not shown
		l.plain = false
		return false
	}
	l.key(a.Key)
	switch v := a.Value; v.Kind() {
	case slog.KindString:
		l.string(v.String())
	case slog.KindInt64:
		l.text = strconv.AppendInt(l.text, v.Int64(), 10)
	case slog.KindFloat64:
		l.float(v.Float64())
	case slog.KindAny:
		l.any(v.Any())
	default:
		l.plain = false
	}
	return l.plain
}

func (l *line) key(name string) {
	if end := len(l.text); end > 0 && l.text[end-1] != '{' {
		separator := byte(' ')
		if l.json {
			separator = ','
		}
		l.text = append(l.text, separator)
	}
	l.string(name)
	if l.json {
		l.text = append(l.text, ':')
	} else {
		l.text = append(l.text, '=')
	}
}

// string writes a text that needs no escapes.
func (l *line) string(s string) {
	all := byte(0)
	for i := range len(s) {
		all |= kinds[s[i]]
	}
	switch {
	case all&escaped != 0:
		l.plain = false
	case all&quoted != 0 || l.json || s == "":
		l.text = append(l.text, '"')
		l.text = append(append(l.text, s...), '"')
	default:
		l.text = append(l.text, s...)
	}
}

// What a text with a byte needs.
const (
	quoted  = 1 << iota // quotes, where it is not JSON
	escaped             // more than that, perhaps
)

// kinds are those of all bytes.
var kinds = func() (of [256]byte) {
	for b := range of {
		switch {
		case b < ' ' || b > '~' || b == '"' || b == '\\':
			of[b] = escaped
		case b == ' ' || b == '=':
			of[b] = quoted
		}
	}
	return of
}()

func (l *line) float(f float64) {
	switch {
	case !l.json:
		l.text = strconv.AppendFloat(l.text, f, 'g', -1, 64)
	case f == 0 || math.Abs(f) >= 1e-6 && math.Abs(f) < 1e21: // else JSON has exponents
		l.text = strconv.AppendFloat(l.text, f, 'f', -1, 64)
	default:
		l.plain = false
	}
}

// any writes the map of numbers that has none, as most operations have no errors.
func (l *line) any(v any) {
	m, ok := v.(map[string]int)
	switch {
	case !ok || len(m) > 0:
		l.plain = false
	case !l.json:
		l.text = append(l.text, "map[]"...)
	case m == nil:
		l.text = append(l.text, "null"...)
	default:
		l.text = append(l.text, "{}"...)
	}
}
