package gateway

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"runtime/debug"
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
	least := debug.SetMemoryLimit(-1)
	for _, n := range []int64{
		number("/sys/fs/cgroup/memory.max", ""), number("/sys/fs/cgroup/memory/memory.limit_in_bytes", ""),
		number("/proc/meminfo", "MemTotal:") * 1024,
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

// number returns the number that follows a name in a file of the kernel's, or 0.
func number(file, name string) (n int64) {
	text, _ := os.ReadFile(file)
	_, rest, _ := strings.Cut(string(text), name)
	_, _ = fmt.Sscan(rest, &n)
	return n
}
