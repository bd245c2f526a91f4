package gateway

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
)

// The heap's goal paces collections: the live heap plus the garbage that may accumulate.
func TestSmallHeapsAreCollectedRarely(t *testing.T) {
	percent, limit := debug.SetGCPercent(-1), debug.SetMemoryLimit(-1)
	defer func() { debug.SetGCPercent(percent); debug.SetMemoryLimit(limit) }()
	(&serveCommand{}).tune()
	runtime.GC() // scans the ballast
	goal := []metrics.Sample{{Name: "/gc/heap/goal:bytes"}, {Name: "/gc/heap/live:bytes"}}
	metrics.Read(goal)
	garbage := int64(goal[0].Value.Uint64()) - int64(goal[1].Value.Uint64())
	if garbage < ballastBytes/2 || garbage > ballastBytes*3/4 {
		t.Errorf("%d MiB of garbage may gather, want about half of the ballast", garbage>>20)
	}
}
