package feed_test

import (
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"deliverygraph/resolvers/feed"
	"deliverygraph/upstream"
)

// A subscription that resumes does not compare each bounce of a second with all that came before it in that second.
func TestResumingBeforeManyBouncesOfASecondIsCheap(t *testing.T) { // not parallel, since it measures the process
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		f := w.feed(feed.Options{})
		defer f.Close()
		s := subscribe(t, f, upstream.ListQuery{}, nil)
		w.appear(20, 1, 0)
		time.Sleep(10 * time.Second)
		_, e, err := read(t, s)
		if e == nil || err != nil {
			t.Fatal(e, err)
		}
		cursor := s.Cursor(e)
		s.Close()
		allocated := func(bounces int) uint64 {
			time.Sleep(time.Hour)
			w.appear(20, bounces, 30*time.Minute)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			s := subscribe(t, f, upstream.ListQuery{}, &cursor)
			defer s.Close()
			ids, e, err := read(t, s)
			if len(ids) < bounces || err != nil {
				t.Fatalf("%d bounces, %v", len(ids), err)
			}
			cursor = s.Cursor(e)
			runtime.ReadMemStats(&after)
			return after.TotalAlloc - before.TotalAlloc
		}
		allocated(600) // the cursor has as many bounces as it can have from here on
		if n := allocated(12_000); n > 1<<30 {
			t.Errorf("%d bytes for 12,000 bounces", n)
		}
	})
}
