package sqlite_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/embedded/store/sqlite"
	"deliverygraph/upstream/embedded/store/storetest"
)

// BenchmarkStore makes a store, sends it every documented request, many times with other arguments, and prints the
// durations as a Markdown table:
//
//	STORE_BENCH_EMAILS=5000000 go test -bench Store -run '^$' -timeout 1h ./upstream/embedded/store/sqlite
//
// STORE_BENCH_EMAILS is the number of emails, 50,000 by default. Of 20 emails one bounces, and of 83 one is blocked.
// STORE_BENCH_PATH keeps the store in that file, or uses an existing one. STORE_BENCH_REQUESTS is a regular expression
// that selects requests by name. CPU is the time of the requesting thread, which is more reliable than the clock on a
// busy machine; it is 0 if unknown.
func BenchmarkStore(b *testing.B) {
	emails := 50000
	if v := os.Getenv("STORE_BENCH_EMAILS"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1000 {
			b.Fatalf("STORE_BENCH_EMAILS is %q, which is not a number of 1000 or more", v)
		}
		emails = n
	}
	path := os.Getenv("STORE_BENCH_PATH")
	if path == "" {
		path = filepath.Join(b.TempDir(), "events.db")
	}
	if _, err := os.Stat(path); err != nil {
		load(b, path, emails)
	}
	s := open(b, path)
	info := storetest.Must[store.Info](b)(s.Info(context.Background()))
	for _, k := range upstream.Kinds {
		fmt.Printf("%d %s\n", info.Of(k).Rows, k)
	}
	fmt.Printf("\n| request | rows | p50 ms | p99 ms | CPU p50 ms | CPU p99 ms |\n| --- | --- | --- | --- | --- " +
		"| --- |\n")
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var worst, worstCPU time.Duration
	only := regexp.MustCompile(os.Getenv("STORE_BENCH_REQUESTS"))
	for _, r := range storetest.Requests(info) {
		if !only.MatchString(r.Name) {
			continue
		}
		rnd := rand.New(rand.NewPCG(1, 2))
		took := make([]time.Duration, 0, 200)
		busy := make([]time.Duration, 0, 200)
		rows := 0
		for range cap(took) {
			start, cpu := time.Now(), threadCPU()
			n, err := r.Ask(s, rnd)
			took, busy = append(took, time.Since(start)), append(busy, threadCPU()-cpu)
			if err != nil {
				b.Fatalf("%s: %v", r.Name, err)
			}
			rows = max(rows, n)
		}
		slices.Sort(took)
		slices.Sort(busy)
		p50, p99 := len(took)/2, len(took)*99/100
		worst = max(worst, took[p99])
		worstCPU = max(worstCPU, busy[p99])
		fmt.Printf("| %s | %d | %s | %s | %s | %s |\n", r.Name, rows, ms(took[p50]), ms(took[p99]), ms(busy[p50]),
			ms(busy[p99]))
	}
	b.ReportMetric(float64(worst.Microseconds())/1000, "worst-p99-ms")
	b.ReportMetric(float64(worstCPU.Microseconds())/1000, "worst-p99-CPU-ms")
	b.ReportMetric(0, "ns/op")
}

func ms(d time.Duration) string { return fmt.Sprintf("%.2f", float64(d.Microseconds())/1000) }

// load writes the sample in batches of 32,768 emails, as imports do, and prints the duration without that of making
// them.
func load(b *testing.B, path string, emails int) {
	s := storetest.Must[*sqlite.Store](b)(sqlite.Open(context.Background(), sqlite.Options{Path: path}))
	var took, busy, slowest time.Duration
	rows := 0
	for batch := range storetest.Batches(emails, 32768) {
		start, cpu := time.Now(), processCPU()
		n := storetest.Write(b, s, batch)
		d := time.Since(start)
		busy += processCPU() - cpu
		took, slowest, rows = took+d, max(slowest, d), rows+n.New
	}
	start, cpu := time.Now(), processCPU()
	if err := s.Finish(context.Background()); err != nil {
		b.Fatal(err)
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	fmt.Printf("%.1f s of them (%.1f s of CPU) for the indexes\n", time.Since(start).Seconds(),
		(processCPU() - cpu).Seconds())
	took += time.Since(start)
	busy += processCPU() - cpu
	st, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	fmt.Printf("%d rows loaded in %.1f s (%.1f s of CPU): %.0f rows/s, slowest batch %s ms, "+
		"%.1f bytes a row on disk, %d MB of heap from the system\n\n",
		rows, took.Seconds(), busy.Seconds(), float64(rows)/took.Seconds(), ms(slowest),
		float64(st.Size())/float64(rows), mem.HeapSys>>20)
	b.ReportMetric(float64(rows)/took.Seconds(), "rows-loaded/s")
}
