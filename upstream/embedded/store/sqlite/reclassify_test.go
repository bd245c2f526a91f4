package sqlite_test

import (
	"runtime"
	"strings"
	"testing"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/embedded/store/storetest"
)

func TestReclassifyKeepsFewMessagesInMemory(t *testing.T) {
	s := open(t, "")
	const many = 50
	for n := range many {
		storetest.Write(t, s, store.Batch{Bounces: []upstream.BounceDetail{
			bounceFor(n, "someone", "example.com", strings.Repeat("x", 1<<20)),
		}})
	}
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before, seen := heap(), 0
	changed, err := s.Reclassify(t.Context(), false, func(upstream.BounceDetail) store.Class {
		if seen++; seen == many {
			if grown := heap() - before; grown > many<<20/2 {
				t.Errorf("the memory has grown by %d bytes", grown)
			}
		}
		return store.Class{Type: upstream.Soft, Category: "other"}
	})
	if err != nil || changed != many {
		t.Errorf("it changes %d bounces, %v", changed, err)
	}
	storetest.Sound(t, s)
}
