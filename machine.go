package main

import (
	"math"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
)

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
