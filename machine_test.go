package main

import (
	"runtime"
	"testing"
)

// However little lives there may be 44 MiB of garbage beside it, and however much, at most
// 64 MiB, or half as much again.
func TestGarbageIsBounded(t *testing.T) {
	t.Parallel()
	const MiB = 1 << 20
	for live, want := range map[uint64]int{0: 1100, MiB: 1100, 8 * MiB: 550, 11 * MiB: 400, 16 * MiB: 400, 32 * MiB: 200, 64 * MiB: 100, 128 * MiB: 50, 1024 * MiB: 50} {
		if got := percentFor(live); got != want {
			t.Errorf("%d MiB live: %d percent, want %d", live/MiB, got, want)
		}
	}
}

// What lives is told after each collection, not only the first.
func TestCollectionsAreTold(t *testing.T) {
	held := make([]byte, 8<<20)
	told := make(chan uint64)
	done := make(chan struct{})
	defer close(done)
	afterCollections(func(live uint64) {
		select {
		case told <- live:
		case <-done:
		}
	})
	for range 3 {
		runtime.GC()
		if live := <-told; live < uint64(len(held)) {
			t.Errorf("%d bytes live, but %d are held", live, len(held))
		}
	}
	runtime.KeepAlive(held)
}
