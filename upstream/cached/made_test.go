package cached

import (
	"fmt"
	"testing"
	"time"
)

// What is made of answers is kept from the second time on that it is asked for: what is
// asked for once is not worth its room.
func TestWhatIsMadeTwiceIsKept(t *testing.T) {
	t.Parallel()
	type key struct{ of int }
	a := open(t, pages{rows: 1}, Options{Bytes: 1 << 20, Fresh: time.Hour})
	made := 0
	ask := func(k any) any {
		return a.Made(k, func() (any, int) {
			made++
			return fmt.Sprint("made ", k), 100
		})
	}
	for i, want := range []any{nil, "made {7}", "made {7}", "made {7}"} {
		if got := ask(key{7}); got != want {
			t.Errorf("the time %d gave %v, want %v", i+1, got, want)
		}
	}
	if got := ask(7); got != nil {
		t.Errorf("a key of another type gave %v", got)
	}
	if made != 1 {
		t.Errorf("it was made %d times", made)
	}
	a.memory.products.entries.CleanUp()
	if u := a.Use(); u.Made != 1 || u.Answers != 0 || u.Bytes < 100 || u.Bytes > 100+2*overhead {
		t.Errorf("the use is %+v", u)
	}

	nothing := func(k any) any { return a.Made(k, func() (any, int) { return nil, 0 }) }
	nothing(key{8})
	if got := nothing(key{8}); got != nil {
		t.Errorf("%v was made of nothing", got)
	}
	for _, want := range []any{nil, "made {8}"} {
		if got := ask(key{8}); got != want {
			t.Errorf("after nothing it gave %v, want %v", got, want)
		}
	}

	off := open(t, pages{rows: 1}, Options{})
	for range 3 {
		if got := off.Made(key{7}, func() (any, int) { return "made", 1 }); got != nil {
			t.Errorf("a cache that keeps nothing gave %v", got)
		}
	}
}

// What is made puts no answer out, and no more of it is held than half of the bytes.
func TestWhatIsMadeHasItsOwnHalf(t *testing.T) {
	t.Parallel()
	const bound = 1 << 20
	a := open(t, pages{rows: 40}, Options{Bytes: bound, Fresh: time.Hour})
	for i := range 20 {
		fill(t, a, i, "bounces")
	}
	a.memory.entries.CleanUp()
	answers, held := a.memory.entries.EstimatedSize(), a.memory.entries.WeightedSize()
	for i := range 4000 {
		for range 2 {
			a.Made(i, func() (any, int) { return i, 1000 })
		}
	}
	a.memory.products.entries.CleanUp()
	if n, w := a.memory.entries.EstimatedSize(), a.memory.entries.WeightedSize(); n != answers || w != held {
		t.Errorf("%d answers of %d bytes are left of %d of %d", n, w, answers, held)
	}
	if w := a.memory.products.entries.WeightedSize(); w > bound/2 || w < bound/4 {
		t.Errorf("what is made holds %d bytes of %d", w, bound/2)
	}
	if got := a.Made("large", func() (any, int) { return "large", bound }); got != nil {
		t.Errorf("%v was made the first time", got)
	}
	if got := a.Made("large", func() (any, int) { return "large", bound }); got != "large" {
		t.Errorf("what is too large to keep was given as %v", got)
	}
}
