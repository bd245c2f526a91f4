package gateway

import (
	"math"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"testing/fstest"
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

// The memory of the gateway ends where that of the machine does, of its container, or of its systemd unit.
func TestMemoryIsTheSmallestLimit(t *testing.T) {
	limit := debug.SetMemoryLimit(math.MaxInt64)
	defer debug.SetMemoryLimit(limit)
	const machine, unit = "proc/meminfo", "sys/fs/cgroup/system.slice/deliverygraph.service/memory.max"
	for _, c := range []struct {
		files map[string]string
		want  int64
	}{
		{nil, 0},
		{map[string]string{machine: "MemTotal:        2048 kB\nMemFree: 1 kB\n"}, 2 << 20},
		{map[string]string{machine: "MemTotal: 2048 kB\n", "sys/fs/cgroup/memory.max": "1048576\n"}, 1 << 20},
		{map[string]string{machine: "MemTotal: 2048 kB\n", unit: "1048576\n"}, 1 << 20},
		{map[string]string{unit: "max\n", "sys/fs/cgroup/system.slice/memory.max": "1048576\n"}, 1 << 20},
		{map[string]string{"sys/fs/cgroup/memory/memory.limit_in_bytes": "1048576\n"}, 1 << 20},
	} {
		root := fstest.MapFS{
			"proc/self/cgroup": {Data: []byte("1:cpu:/\n0::/system.slice/deliverygraph.service\n")},
		}
		for name, text := range c.files {
			root[name] = &fstest.MapFile{Data: []byte(text)}
		}
		if got := memoryOf(root); got != c.want {
			t.Errorf("%q: %d, want %d", c.files, got, c.want)
		}
	}
}
