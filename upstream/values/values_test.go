package values_test

import (
	"context"
	"testing"

	"pgregory.net/rapid"

	"deliverygraph/upstream/values"
)

type key struct{}

type number int

// Whatever is put in, in contexts with room, without and in between, is found as it is
// with context.WithValue.
func TestValues(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		got, want := context.Background(), context.Background()
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			switch rapid.IntRange(0, 9).Draw(t, "step") {
			case 0:
				got = values.New(got)
			case 1:
				values.Seal(got)
			case 2:
				ctx, cancel := context.WithCancel(got)
				defer cancel()
				got = ctx
			default:
				k, v := number(rapid.IntRange(0, 20).Draw(t, "key")), rapid.Int().Draw(t, "value")
				got, want = values.With(got, k, v), context.WithValue(want, k, v)
			}
			for k := range number(21) {
				if g, w := got.Value(k), want.Value(k); g != w {
					t.Fatalf("%d is %v, want %v", k, g, w)
				}
			}
		}
	})
}

// A context that is sealed is never changed.
func TestSealed(t *testing.T) {
	t.Parallel()
	c := values.New(t.Context())
	if values.With(c, key{}, 1) != context.Context(c) {
		t.Error("a value has a context of its own")
	}
	values.Seal(c)
	below := values.New(c)
	if values.With(c, key{}, 2) == context.Context(c) || c.Value(key{}) != 1 || below.Value(key{}) != 1 {
		t.Error("a sealed context is changed")
	}
	values.With(below, key{}, 3)
	values.Seal(below)
	if ctx := values.With(below, key{}, 4); ctx.Value(key{}) != 4 || below.Value(key{}) != 3 || c.Value(key{}) != 1 {
		t.Error("a sealed context is changed")
	}
}

// There is no context but the one for all values.
func TestAllocations(t *testing.T) {
	v := new(int)
	if n := testing.AllocsPerRun(100, func() {
		ctx := context.Context(values.New(context.Background()))
		for _, k := range []any{key{}, 1, 2, 3, 4, 5} {
			ctx = values.With(ctx, k, v)
		}
	}); n != 1 {
		t.Errorf("%v allocations", n)
	}
}
