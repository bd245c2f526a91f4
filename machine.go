package main

import (
	"math"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
)

// minMemory is the least --memory-limit that leaves room for work: below it garbage would
// be collected without end.
const minMemory = 32 << 20

// tune sets how the memory is kept. Near the limit garbage is collected as often as need
// be.
func (c *serveCommand) tune() {
	if c.GCPercent > 0 {
		debug.SetGCPercent(c.GCPercent)
	}
	if c.MemoryLimit > 0 {
		debug.SetMemoryLimit(int64(c.MemoryLimit))
	} else if os.Getenv("GOMEMLIMIT") == "" && memory() > 0 {
		debug.SetMemoryLimit(memory() / 10 * 9)
	}
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
