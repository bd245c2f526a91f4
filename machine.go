package main

import (
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"sync"
)

// minMemory is the least --memory-limit that leaves room for work: below it garbage would
// be collected without end.
const minMemory = 32 << 20

// tune sets how the memory is kept. Near the limit garbage is collected as often as need
// be.
func (c *serveCommand) tune() {
	if c.GCPercent > 0 {
		pace.Do(func() {}) // never
		debug.SetGCPercent(c.GCPercent)
	} else if os.Getenv("GOGC") == "" {
		pace.Do(paceCollections)
	}
	if c.MemoryLimit > 0 {
		debug.SetMemoryLimit(int64(c.MemoryLimit))
	} else if os.Getenv("GOMEMLIMIT") == "" && memory() > 0 {
		debug.SetMemoryLimit(memory() / 10 * 9)
	}
}

// pace has the percentage follow the memory in use, from the first gateway of the process
// on.
var pace sync.Once

// Answers allocate much beside what lives, so that collecting less often than Go does
// spares a third of the time, for some tens of megabytes: garbage may be four times what
// lives. It may always be minGarbage, as little lives between small answers. And a large
// cache must not have several times its size on top: from maxGarbage on, garbage grows no
// more, until collecting would cost more than the memory is worth.
const (
	usualPercent = 400
	leastPercent = 50
	minGarbage   = 44 << 20
	maxGarbage   = 64 << 20
)

// paceCollections collects garbage as often as is right for what lives.
func paceCollections() {
	percent := usualPercent
	debug.SetGCPercent(percent)
	afterCollections(func(live uint64) {
		if p := percentFor(live); p < percent*9/10 || p > percent*11/10 { // to set it stops all goroutines
			percent = p
			debug.SetGCPercent(p)
		}
	})
}

// percentFor is how much to allocate before the next collection, in percent of the live
// bytes that the last one has found.
func percentFor(live uint64) int {
	live = max(live, 4<<20) // which Go takes for the least
	garbage := min(max(live*usualPercent/100, minGarbage), maxGarbage)
	return int(max(100*garbage/live, leastPercent))
}

// afterCollections calls f after each collection of garbage, with the bytes that it found
// live, those of stacks and globals too: Go's percentage is of all of them. An object that nobody holds tells of it: the collection cleans it up.
func afterCollections(f func(live uint64)) {
	type herald struct{ _ *byte } // not so small that Go puts it together with others
	samples := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/stack:bytes"}, {Name: "/gc/scan/globals:bytes"}}
	var await func()
	await = func() {
		runtime.AddCleanup(&herald{}, func(int) {
			metrics.Read(samples)
			live := uint64(0)
			for _, s := range samples {
				live += s.Value.Uint64()
			}
			f(live)
			await()
		}, 0)
	}
	await()
}

// memory is what this process may use, in bytes: the least of Go's own limit
// (GOMEMLIMIT), the container's, and the machine's; 0 where none is known.
func memory() int64 {
	least := int64(math.MaxInt64)
	for _, n := range []int64{debug.SetMemoryLimit(-1), number("/sys/fs/cgroup/memory.max", "", 1), number("/sys/fs/cgroup/memory/memory.limit_in_bytes", "", 1), number("/proc/meminfo", "MemTotal:", 1<<10)} {
		if n > 0 {
			least = min(least, n)
		}
	}
	if least == math.MaxInt64 {
		return 0
	}
	return least
}

// number reads the number that follows a name in a file of the kernel's, or 0.
func number(file, name string, unit int64) int64 {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), name)
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return 0
	}
	n, err := strconv.ParseInt(fields[0], 10, 64)
	if err != nil || n > math.MaxInt64/unit {
		return 0
	}
	return n * unit
}
