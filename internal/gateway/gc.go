package gateway

import (
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
)

// minMemory is the smallest --memory-limit, in bytes. Below it the gateway would do little but collect garbage.
const minMemory = 32 << 20

// Go collects garbage when the heap has grown by a percentage of the live heap. A gateway's live heap is so small that
// Go would collect hundreds of times a second, and a percentage that prevents that would let a full cache have several
// times its size in garbage beside it. The ballast solves both: collections start after at least half its size has been
// allocated, plus half of the rest of the live heap. The program never writes to it, so it takes address space but no
// memory.
const (
	ballastBytes   = 88 << 20
	ballastPercent = 50
)

var ballast = sync.OnceValue(func() []byte { return make([]byte, ballastBytes) })

// profileNoHeap saves 1 % of the CPU.
var profileNoHeap = sync.OnceFunc(func() { runtime.MemProfileRate = 0 })

// tune sets how much garbage may accumulate before a collection. Near the memory limit Go collects as often as
// necessary. It stops the profile of the heap if the profile cannot be read.
func (c *serveCommand) tune() {
	if !c.AdminPprof {
		profileNoHeap()
	}
	unused := int64(0)
	switch {
	case c.GCPercent > 0:
		debug.SetGCPercent(c.GCPercent)
	case os.Getenv("GOGC") == "":
		unused = int64(len(ballast()))
		debug.SetGCPercent(ballastPercent)
	}
	if c.MemoryLimit > 0 {
		debug.SetMemoryLimit(int64(c.MemoryLimit) + unused)
	} else if os.Getenv("GOMEMLIMIT") == "" && memory() > 0 {
		debug.SetMemoryLimit(memory()/10*9 + unused)
	}
}

// memory returns the memory that this process may use, in bytes: the smallest of GOMEMLIMIT, the container's limit and
// the machine's memory; 0 if none is known.
func memory() int64 {
	least := int64(math.MaxInt64)
	for _, n := range []int64{
		debug.SetMemoryLimit(-1), number("/sys/fs/cgroup/memory.max", "", 1),
		number("/sys/fs/cgroup/memory/memory.limit_in_bytes", "", 1), number("/proc/meminfo", "MemTotal:", 1<<10),
	} {
		if n > 0 {
			least = min(least, n)
		}
	}
	if least == math.MaxInt64 {
		return 0
	}
	return least
}

// number returns the number that follows a name in a file of the kernel's, times unit, or 0.
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
