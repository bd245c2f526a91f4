package gateway

import (
	"math"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"testing/fstest"
)

// The heap's goal paces collections: what is in use plus the garbage that may accumulate.
func TestGarbageFollowsWhatIsInUse(t *testing.T) {
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(-1))
	(&serveCommand{}).tune()
	goal := []metrics.Sample{{Name: "/gc/heap/goal:bytes"}, {Name: "/gc/heap/live:bytes"}}
	for _, used := range []int{0, 256 << 20, 0} {
		cache := make([]byte, used)
		least := max(minGarbage, used/2) * 9 / 10
		garbage := 0
		for n := 0; garbage < least || garbage > least*3/2; n++ { // until the cleanup after a collection has paced it
			if n == 1000 {
				t.Fatalf("%d MiB of garbage may accumulate beside %d MiB, want %d", garbage>>20, used>>20, least>>20)
			}
			runtime.GC()
			metrics.Read(goal)
			garbage = int(goal[0].Value.Uint64()) - int(goal[1].Value.Uint64())
		}
		runtime.KeepAlive(cache)
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
