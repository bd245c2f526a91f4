package gateway

import (
	"fmt"
	"io/fs"
	"math"
	"os"
	"path"
	"runtime"
	"runtime/debug"
	"slices"
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

// memory returns the memory that this process may use, in bytes: the smallest of GOMEMLIMIT, the limits of its
// container or systemd unit and of those around it, and the machine's memory; 0 if none is known.
func memory() int64 { return memoryOf(os.DirFS("/")) }

func memoryOf(root fs.FS) int64 {
	limits := []int64{
		debug.SetMemoryLimit(-1), number(root, "sys/fs/cgroup/memory/memory.limit_in_bytes", ""),
		number(root, "proc/meminfo", "MemTotal:") * 1024,
	}
	text, _ := fs.ReadFile(root, "proc/self/cgroup")
	_, group, _ := strings.Cut(string(text), "0::") // of cgroup v2; a container sees its own as the root
	group, _, _ = strings.Cut(group, "\n")
	for group = path.Join("/", group); ; group = path.Dir(group) {
		limits = append(limits, number(root, path.Join("sys/fs/cgroup", group, "memory.max"), ""))
		if group == "/" {
			break
		}
	}
	least := slices.Min(slices.DeleteFunc(limits, func(n int64) bool { return n <= 0 }))
	if least == math.MaxInt64 {
		return 0
	}
	return least
}

// number returns the number that follows a name in a file of the kernel's, or 0.
func number(root fs.FS, file, name string) (n int64) {
	text, _ := fs.ReadFile(root, file)
	_, rest, _ := strings.Cut(string(text), name)
	_, _ = fmt.Sscan(rest, &n)
	return n
}
