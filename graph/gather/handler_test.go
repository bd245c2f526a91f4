package gather_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"deliverygraph/graph/gather"
)

// both are a handler and what slog's own writes in its place.
func both(json bool, level slog.Level) (log, want *bytes.Buffer, lines *gather.Writer, ours, slogs slog.Handler) {
	log, want = new(bytes.Buffer), new(bytes.Buffer)
	lines = gather.New(log)
	ours = gather.NewHandler(lines, gather.Options{JSON: json, Level: level})
	slogs = slog.NewTextHandler(want, &slog.HandlerOptions{Level: level})
	if json {
		slogs = slog.NewJSONHandler(want, &slog.HandlerOptions{Level: level})
	}
	return log, want, lines, ours, slogs
}

// Whatever a line has, it is what slog writes.
func TestLinesAreSlogs(t *testing.T) {
	t.Parallel()
	text := rapid.OneOf(rapid.StringMatching(`[ -~]{0,12}`), rapid.StringMatching(`[a-z_=:#-]{0,12}`), rapid.String())
	value := rapid.Custom(func(t *rapid.T) slog.Value {
		switch rapid.IntRange(0, 9).Draw(t, "kind") {
		case 0, 1, 2:
			return slog.StringValue(text.Draw(t, "text"))
		case 3:
			return slog.Int64Value(rapid.Int64().Draw(t, "number"))
		case 4:
			return slog.Float64Value(float64(rapid.Int64Range(0, 1e12).Draw(t, "thousandths")) / 1000)
		case 5:
			return slog.Float64Value(rapid.OneOf(rapid.Float64(), rapid.Just(math.NaN()), rapid.Just(math.Inf(-1))).Draw(t, "float"))
		case 6:
			return slog.AnyValue(rapid.SampledFrom([]map[string]int{nil, {}, {"INTERNAL": 1}, {"A b": 2, `"`: 3}}).Draw(t, "codes"))
		case 7:
			return slog.GroupValue(slog.String("a", "b"))
		case 8:
			return slog.AnyValue(errors.New(text.Draw(t, "error")))
		}
		return slog.AnyValue(rapid.SampledFrom([]any{nil, true, time.Second, time.Unix(7, 8), slog.LevelInfo, []byte("a b")}).Draw(t, "value"))
	})
	rapid.Check(t, func(t *rapid.T) {
		zone := time.FixedZone("", rapid.IntRange(-12, 12).Draw(t, "zone")*3600)
		seconds := rapid.OneOf(rapid.Int64Range(0, 4e9), rapid.Int64Range(1479772800, 1479772801)) // some are met again
		when := time.Unix(seconds.Draw(t, "seconds"), rapid.Int64Range(0, 999_999_999).Draw(t, "nanoseconds")).In(zone)
		if rapid.IntRange(0, 9).Draw(t, "timeless") == 0 {
			when = time.Time{}
		}
		r := slog.NewRecord(when, rapid.SampledFrom([]slog.Level{slog.LevelInfo, slog.LevelWarn, slog.LevelDebug, 2}).Draw(t, "level"), text.Draw(t, "message"), 0)
		var attrs []slog.Attr
		for range rapid.IntRange(0, 12).Draw(t, "attributes") {
			attrs = append(attrs, slog.Attr{Key: text.Draw(t, "key"), Value: value.Draw(t, "value")})
		}
		r.AddAttrs(attrs...)
		log, want, lines, ours, slogs := both(rapid.Bool().Draw(t, "JSON"), slog.LevelInfo)
		switch rapid.IntRange(0, 9).Draw(t, "of its own") {
		case 0:
			ours, slogs = ours.WithGroup("g"), slogs.WithGroup("g")
		case 1:
			ours, slogs = ours.WithAttrs([]slog.Attr{slog.Int("n", 1)}), slogs.WithAttrs([]slog.Attr{slog.Int("n", 1)})
		}
		gather.Log(t.Context(), ours, when, r.Level, r.Message, attrs...)
		if !slogs.Enabled(t.Context(), r.Level) {
			lines.Flush()
			if log.Len() > 0 {
				t.Fatalf("%q", log)
			}
		} else if slogs.Handle(t.Context(), r) != nil || ours.Handle(t.Context(), r.Clone()) != nil || slogs.Handle(t.Context(), r) != nil {
			t.Fatal("an error")
		}
		lines.Flush()
		if log.String() != want.String() {
			t.Fatalf("%q, and slog writes %q", log, want)
		}
	})
}

// What the context knows follows what the line says, plain or not.
func TestLinesTellWhatTheirContextsKnow(t *testing.T) {
	t.Parallel()
	type key struct{}
	var log bytes.Buffer
	lines := gather.New(&log)
	of := func(ctx context.Context) slog.Attr {
		name, _ := ctx.Value(key{}).(string)
		if name == "" {
			return slog.Attr{}
		}
		return slog.String("operation", name)
	}
	l := slog.New(gather.NewHandler(lines, gather.Options{Of: []func(context.Context) slog.Attr{of, of}}))
	l.InfoContext(context.WithValue(t.Context(), key{}, "#7"), "one", "n", 1)
	l.InfoContext(context.WithValue(t.Context(), key{}, "größe"), "two", "n", 2)
	l.InfoContext(t.Context(), "three", "n", 3)
	l.DebugContext(t.Context(), "four")
	lines.Flush()
	var got []string
	for line := range strings.Lines(log.String()) {
		_, rest, _ := strings.Cut(line, " ")
		got = append(got, rest)
	}
	want := []string{"level=INFO msg=one n=1 operation=#7 operation=#7\n", "level=INFO msg=two n=2 operation=größe operation=größe\n", "level=INFO msg=three n=3\n"}
	if strings.Join(got, "") != strings.Join(want, "") {
		t.Errorf("%q, want %q", got, want)
	}
}

// A warning is written at once, whatever waits.
func TestWarningsDoNotWait(t *testing.T) {
	t.Parallel()
	var log writes
	l := slog.New(gather.NewHandler(gather.New(&log), gather.Options{}))
	l.Info("one")
	l.Info("two")
	l.Warn("three")
	if got := log.seen(); strings.Count(got, "msg=") != 3 {
		t.Errorf("%q", got)
	}
}

// discard is a writer to nowhere.
type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

func operation(ctx context.Context, h slog.Handler, when time.Time) {
	gather.Log(ctx, h, when, slog.LevelInfo, "operation",
		slog.String("type", "query"), slog.String("name", ""), slog.String("hash", "0123456789abcdef0123456789abcdef"), slog.String("outcome", "ok"),
		slog.Float64("duration_ms", 0.123), slog.Float64("waited_ms", 0), slog.Int("asked", 0), slog.Int("bytes", 22), slog.Int("errors", 0), slog.Any("codes", map[string]int(nil)))
}

// A plain line takes no memory.
func TestAllocations(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector allocates")
	}
	h := gather.NewHandler(gather.New(discard{}), gather.Options{Of: []func(context.Context) slog.Attr{func(context.Context) slog.Attr { return slog.String("request_id", "ABC") }}})
	if n := testing.AllocsPerRun(100, func() { operation(context.Background(), h, time.Now()) }); n > 0.5 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkLine(b *testing.B) {
	for name, h := range map[string]slog.Handler{
		"gather": gather.NewHandler(gather.New(discard{}), gather.Options{}),
		"slog":   slog.NewTextHandler(gather.New(discard{}), nil),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				operation(context.Background(), h, time.Now())
			}
		})
	}
}
