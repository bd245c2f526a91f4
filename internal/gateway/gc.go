package gateway

import (
	"fmt"
	"io/fs"
	"math"
	"os"
	"path"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"strings"
	"sync"
)

// minMemory is the smallest --memory-limit, in bytes. Below it the gateway would do little but collect garbage.
const minMemory = 32 << 20

// minGarbage is how much garbage may always accumulate before a collection, in bytes.
const minGarbage = 56 << 20

// pace lets minGarbage accumulate before the next collection, or half of what is in use if that is more; and so on
// after each collection. With a fixed percentage, Go would collect the small heap of a gateway hundreds of times a
// second, or leave several times the size of a full cache in garbage. It takes the percentage that is set.
func pace(percent int) {
	samples := []metrics.Sample{
		{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/stack:bytes"}, {Name: "/gc/scan/globals:bytes"},
	}
	metrics.Read(samples)
	used := uint64(0) // what Go takes the percentage of
	for _, s := range samples {
		used += s.Value.Uint64()
	}
	used = max(used, 4<<20) // the least for which Go does so
	want := int(100 * max(minGarbage, used/2) / used)
	if want < percent*9/10 || want > percent*11/10 { // to set it stops all goroutines
		percent = want
		debug.SetGCPercent(percent)
	}
	// Nothing refers to the pointer, so the next collection cleans it up.
	runtime.AddCleanup(new(*byte), pace, percent)
}

var paceOnce = sync.OnceFunc(func() { pace(0) })

// profileNoHeap saves 1 % of the CPU.
var profileNoHeap = sync.OnceFunc(func() { runtime.MemProfileRate = 0 })

// tune sets how much garbage may accumulate before a collection. Near the memory limit Go collects as often as
// necessary. It stops the profile of the heap if the profile cannot be read.
func (c *serveCommand) tune() {
	if !c.AdminPprof {
		profileNoHeap()
	}
	if c.GCPercent > 0 {
		debug.SetGCPercent(c.GCPercent)
	} else if os.Getenv("GOGC") == "" {
		paceOnce()
	}
	if c.MemoryLimit > 0 {
		debug.SetMemoryLimit(int64(c.MemoryLimit))
	} else if debug.SetMemoryLimit(-1) == math.MaxInt64 && os.Getenv("GOMEMLIMIT") == "" { // once in a process
		if n := memory(); n > 0 {
			debug.SetMemoryLimit(n / 10 * 9)
		}
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
