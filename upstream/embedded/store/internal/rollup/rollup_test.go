package rollup

import (
	"testing"

	"deliverygraph/upstream"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestADayIsTheSumOfWhatWasAdded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := map[Source]Hours{}
		var day []byte
		for range rapid.IntRange(1, 6).Draw(t, "batches") {
			more := map[Source]*Hours{}
			for range rapid.IntRange(0, 8).Draw(t, "rows") {
				s := Source{
					upstream.ID(rapid.Int64Range(-2, 3).Draw(t, "user")), upstream.ID(rapid.Int64().Draw(t, "sender")),
					rapid.SampledFrom([]string{"hard", "soft", "", "o\x00dd"}).Draw(t, "type"),
				}
				hour, n := rapid.IntRange(0, 23).Draw(t, "hour"), rapid.Int64Range(-300, 300).Draw(t, "n")
				w := want[s]
				if more[s] == nil {
					more[s] = &Hours{}
				}
				n = max(n, -w[hour]) // what is taken away was there
				more[s][hour] += n
				w[hour] += n
				want[s] = w
				if w == (Hours{}) {
					delete(want, s)
				}
			}
			var err error
			if day, err = Add(day, more); err != nil {
				t.Fatal(err)
			}
		}
		got := map[Source]Hours{}
		var last Source
		each := func(want func(Source) bool) {
			last = Source{User: -1 << 63}
			err := Each(day, want, func(s Source, hours []Count) {
				if s.compare(last) <= 0 {
					t.Fatalf("%v after %v", s, last)
				}
				x := got[s]
				for _, h := range hours {
					x[h.Hour] += h.N
				}
				last, got[s] = s, x
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if rapid.Bool().Draw(t, "at once") {
			each(nil)
		} else { // each source, leaving out the others
			each(func(s Source) bool { return s.User > 0 })
			each(func(s Source) bool { return s.User <= 0 })
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Fatal(d)
		}
		if len(want) == 0 && len(day) > 0 {
			t.Fatal("a day without events has bytes")
		}
	})
}

func FuzzADayIsReadOrRefused(f *testing.F) {
	day, _ := Add(nil, map[Source]*Hours{{1, 2, "hard"}: {3, 0, 500}, {1, 3, "soft"}: {1}})
	f.Add(day)
	f.Fuzz(func(_ *testing.T, data []byte) {
		_ = Each(data, nil, func(Source, []Count) {})
		_ = Each(data, func(s Source) bool { return s.User == 1 }, func(Source, []Count) {})
	})
}
